// Helpers that browsers lack, or that not all of them have.

/** Returns a random UUID, also without HTTPS. */
export function uuid() {
  if (crypto.randomUUID) {
    return crypto.randomUUID();
  }
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

export const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

const FRAME_MS = 100;

/** Resolves after the next frame is drawn, or if no frames are drawn at present. */
export const painted = () =>
  new Promise<void>((done) => {
    requestAnimationFrame(() => setTimeout(done, 0));
    setTimeout(done, FRAME_MS);
  });

/** Runs work under a lock across tabs if the browser supports it, otherwise within this tab. */
export function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) {
    return navigator.locks.request(name, work);
  }
  const before = queues.get(name) ?? Promise.resolve();
  const after = before.then(work, work);
  queues.set(
    name,
    after.catch(() => undefined),
  );
  return after;
}
const queues: Map<string, Promise<unknown>> = new Map();

export const classes = (...names: (string | false | null | undefined)[]) =>
  names.filter(Boolean).join(" ");

/** The server's limits, in characters as `charsIn` counts them. */
export const TITLE_MAX = 200;
export const NOTES_MAX = 20_000;

/** Counts characters as the server does: the code points of NFC. */
export const charsIn = (text: string) => [...text.normalize("NFC")].length;

/** Truncates a text to a number of characters. */
export const clip = (text: string, max: number) =>
  text.length > max && charsIn(text) > max
    ? [...text.normalize("NFC")].slice(0, max).join("")
    : text;

/** Returns whether a count is close enough to the limit to be shown. */
export const isNearLimit = (count: number, max: number) => count >= max * 0.9;

/**
 * Returns a field's value after an input, cut to the limit, because `maxlength` counts UTF-16
 * units.
 */
export function typedIn(event: Event, max: number) {
  const field = event.currentTarget as HTMLInputElement | HTMLTextAreaElement;
  if (!(event as InputEvent).isComposing && field.value.length > max) {
    const clipped = clip(field.value, max);
    if (clipped !== field.value) {
      field.value = clipped;
    }
  }
  return field.value;
}
