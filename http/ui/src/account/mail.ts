// Whether this server sends mail: its document says so, which may be an old one, and it says so
// again when it is asked to send some. Without mail, nothing that needs it is offered.
import { signal } from "@preact/signals";
import { Refusal } from "../sync/api";

export const isMailOff = signal(document.documentElement.dataset["mail"] === "off");

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
    }
    throw error;
  }
}
