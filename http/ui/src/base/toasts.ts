// Short notices with one action, and announcements for screen readers.
import type { Toast } from "../base/types";
import type { Signal } from "@preact/signals";
import { signal } from "@preact/signals";

export const toasts: Signal<Toast[]> = signal([]);
/** The text that screen readers announce. */
export const spoken = signal("");
const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;
let nextId = 1;
let speaking: ReturnType<typeof setTimeout> | undefined;

export function toast(
  text: string,
  {
    kind = "plain",
    action,
    ms = SHOWN_MS,
  }: { kind?: "plain" | "error"; action?: Toast["action"]; ms?: number } = {},
) {
  const id = nextId++;
  const shown: Toast = { id, text, kind, stays: ms === Infinity, ...(action ? { action } : {}) };
  // Show only the newest plain notice, beside errors and notices that stay until answered.
  const staying = toasts.value.filter((other) => other.stays && other.text !== text);
  toasts.value = [
    ...staying,
    ...toasts.value.filter((other) => other.kind === "error" && !other.stays).slice(1 - SHOWN_MAX),
    shown,
  ];
  announce(text);
  if (ms < Infinity) {
    setTimeout(() => dismiss(id), kind === "error" ? 2 * ms : ms);
  }
  return id;
}

export const dismiss = (id: number) =>
  (toasts.value = toasts.value.filter((shown) => shown.id !== id));

/** Removes all notices and the announced text, because they name tasks. */
export function clearToasts() {
  toasts.value = [];
  spoken.value = "";
  clearTimeout(speaking);
}

/** Announces a text to screen readers only. */
export function announce(text: string) {
  spoken.value = "";
  clearTimeout(speaking);
  speaking = setTimeout(() => (spoken.value = text), 50);
}
