// The actions on tasks. Each shows at once, is announced to screen readers, and can be undone. Each
// is one batch, so that derived state is computed once.
import type { Patch, Rec, Task } from "../base/types";
import { action } from "@preact/signals";
import { cleanLine, cleanLines } from "../base/clean";
import { TITLE_MAX, charsIn } from "../base/lib";
import { ended, session } from "../sync/api";
import { settle } from "../sync/decide";
import { UNDO_MS, change, changeGone, create, remove, wholeOf } from "../sync/queue";
import type { Draft } from "./drafts";
import { commits, dropWhenKept, keepDraft } from "./drafts";
import {
  cursor,
  editing,
  flashed,
  focusedKey,
  indexIn,
  isInSight,
  isInView,
  linger,
  order,
  selection,
  showTask,
  view,
  wantsFocus,
} from "./state";
import { isShown, records } from "../sync/store";
import { t } from "../texts";
import { announce, toast } from "../base/toasts";
import { groupOf, isAllDay, isoOfDay, isoOfMoment, localDay, momentOf, now } from "../base/when";
import { understand } from "../base/words";

const UNDO_STEPS_MAX = 50;
/** Undoes an action. Returns whether there was something to undo. */
type Undo = () => boolean;
const undos: Undo[] = [];

function undoable(undo: Undo) {
  undos.push(undo);
  undos.splice(0, undos.length - UNDO_STEPS_MAX);
  return { label: t.toast.undo, run: () => undoOne(undo) };
}

const undoOne = action((undo: Undo | undefined) => {
  const at = undo ? undos.indexOf(undo) : -1;
  if (at >= 0) {
    undos.splice(at, 1);
  }
  // An action that was undone by key cannot be undone again by its notice.
  const isDone = at >= 0 && undo?.() === true;
  if (isDone) {
    announce(t.toast.undone);
  } else {
    toast(t.toast.nothingToUndo);
  }
});

/** Clears the undo history when the account changes. */
export const forgetActs = () => void undos.splice(0);

export const undoLast = () => undoOne(undos.at(-1));

/** Parses a line into a task, or returns what is wrong with it. */
function taskOf(line: string, plain: string[]): (Patch & { title: string }) | string {
  const understood = understand(line, now.peek(), plain);
  const { priority, due_date } = understood;
  const title = cleanLine(understood.title);
  const length = charsIn(title);
  if (length === 0) {
    return t.add.empty;
  }
  if (length > TITLE_MAX) {
    return t.add.tooLong(length);
  }
  const due = due_date ?? (view.peek() === "today" ? isoOfDay(localDay(now.peek())) : null);
  return { title, ...(priority ? { priority } : {}), ...(due ? { due_date: due } : {}) };
}

/** Adds a task. Returns what is wrong with the line, or null. */
export const add = action((line: string, plain: string[]): string | null => {
  const body = taskOf(line, plain);
  if (typeof body === "string") {
    return body;
  }
  const key = create(body);
  undoable(() => remove(key) !== null);
  tellAdded(key, body);
  return null;
});

/** Adds a task for each line. Returns the lines that are not valid. */
export const addAll = action((lines: string[]): string[] => {
  const keys: string[] = [];
  const wrong: string[] = [];
  for (const line of lines) {
    const body = taskOf(line, []);
    if (typeof body === "string") {
      wrong.push(line);
    } else {
      keys.push(create(body));
    }
  }
  if (keys.length > 0) {
    flashed.value = new Set(keys);
    const undo = undoable(() => keys.map((key) => remove(key)).some((removed) => removed !== null));
    toast(t.toast.addedMany(keys.length), { action: undo });
  }
  return wrong;
});

/**
 * Announces a new task. The list does not scroll; the notice offers to show a task out of sight.
 */
function tellAdded(key: string, { title, due_date = null }: Patch & { title: string }) {
  flashed.value = new Set([key]);
  const isHere = isInView(key);
  requestAnimationFrame(() => {
    if (isHere && isInSight(key)) {
      announce(t.toast.added(title));
      return;
    }
    const place = t.toast.places[groupOf(due_date, now.peek())];
    const show = () => showTask(key);
    toast(t.toast.addedTo(title, place), { action: { label: t.toast.show, run: show } });
  });
}

/** Applies the same change to several tasks. */
function changeAll(keys: string[], wanted: Patch): { changed: string[]; undo: Undo } {
  const before: [string, Patch][] = [];
  for (const key of keys) {
    const was = change(key, wanted);
    if (was) {
      before.push([key, was]);
    }
  }
  return {
    changed: before.map(([key]) => key),
    undo: () => before.filter(([key, was]) => change(key, was) !== null).length > 0,
  };
}

