// Whether the server can send mail. The page says so, but a cached copy may be outdated, so a
// failed request also counts. Without mail, features that need it are hidden.
import { signal } from "@preact/signals";
import { Refusal } from "../sync/api";

export const isMailOff = signal(document.documentElement.dataset["mail"] === "off");

/** Runs a request that needs mail, and remembers if the server cannot send any. */
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
