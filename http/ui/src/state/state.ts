// The state of the current view: filters, cursor, selection, and the rows that follow from them.
import type { Rec, Status, Task } from "../base/types";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { Group } from "../base/when";
import { isKnown, session } from "../sync/api";
import { computed, effect, signal } from "@preact/signals";
import { isShown, records } from "../sync/store";
import { t } from "../texts";
import { isPressed } from "./press";
import type { ListOf, OrderName } from "./sorted";
import { inOrder, sortedLists } from "./sorted";
import { groupOf, now } from "../base/when";
import { NO_FILTERS, closesOnBack, editing, filters, go, path, search, selection } from "./address";

export type { Filters } from "./address";
export { NO_FILTERS, editing, filters, go, path, search, selection } from "./address";

/** A group heading. */
export type Head = { key: string; text: string; count: number };
export type Row = Head | Rec;
export const isHead = (row: Row): row is Head => "count" in row;

const views: Record<string, string> = {
  "/": "tasks",
  "/app": "tasks",
  "/app/today": "today",
  "/app/board": "board",
  "/app/done": "done",
  "/app/settings": "settings",
  "/app/people": "people",
  "/app/audit": "audit",
  "/app/sign-in": "signIn",
  "/app/sign-up": "signUp",
  "/app/forgot": "forgot",
};
/** The view's name, or `missing` if the URL matches none. */
export const view = computed(() => {
  const named = views[path.value.replace(/(.)\/$/, "$1")] ?? "missing";
  const isOutside = ["signIn", "signUp", "forgot"].includes(named);
  if (!session.value) {
    return isOutside ? named : named === "tasks" && !isKnown() ? "signUp" : "signIn";
  }
  return isOutside ? "tasks" : named;
});

/** Whether the search or a filter hides tasks. Only the list has a status filter. */
export const isFiltered = computed(
  () =>
    search.value.trim() !== "" ||
    (view.value === "tasks" && filters.value.status !== "open") ||
    filters.value.priority !== "any",
);

/** The number of completed tasks that match the search but are hidden in this view. */
export const hiddenMatches = computed(() => {
  const isHidden =
    view.value === "today" || (view.value === "tasks" && filters.value.status === "open");
  if (!isHidden || search.value.trim() === "") {
    return 0;
  }
  const isMatch = matches.value;
  const isHit = ({ view: task }: Rec) => task.status === "completed" && isMatch(task);
  return inOrder(orderName.value).filter(isHit).length;
});

/** Shows the completed matches as well. */
export function showHiddenMatches() {
  filters.value = { ...filters.peek(), status: "all" };
  if (view.peek() !== "tasks") {
    go("/");
  }
}

/** The row that the keyboard acts on. */
export const cursor: Signal<string | null> = signal(null);
/** Whether the cursor's row should take the focus. */
export const wantsFocus = signal(false);
closesOnBack(
  () => editing.value !== null,
  () => {
    editing.value = null;
    wantsFocus.value = true;
  },
);
/** Just-completed tasks, which stay in place for a moment. */
const lingering: Signal<Set<string>> = signal(new Set());
const LINGER_MS = 1_400;

export function linger(key: string) {
  lingering.value = new Set(lingering.value).add(key);
  setTimeout(() => {
    const rest = new Set(lingering.value);
    rest.delete(key);
    lingering.value = rest;
  }, LINGER_MS);
}

/** Just-added tasks, whose rows flash. */
export const flashed: Signal<Set<string>> = signal(new Set());
const FLASH_MS = 2_000;
effect(() => {
  if (flashed.value.size > 0) {
    const timer = setTimeout(() => (flashed.value = new Set()), FLASH_MS);
    return () => clearTimeout(timer);
  }
  return undefined;
});

const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text);
/** Removes case and accents for comparison. */
const fold = (text: string) =>
  (isAscii(text) ? text : text.normalize("NFKD").replace(/\p{M}/gu, "")).toLowerCase();
const folded: WeakMap<Task, string> = new WeakMap();
function wordsOf(task: Task) {
  let text = folded.get(task);
  if (text === undefined) {
    text = fold(`${task.title}\n${task.description ?? ""}`);
    folded.set(task, text);
  }
  return text;
}

