// Keyboard shortcuts, which apply while no field has the focus.
import type { Priority } from "../base/types";
import { batch } from "@preact/signals";
import { nextStatus, removeAll, set, setDay, toggle, undoLast } from "../state/acts";
import { hasShortcuts } from "../base/shortcuts";
import { moveOnBoard } from "./board";
import { helping } from "./dialogs";
import { flip } from "./list";
import {
  cursor,
  editing,
  go,
  indexIn,
  order,
  search,
  selection,
  view,
  wantsFocus,
} from "../state/state";
import { records } from "../sync/store";
import { localDay, now } from "../base/when";

/** Views by the key pressed after `g`. */
const places: Record<string, string> = {
  t: "/app/today",
  a: "/",
  b: "/app/board",
  d: "/app/done",
  s: "/app/settings",
};
const priorityKeys: Priority[] = ["urgent", "high", "medium", "low"];
let wentAt = -Infinity;

/** Returns the tasks that a key acts on: the selected ones, or the one under the cursor. */
const targets = () =>
  selection.peek().size > 0
    ? [...selection.peek()]
    : records.has(cursor.peek() ?? "")
      ? [cursor.peek() ?? ""]
      : [];

function move(step: number, selects: boolean) {
  const recs = order.peek();
  const at = indexIn(recs, cursor.peek());
  const to = Math.max(0, Math.min(recs.length - 1, at + (at < 0 && step < 0 ? 0 : step)));
  const next = recs[to]?.key;
  if (next === undefined) {
    return;
  }
  if (selects) {
    selection.value = new Set([
      ...selection.peek(),
      ...(at >= 0 ? [cursor.peek() ?? ""] : []),
      next,
    ]);
  }
  cursor.value = next;
  wantsFocus.value = true;
}

/** Moves the cursor. Returns whether the key does that. */
function lead(key: string, selects: boolean) {
  if (view.peek() === "board") {
    return moveOnBoard(key, selects);
  }
  const steps: Record<string, number> = {
    ArrowDown: 1,
    j: 1,
    ArrowUp: -1,
    k: -1,
    Home: -Infinity,
    End: Infinity,
  };
  const step = steps[key];
  return step !== undefined && (move(step, selects && Math.abs(step) === 1), true);
}

/** Runs the shortcuts that need a task. */
function onTasks(key: string, keys: string[]) {
  const today = localDay(now.peek());
  const one = keys.at(-1) ?? "";
  switch (key) {
    case " ":
    case "c":
      return (toggle(keys), true);
    case "Enter":
    case "e":
    case "o":
      return ((editing.value = one), true);
    case "1":
    case "2":
    case "3":
    case "4":
      return (set(keys, { priority: priorityKeys[Number(key) - 1] ?? "medium" }), true);
    case "s":
      return (keys.forEach(nextStatus), true);
    case "t":
      return (setDay(keys, today), true);
    case "m":
      return (setDay(keys, today + 1), true);
    case "x":
      return (flip(cursor.peek() ?? one), true);
    case "Delete":
    case "Backspace":
    case "#":
      return (removeAll(keys), (wantsFocus.value = true), true);
    default:
      return false;
  }
}

/**
 * Returns whether the focus is in a row or the selection bar. Elsewhere, keys do not act on tasks.
 */
const isAtTasks = (target: Element) => target.closest("[data-key], .bulk") !== null;

/**
 * Returns whether `z` undoes here. Outside the list it may be stray typing, unless the list is
 * empty and has no row to focus.
 */
const canUndo = (target: Element) =>
  isAtTasks(target) || target.closest(".toasts") !== null || order.peek().length === 0;

/** Returns whether a key is a single character, which the setting can turn off. Space is not. */
const isCharacter = (key: string) => [...key].length === 1 && key !== " ";

/** Handles a key press. Returns whether the key had a meaning. */
function pressKey(event: KeyboardEvent): boolean {
  const { key } = event;
  const target = event.target as Element;
  if (isCharacter(key) && !hasShortcuts.peek()) {
    return false;
  }
  const isTasks = ["tasks", "today", "done", "board"].includes(view.peek());
  if (event.timeStamp - wentAt < 1_000) {
    wentAt = -Infinity;
    const place = places[key];
    if (place) {
      return (go(place), true);
    }
  }
  switch (key) {
    case "?":
      return ((helping.value = true), true);
    case "g":
      return ((wentAt = event.timeStamp), true);
    case "z":
      return canUndo(target) && (undoLast(), true);
    case "n":
    case "q":
    case "/": {
      const field = () => document.getElementById(key === "/" ? "search" : "add");
      if (field()) {
        // Focus at once, because the next key belongs in the field.
        field()?.focus();
      } else {
        go("/");
        setTimeout(() => field()?.focus(), 0);
      }
      return true;
    }
    case "Escape":
      if (selection.peek().size > 0) {
        return ((selection.value = new Set()), true);
      }
      return false;
    default: {
      const isAt = isAtTasks(target);
      if (isTasks && (isAt || !isCharacter(key)) && lead(key, event.shiftKey)) {
        return true;
      }
      const keys = isTasks && isAt ? targets() : [];
      return keys.length > 0 && onTasks(key, keys);
    }
  }
}

export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) {
      return;
    }
    const isField = target.closest("input, textarea, select, [contenteditable]") !== null;
    if (isField) {
      if (event.key === "Escape") {
        target.blur();
        if (target.id === "search") {
          search.value = "";
        }
        pressKey(event);
      }
      return;
    }
    const withControl = event.ctrlKey || event.metaKey;
    if (withControl && event.key === "a" && order.peek().length > 0) {
      selection.value = new Set(order.peek().map((rec) => rec.key));
      wantsFocus.value ||= !isAtTasks(target);
      event.preventDefault();
    } else if (withControl && event.key === "z" && !event.shiftKey) {
      undoLast();
      event.preventDefault();
    } else if (!withControl && !event.altKey) {
      // Buttons and links handle Enter and Space themselves.
      const isOwn =
        ["Enter", " "].includes(event.key) && target.closest("button, a, summary") !== null;
      if (!isOwn && batch(() => pressKey(event))) {
        event.preventDefault();
      }
    }
  });
}
