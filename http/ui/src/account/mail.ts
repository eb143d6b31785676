// Whether this server sends mail. It says so when it is asked to; from then on, nothing that needs
// mail is offered in this tab.
import { signal } from "@preact/signals";
import { Refusal } from "../sync/api";

const STORED_AS = "taskwell.mail";

function stored() {
  try {
    return sessionStorage.getItem(STORED_AS) === "off";
  } catch {
    return false;
  }
}

export const isMailOff = signal(stored());

/** Does what needs mail; remembers if there is none. */
export async function withMail(work: () => Promise<unknown>) {
  try {
    await work();
  } catch (error) {
    if (
      error instanceof Refusal &&
      error.status === 409 &&
      error.detail.startsWith("This server cannot send mail")
    ) {
      isMailOff.value = true;
      try {
        sessionStorage.setItem(STORED_AS, "off");
      } catch {
        // This tab remembers it.
      }
    }
    throw error;
  }
}
