// What a person can do with tasks: each act shows at once, is told to screen readers, and can be undone.
import { UNDO_MS, change, create, remove } from "./queue.js";
import { cursor, editing, linger, order, selection, view } from "./state.js";
import { records } from "./store.js";
import { t } from "./texts.js";
import { say, toast } from "./toast.js";
import { isAllDay, isoOfDay, isoOfMoment, localDay, momentOf, now } from "./when.js";
import { understand } from "./words.js";

/** @typedef {import("./types.d.ts").Patch} Patch */
/** @typedef {import("./types.d.ts").Task} Task */

const UNDO_STEPS_MAX = 50;
/** @type {(() => void)[]} */
const undos = [];

/** @param {() => void} undo */
function undoable(undo) {
  undos.push(undo);
  undos.splice(0, undos.length - UNDO_STEPS_MAX);
  return { label: t.toast.undo, run: () => undoOne(undo) };
}

/** @param {(() => void) | undefined} undo */
function undoOne(undo) {
  if (!undo) {
    say(t.toast.nothingToUndo);
    return;
  }
  undos.splice(undos.indexOf(undo), undos.includes(undo) ? 1 : 0);
  undo();
  say(t.toast.undone);
}

/** Another account has nothing to undo here. */
export const forgetActs = () => void undos.splice(0);

export const undoLast = () => undoOne(undos.at(-1));

/** @param {string} line @param {string[]} plain
 * @returns {string | null} what is wrong with it */
export function add(line, plain) {
  const understood = understand(line, now.peek(), plain);
  const length = [...understood.title].length;
  if (length === 0) {
    return t.add.empty;
  }
  if (length > 200) {
    return t.add.tooLong(length);
  }
  /** @type {Patch & { title: string }} */
  const body = { title: understood.title };
  if (understood.priority) {
    body.priority = understood.priority;
  }
  const due = understood.due_date ?? (view.peek() === "today" ? isoOfDay(localDay(now.peek())) : null);
  if (due) {
    body.due_date = due;
  }
  const key = create(body);
  cursor.value = key;
  undoable(() => remove(key));
  say(t.toast.added(understood.title));
  return null;
}

/** Changes tasks alike. @param {string[]} keys @param {Patch} wanted
 * @returns {{ changed: string[], undo: () => void }} */
function changeAll(keys, wanted) {
  /** @type {[string, Patch][]} */
  const before = [];
  for (const key of keys) {
    const was = change(key, wanted);
    if (was) {
      before.push([key, was]);
    }
  }
  return { changed: before.map(([key]) => key), undo: () => before.forEach(([key, was]) => change(key, was)) };
}

/** Completes tasks, or reopens them where all are completed. @param {string[]} keys */
export function toggle(keys) {
  const recs = keys.map((key) => records.get(key)).filter((rec) => rec !== undefined);
  const completes = recs.some((rec) => rec.view.status !== "completed");
  if (completes && view.peek() !== "board") {
    keys.forEach(linger);
  }
  const { changed, undo } = changeAll(keys, { status: completes ? "completed" : "pending" });
  const title = recs[0]?.view.title ?? "";
  if (changed.length > 1) {
    toast(completes ? t.toast.completedMany(changed.length) : t.toast.changedMany(changed.length), { action: undoable(undo) });
  } else if (completes && changed.length === 1) {
    toast(t.toast.completed(title), { action: undoable(undo) });
  } else if (changed.length === 1) {
    undoable(undo);
    say(t.task.reopen(title));
  }
}

/** @param {string[]} keys @param {Patch} wanted */
export function set(keys, wanted) {
  const { changed, undo } = changeAll(keys, wanted);
  if (changed.length > 1) {
    toast(t.toast.changedMany(changed.length), { action: undoable(undo) });
  } else if (changed.length === 1) {
    undoable(undo);
  }
}

/** @param {string[]} keys */
export function removeAll(keys) {
  const title = records.get(keys[0] ?? "")?.view.title ?? "";
  const after = rowBeside(keys);
  if (keys.includes(editing.peek() ?? "")) {
    editing.value = null;
  }
  const undo = keys.map(remove).filter((one) => one !== null);
  if (undo.length === 0) {
    return;
  }
  cursor.value = after;
  selection.value = new Set();
  const text = undo.length === 1 ? t.toast.deleted(title) : t.toast.deletedMany(undo.length);
  toast(text, { action: undoable(() => undo.forEach((one) => one())), ms: UNDO_MS });
}

/** Where the cursor goes when these are gone. @param {string[]} keys */
function rowBeside(keys) {
  const all = order.peek();
  const last = Math.max(...keys.map((key) => all.indexOf(key)));
  const rest = (/** @type {string} */ key) => !keys.includes(key);
  return all.slice(last + 1).find(rest) ?? all.slice(0, Math.max(last, 0)).reverse().find(rest) ?? null;
}

/** Another day, at the same time. @param {string[]} keys @param {number} day */
export function setDay(keys, day) {
  if (keys.length !== 1) {
    set(keys, { due_date: isoOfDay(day) });
    return;
  }
  const due = records.get(keys[0] ?? "")?.view.due_date ?? null;
  const at = due === null || isAllDay(due) ? null : new Date(due);
  set(keys, { due_date: at ? isoOfMoment(momentOf(day, at.getHours(), at.getMinutes())) : isoOfDay(day) });
}

/** @param {string} key */
export function nextStatus(key) {
  const status = records.get(key)?.view.status ?? "pending";
  /** @type {Record<Task["status"], Task["status"]>} */
  const after = { pending: "in_progress", in_progress: "completed", completed: "pending" };
  if (after[status] === "completed") {
    toggle([key]);
  } else {
    set([key], { status: after[status] });
    say(`${t.status.label}: ${t.status[after[status]]}`);
  }
}
