// What every module of the page takes from the libraries.
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import htm from "htm";
import { Component, Fragment, h, render } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export const html = htm.bind(h);
export { Component, Fragment, batch, computed, effect, render, signal, untracked, useEffect, useLayoutEffect, useRef, useState };

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

/** @param {number} ms */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One after the other among all tabs, where the browser can do that; else among callers in this tab.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} */
export function alone(name, work) {
  if (navigator.locks) {
    return /** @type {Promise<T>} */ (navigator.locks.request(name, work));
  }
  const before = queues.get(name) ?? Promise.resolve();
  const after = before.then(work, work);
  queues.set(name, after.catch(() => undefined));
  return after;
}
/** @type {Map<string, Promise<unknown>>} */
const queues = new Map();

/** @param {(string | false | null | undefined)[]} names */
export const classes = (...names) => names.filter(Boolean).join(" ");
