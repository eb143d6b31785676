// What the browser has no function for, or not everywhere.

/** A random UUID, also where the page is not on HTTPS. */
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

/** The next frame is on screen, or no frames are drawn at present. */
export const painted = () =>
  new Promise<void>((done) => {
    requestAnimationFrame(() => setTimeout(done, 0));
    setTimeout(done, FRAME_MS);
  });

/**
 * One after the other among all tabs, where the browser can do that; else among callers in this
 * tab.
 */
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

/** The limits of the server, in characters as `charsIn` counts them. */
export const TITLE_MAX = 200;
export const NOTES_MAX = 20_000;

/** How many characters the server counts: those of NFC, of which an emoji may be one. */
export const charsIn = (text: string) => [...text.normalize("NFC")].length;

/** What of a text is within a limit of characters. */
export const clip = (text: string, max: number) =>
  text.length > max && charsIn(text) > max
    ? [...text.normalize("NFC")].slice(0, max).join("")
    : text;

/** From so many characters on, the count is shown. */
export const isNearLimit = (count: number, max: number) => count >= max * 0.9;

/** What a field holds after an input, within a limit: `maxlength` counts other units. */
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