/** The sort order of the view. */
const orderName = computed<OrderName>(() =>
  view.value === "done" ? "done" : view.value === "tasks" ? filters.value.sort : "due",
);

/** Returns the group that a task is currently in. */
const grouping = computed(() => {
  const present = now.value;
  const known: WeakMap<Task, Group> = new WeakMap();
  return (task: Task) => {
    let name = known.get(task);
    if (name === undefined) {
      name = groupOf(task.due_date, present);
      known.set(task, name);
    }
    return name;
  };
});
const todayTest = computed(() => {
  const group = grouping.value;
  return (task: Task) => group(task) === "overdue" || group(task) === "today";
});

/** Returns whether a task matches the search and the priority filter. */
const matches = computed(() => {
  const wanted = fold(search.value.trim()).split(/\s+/).filter(Boolean);
  const { priority } = filters.value;
  return (task: Task) =>
    (priority === "any" || task.priority === priority) &&
    wanted.every((word) => wordsOf(task).includes(word));
});

/** Returns whether a task belongs to the view, apart from search and priority. */
const viewTest = computed(() => {
  const name = view.value;
  const { status } = filters.value;
  const isForToday = todayTest.value;
  return (task: Task) => {
    const own = task.status;
    switch (name) {
      case "board":
        return true;
      case "done":
        return own === "completed";
      case "today":
        return own !== "completed" && isForToday(task);
      default:
        return status === "all" || own === status || (status === "open" && own !== "completed");
    }
  };
});

/** Returns the list of the view that a task belongs to, or null. */
const listOf = computed<ListOf>(() => {
  const name = view.value;
  const { status, sort } = filters.value;
  const [isWanted, isMatch, group] = [viewTest.value, matches.value, grouping.value];
  const hasGroups = name === "today" || (sort === "due" && status !== "completed");
  return ({ view: task }, stays) => {
    if (!stays && !(isWanted(task) && isMatch(task))) {
      return null;
    }
    if (name === "board") {
      return task.status;
    }
    if (name === "done" || !hasGroups) {
      return "all";
    }
    return name === "tasks" && status === "all" && task.status === "completed"
      ? "done"
      : group(task);
  };
});

/** Tasks that stay in the view regardless of changes. */
const staying = computed(() => {
  const [name, isMatch, isForToday] = [view.value, matches.value, todayTest.value];
  const keys: Set<string> = new Set();
  for (const key of lingering.value) {
    const task = records.get(key)?.view;
    if (task && name !== "done" && isMatch(task) && (name !== "today" || isForToday(task))) {
      keys.add(key);
    }
  }
  // The task in the editor stays in the list even if the edit would move it out.
  return editing.value !== null && name !== "board" ? keys.add(editing.value) : keys;
});

/** The tasks of the view, split into lists. */
const lists = sortedLists(() => ({
  order: orderName.value,
  listOf: listOf.value,
  staying: staying.value,
}));

/** The number of tasks in the view. */
export const shownCount = computed(() =>
  [...lists.value.values()].reduce((sum, list) => sum + list.length, 0),
);

/** Returns whether a task is in the view, scrolled into sight or not. */
export function isInView(key: string) {
  const rec = records.get(key);
  return rec && isShown(rec) && listOf.peek()(rec, staying.peek().has(key)) !== null;
}

/** Freezes a value while a pointer is down, so that nothing moves under it. */
function atRest<T>(current: ReadonlySignal<T>): ReadonlySignal<T> {
  let last: { value: T } | null = null;
  return computed(() => {
    if (!isPressed.value || !last) {
      last = { value: current.value };
    }
    return last.value;
  });
}

const groups = ["overdue", "today", "tomorrow", "week", "later", "none", "done"] as const;
const list = atRest(
  computed(() => {
    const parts: (readonly Row[])[] = [lists.value.get("all") ?? []];
    const heads: number[] = [];
    let count = 0;
    for (const group of groups) {
      const recs = lists.value.get(group) ?? [];
      if (recs.length > 0) {
        heads.push(count + heads.length);
        count += recs.length;
        parts.push([{ key: `head-${group}`, text: t.groups[group], count: recs.length }], recs);
      }
    }
    const recs = parts.filter((part) => part[0] && !isHead(part[0])) as (readonly Rec[])[];
    return { rows: ([] as Row[]).concat(...parts), recs: ([] as Rec[]).concat(...recs), heads };
  }),
);

