// Short notices with one action, and what screen readers are told.
import { html, signal } from "./lib.js";
import { t } from "./texts.js";

/** @typedef {import("./types.d.ts").Toast} Toast */

/** @type {import("@preact/signals").Signal<Toast[]>} */
const toasts = signal([]);
/** What is read out. */
const spoken = signal("");
const SHOWN_MS = 6_000;
const SHOWN_MAX = 3;
let nextId = 1;

/** @param {string} text @param {{ kind?: "plain" | "error", action?: Toast["action"], ms?: number }} options */
export function toast(text, { kind = "plain", action, ms = SHOWN_MS } = {}) {
  const id = nextId++;
  /** @type {Toast} */
  const shown = { id, text, kind, stays: ms === Infinity, ...(action ? { action } : {}) };
  // One plain notice at a time: the newest. Errors stay beside it, and what stays until it is answered.
  const staying = toasts.value.filter((other) => other.stays && other.text !== text);
  toasts.value = [...staying, ...toasts.value.filter((other) => other.kind === "error" && !other.stays).slice(1 - SHOWN_MAX), shown];
  say(text);
  if (ms < Infinity) {
    setTimeout(() => dismiss(id), kind === "error" ? 2 * ms : ms);
  }
  return id;
}

/** @param {number} id */
export const dismiss = (id) => (toasts.value = toasts.value.filter((shown) => shown.id !== id));

/** Takes all notices away, also what was read out: they name tasks. */
export function hush() {
  toasts.value = [];
  spoken.value = "";
}

/** Tells screen readers alone. @param {string} text */
export function say(text) {
  spoken.value = "";
  setTimeout(() => (spoken.value = text), 50);
}

export function Toasts() {
  return html`
    <section class="toasts" aria-label=${t.toast.label}>
      ${toasts.value.map((one) => html`
        <div class=${`toast ${one.kind}`} key=${one.id}>
          <span>${one.text}</span>
          ${one.action && html`<button class="link" onClick=${() => { dismiss(one.id); one.action?.run(); }}>${one.action.label}</button>`}
          <button class="icon-button" aria-label=${t.toast.dismiss} onClick=${() => dismiss(one.id)}>✕</button>
        </div>`)}
    </section>
    <div class="visually-hidden" role="status" aria-live="polite">${spoken}</div>`;
}
