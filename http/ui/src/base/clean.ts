// Normalizes texts as the server stores them: NFC, without the control characters that it rejects.
// Pasted texts often need both.
import type { Patch } from "./types";

/** Converts to NFC and replaces unpaired surrogates. */
const normal = (text: string) => text.replace(/\p{Cs}/gu, "\ufffd").normalize("NFC");

/** Cleans a text of one line. */
export const cleanLine = (text: string) =>
  normal(text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ").replace(/\p{Cc}/gu, "")).trim();

/** Cleans a text of any number of lines. */
export const cleanLines = (text: string) =>
  normal(text.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, "\n").replace(/(?![\n\t])\p{Cc}/gu, ""));

/** Returns a change with cleaned texts. */
export function cleaned<P extends Patch>(patch: P): P {
  const next = { ...patch };
  if (typeof next.title === "string") {
    next.title = cleanLine(next.title);
  }
  if (typeof next.description === "string") {
    next.description = cleanLines(next.description);
  }
  return next;
}

/** Returns whether the server treats two values as equal. */
export const isSame = (a: unknown, b: unknown) =>
  a === b ||
  (typeof a === "string" && typeof b === "string" && a.normalize("NFC") === b.normalize("NFC"));