/** The rows of the list, with group headings if it is sorted by due date. */
export const rows = computed(() => list.value.rows);
/** The indices of the headings among the rows. */
export const headsAt = computed(() => list.value.heads);

/** The statuses in the order of the board's columns. */
export const STATUSES: Status[] = ["pending", "in_progress", "completed"];
const completed = sortedLists(() => ({
  order: "done",
  listOf: listOf.value,
}));

/** The tasks in each column of the board. */
export const columns: ReadonlySignal<Record<Status, readonly Rec[]>> = atRest(
  computed(() => {
    const isBoard = view.value === "board";
    const column = (status: Status, from: typeof lists) =>
      (isBoard && from.value.get(status)) || [];
    return {
      pending: column("pending", lists),
      in_progress: column("in_progress", lists),
      completed: column("completed", completed),
    };
  }),
);

const leftLists = sortedLists(() => ({ order: "due", listOf: leftOf.value }));
const leftOf = computed<ListOf>(() => {
  const isForToday = todayTest.value;
  return ({ view: task }) =>
    task.status === "completed" ? null : isForToday(task) ? "today" : "later";
});
const countLeft = (name: string) => leftLists.value.get(name)?.length ?? 0;
/** The numbers of open tasks: all, and those due today or overdue. */
export const left = {
  all: computed(() => countLeft("today") + countLeft("later")),
  today: computed(() => countLeft("today")),
};

/** The tasks in keyboard order; on the board, column by column. */
export const order: ReadonlySignal<readonly Rec[]> = computed(() =>
  view.value === "board"
    ? ([] as Rec[]).concat(...STATUSES.map((status) => columns.value[status]))
    : list.value.recs,
);

/** Returns the index of a task among rows, or -1. */
export function indexIn(rows: readonly Row[], key: string | null) {
  const rec = records.get(key ?? "");
  const at = rec ? rows.indexOf(rec) : -1;
  // While a pointer is down, the rows are older records of the same tasks.
  return at >= 0 || key === null ? at : rows.findIndex((row) => row.key === key);
}

// Search and filters narrow the selection, so that no action affects a hidden task.
effect(() => {
  const selected = selection.value;
  if (selected.size > 0) {
    const keys = new Set(order.value.map((rec) => rec.key));
    const rest = [...selected].filter((key) => keys.has(key));
    if (rest.length < selected.size) {
      selection.value = new Set(rest);
    }
  }
});

/** Returns whether a task's row is within the visible area. */
export function isInSight(key: string) {
  const row = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const around = row?.closest("[data-scrolls]")?.getBoundingClientRect();
  const box = row?.getBoundingClientRect();
  if (!box || !around) {
    return false;
  }
  const isBetween = box.top >= around.top && box.bottom <= Math.min(around.bottom, innerHeight);
  return isBetween && box.left < innerWidth && box.right > 0;
}

/** Moves the cursor to a task and clears the filters that hide it. */
export function showTask(key: string) {
  if (!isInView(key)) {
    search.value = "";
    filters.value = { ...NO_FILTERS, sort: filters.peek().sort };
    if (!isInView(key)) {
      go(records.get(key)?.view.status === "completed" ? "/app/done" : "/");
    }
  }
  cursor.value = key;
  wantsFocus.value = true;
  flashed.value = new Set([key]);
}

/** Returns the task whose row, or a button in whose row, has the focus. */
export const focusedKey = () =>
  document.activeElement?.closest("[data-key]")?.getAttribute("data-key") ?? null;

let cursorAt = 0;
// If the cursor's row leaves the list, the row that takes its place becomes the cursor, so that no
// key acts on a hidden task.
effect(() => {
  const recs = order.value;
  const key = cursor.value;
  const at = indexIn(recs, key);
  if (at >= 0 || key === null) {
    cursorAt = Math.max(at, 0);
    return;
  }
  wantsFocus.value ||= focusedKey() === key;
  cursor.value = recs[Math.min(cursorAt, recs.length - 1)]?.key ?? null;
});
