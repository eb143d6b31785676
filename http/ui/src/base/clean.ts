// Texts as the server stores them: in NFC, without the control characters that it refuses. Pasted
// texts have both, such as the line breaks of word processors.
import type { Patch } from "./types";

/** NFC; half a surrogate pair stands for no character. */
const normal = (text: string) => text.replace(/\p{Cs}/gu, "\ufffd").normalize("NFC");

/** One line. */
export const cleanLine = (text: string) =>
  normal(text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ").replace(/\p{Cc}/gu, "")).trim();

/** Any number of lines. */
export const cleanLines = (text: string) =>
  normal(text.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, "\n").replace(/(?![\n\t])\p{Cc}/gu, ""));

/** The same with clean texts. */
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

/** Whether two values are the same to the server. */
export const isSame = (a: unknown, b: unknown) =>
  a === b ||
  (typeof a === "string" && typeof b === "string" && a.normalize("NFC") === b.normalize("NFC"));