/** Completes tasks, or reopens them if all are completed. */
export const toggle = action((keys: string[]) => {
  const recs = keys.map((key) => records.get(key)).filter((rec) => rec !== undefined);
  const completes = recs.some((rec) => rec.view.status !== "completed");
  if (completes && view.peek() !== "board") {
    keys.forEach(linger);
  }
  const { changed, undo } = changeAll(keys, { status: completes ? "completed" : "pending" });
  const title = recs[0]?.view.title ?? "";
  if (changed.length > 1) {
    toast(completes ? t.toast.completedMany(changed.length) : t.toast.changedMany(changed.length), {
      action: undoable(undo),
    });
  } else if (completes && changed.length === 1) {
    toast(t.toast.completed(title), { action: undoable(undo) });
  } else if (changed.length === 1) {
    undoable(undo);
    announce(t.task.reopen(title));
  }
});

export const set = action((keys: string[], wanted: Patch) => {
  const { changed, undo } = changeAll(keys, wanted);
  if (changed.length > 1) {
    toast(t.toast.changedMany(changed.length), { action: undoable(undo) });
  } else if (changed.length === 1) {
    undoable(undo);
  }
});

/**
 * Saves a typed text. The draft's `began` is the text before the edit. If the task was deleted in
 * the meantime, the text becomes a conflict.
 */
export const retype = action((key: string, field: "title" | "description", draft: Draft) => {
  const { text, began } = draft;
  const name = `${key}.${field}`;
  if (!session.peek() && !ended.peek()) {
    // After a sign-out nothing is saved; the user was asked before.
    return;
  }
  const value =
    field === "title"
      ? cleanLine(text).replace(/\s+/g, " ")
      : text.trim() === ""
        ? null
        : cleanLines(text);
  const there = records.get(key);
  if (text === began || value === "") {
    keepDraft(name, null);
    if (text !== began && session.peek()) {
      toast(t.task.titleNeeded, { kind: "error" });
    }
    return;
  }
  if (there && isShown(there)) {
    const seen = field === "description" && began === "" ? null : began;
    const was = change(key, { [field]: value }, { [field]: seen });
    if (was) {
      undoable(() => change(key, was) !== null);
    }
  } else {
    const whole = { ...wholeOf(draft.whole ?? there?.view ?? { title: t.name }), [field]: value };
    const op = changeGone(key, { [field]: value }, whole);
    toast(t.conflict.gone(draft.whole?.title ?? whole.title), {
      kind: "error",
      ms: 30_000,
      action: { label: t.conflict.restore, run: () => void settle(op, true) },
    });
  }
  dropWhenKept(name, text);
});

export const removeAll = action((keys: string[]) => {
  // Save a text that is being typed in one of them first.
  commits.forEach((commit) => commit());
  const title = records.get(keys[0] ?? "")?.view.title ?? "";
  const after = rowBeside(keys);
  if (keys.includes(editing.peek() ?? "")) {
    editing.value = null;
  }
  const undo = keys.map(remove).filter((one) => one !== null);
  if (undo.length === 0) {
    return;
  }
  wantsFocus.value ||= keys.includes(focusedKey() ?? "");
  cursor.value = after;
  selection.value = new Set();
  const text = undo.length === 1 ? t.toast.deleted(title) : t.toast.deletedMany(undo.length);
  const bringBack = () => undo.filter((one) => one()).length > 0;
  toast(text, { action: undoable(bringBack), ms: UNDO_MS });
});

/** Returns where the cursor goes after tasks are removed. */
function rowBeside(keys: string[]) {
  const all = order.peek();
  const gone = new Set(keys);
  const last = Math.max(...keys.map((key) => indexIn(all, key)));
  const rest = (rec: Rec) => !gone.has(rec.key);
  const next = all.slice(last + 1).find(rest) ?? all.slice(0, Math.max(last, 0)).findLast(rest);
  return next?.key ?? null;
}

/** Sets the due day. A single task keeps its time. */
export function setDay(keys: string[], day: number) {
  if (keys.length !== 1) {
    set(keys, { due_date: isoOfDay(day) });
    return;
  }
  const due = records.get(keys[0] ?? "")?.view.due_date ?? null;
  const at = due === null || isAllDay(due) ? null : new Date(due);
  set(keys, {
    due_date: at ? isoOfMoment(momentOf(day, at.getHours(), at.getMinutes())) : isoOfDay(day),
  });
}

export function nextStatus(key: string) {
  const status = records.get(key)?.view.status ?? "pending";
  const after: Record<Task["status"], Task["status"]> = {
    pending: "in_progress",
    in_progress: "completed",
    completed: "pending",
  };
  if (after[status] === "completed") {
    toggle([key]);
  } else {
    set([key], { status: after[status] });
    announce(`${t.status.label}: ${t.status[after[status]]}`);
  }
}
