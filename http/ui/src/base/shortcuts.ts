// The setting that turns off single-character shortcuts, because speech input and stray typing
// trigger them (WCAG 2.1.4). It belongs to this browser, for all accounts.
import { signal } from "@preact/signals";

const STORED_AS = "taskwell.shortcuts";

function stored() {
  try {
    return localStorage.getItem(STORED_AS) !== "off";
  } catch {
    return true;
  }
}

export const hasShortcuts = signal(stored());
addEventListener("storage", () => (hasShortcuts.value = stored()));

export function keepShortcuts(on: boolean) {
  hasShortcuts.value = on;
  try {
    if (on) {
      localStorage.removeItem(STORED_AS);
    } else {
      localStorage.setItem(STORED_AS, "off");
    }
  } catch (error) {
    console.warn("this browser does not keep the choice of shortcuts:", error);
  }
}
