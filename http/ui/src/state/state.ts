// What is shown: the view that the address names, filters, the cursor, the selection, and the rows
// that follow from them.
import type { Rec, Status, Task } from "../base/types";
import type { ReadonlySignal, Signal } from "@preact/signals";
import type { Group } from "../base/when";
import { isKnown, session } from "../sync/api";
import { computed, effect, signal } from "@preact/signals";
import { isShown, records, revision } from "../sync/store";
import { t } from "../texts";
import { locale } from "../texts/language";
import { isPressed } from "./press";
import { dueDay, groupOf, isAllDay, momentOf, now, zone } from "../base/when";
import { NO_FILTERS, closesOnBack, editing, filters, go, path, search, selection } from "./address";

export type { Filters } from "./address";
export { NO_FILTERS, editing, filters, go, path, search, selection } from "./address";

export type Row =
  | { kind: "head"; id: string; text: string; count: number }
  | { kind: "task"; id: string; rec: Rec };

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
/** The view's name; `missing` where the address names none. */
export const view = computed(() => {
  const named = views[path.value.replace(/(.)\/$/, "$1")] ?? "missing";
  const isOutside = ["signIn", "signUp", "forgot"].includes(named);
  if (!session.value) {
    return isOutside ? named : named === "tasks" && !isKnown() ? "signUp" : "signIn";
  }
  return isOutside ? "tasks" : named;
});

/** Whether a filter of this view hides tasks: only the list has one for the status. */
export const isFiltered = computed(
  () =>
    search.value.trim() !== "" ||
    (view.value === "tasks" && filters.value.status !== "open") ||
    filters.value.priority !== "any",
);

/** How many completed tasks a search finds that the view does not show. */
export const hiddenMatches = computed(() => {
  const isHidden =
    view.value === "today" || (view.value === "tasks" && filters.value.status === "open");
  if (!isHidden || search.value.trim() === "") {
    return 0;
  }
  return narrowed(all.value.filter((rec) => rec.view.status === "completed")).length;
});

/** Shows them, too. */
export function showHiddenMatches() {
  filters.value = { ...filters.peek(), status: "all" };
  if (view.peek() !== "tasks") {
    go("/");
  }
}

/** The row that the keyboard acts on. */
export const cursor: Signal<string | null> = signal(null);
/** Whether the cursor's row is to take the focus. */
export const wantsFocus = signal(false);
closesOnBack(
  () => editing.value !== null,
  () => {
    editing.value = null;
    wantsFocus.value = true;
  },
);
/** Tasks that were just completed: they stay for a moment where they are. */
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

/** Tasks that were just added: their rows flash. */
export const flashed: Signal<Set<string>> = signal(new Set());
const FLASH_MS = 2_000;
effect(() => {
  if (flashed.value.size > 0) {
    const timer = setTimeout(() => (flashed.value = new Set()), FLASH_MS);
    return () => clearTimeout(timer);
  }
  return undefined;
});

/** Letters alike in any case and accent. */
const fold = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const folded: WeakMap<Task, string> = new WeakMap();
function wordsOf(task: Task) {
  let text = folded.get(task);
  if (text === undefined) {
    text = fold(`${task.title}\n${task.description ?? ""}`);
    folded.set(task, text);
  }
  return text;
}

const ranks = { urgent: 0, high: 1, medium: 2, low: 3 };
export type Order = (a: Task, b: Task) => number;
const byRank: Order = (a, b) => ranks[a.priority] - ranks[b.priority];
const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const begins = computed(() => ({
  zone: zone.value,
  of: new WeakMap<Task, string>(),
}));
/** When something is due for the reader: a day from its midnight here, not that of UTC. */
function beginOf(task: Task) {
  let at = begins.value.of.get(task);
  if (at === undefined) {
    const due = task.due_date;
    at = due === null ? "9" : isAllDay(due) ? momentOf(dueDay(due), 0, 0).toISOString() : due;
    begins.value.of.set(task, at);
  }
  return at;
}
const byDue: Order = (a, b) =>
  text(beginOf(a), beginOf(b)) || byRank(a, b) || text(b.created_at, a.created_at);
const collator = new Intl.Collator(locale, { numeric: true });
const orders: Record<string, Order> = {
  due: byDue,
  newest: (a, b) => text(b.created_at, a.created_at),
  oldest: (a, b) => text(a.created_at, b.created_at),
  priority: (a, b) => byRank(a, b) || byDue(a, b),
  title: (a, b) => collator.compare(a.title, b.title),
  updated: (a, b) => text(b.updated_at, a.updated_at),
  done: (a, b) => text(b.completed_at ?? "", a.completed_at ?? ""),
};

/** By which order the view sorts. */
const orderName = computed(() =>
  view.value === "done" ? "done" : view.value === "tasks" ? filters.value.sort : "due",
);
/** The keys in each order, as it was sorted last. */
const sortedKeys: Map<string, Set<string>> = new Map();

/**
 * Every task that is not about to be deleted, in order. Sorted from the last order on, which it
 * nearly is after a change: then that takes hardly longer than a look at each.
 */
const all = computed(() => {
  void revision.value;
  const compare = orders[orderName.value] ?? byDue;
  const recs: Rec[] = [];
  const sorted = sortedKeys.get(orderName.value) ?? new Set();
  for (const key of sorted) {
    const rec = records.get(key);
    if (rec && isShown(rec)) {
      recs.push(rec);
    }
  }
  for (const [key, rec] of records) {
    if (isShown(rec) && !sorted.has(key)) {
      recs.push(rec);
    }
  }
  recs.sort((a, b) => compare(a.view, b.view));
  sortedKeys.set(orderName.value, new Set(recs.map((rec) => rec.key)));
  return recs;
});

/** The groups that tasks are in at present. */
const grouped = computed(() => ({
  present: now.value,
  of: new WeakMap<Task, Group>(),
}));

function group(task: Task) {
  const { present, of } = grouped.value;
  let name = of.get(task);
  if (name === undefined) {
    name = groupOf(task.due_date, present);
    of.set(task, name);
  }
  return name;
}

/** What narrows every view. */
function narrowed(recs: Rec[]) {
  const wanted = fold(search.value.trim()).split(/\s+/).filter(Boolean);
  const { priority } = filters.value;
  if (wanted.length === 0 && priority === "any") {
    return recs;
  }
  return recs.filter(
    ({ view: task }) =>
      (priority === "any" || task.priority === priority) &&
      wanted.every((word) => wordsOf(task).includes(word)),
  );
}

const isForToday = ({ view: task }: Rec) => group(task) === "overdue" || group(task) === "today";

/** The tasks of the view, in order. */
export const shown = computed(() => {
  const name = view.value;
  const { status } = filters.value;
  const stays = lingering.value;
  const isWanted = (rec: Rec) => {
    const own = rec.view.status;
    if (name === "done") {
      return own === "completed";
    }
    if (stays.has(rec.key)) {
      return name !== "today" || isForToday(rec);
    }
    if (name === "today") {
      return own !== "completed" && isForToday(rec);
    }
    return (
      name === "board" ||
      status === "all" ||
      own === status ||
      (status === "open" && own !== "completed")
    );
  };
  const recs = narrowed(all.value.filter(isWanted));
  // What is edited stays where it would be, whatever the edit makes of it.
  const open = name === "board" || editing.value === null ? undefined : records.get(editing.value);
  if (!open || !isShown(open) || recs.includes(open)) {
    return recs;
  }
  const kept = new Set(recs).add(open);
  return all.value.filter((rec) => kept.has(rec));
});

const groups: Group[] = ["overdue", "today", "tomorrow", "week", "later", "none"];

/** The rows of the list, with the groups' heads where it is sorted by due date. */
const currentRows: ReadonlySignal<Row[]> = computed(() => {
  if (view.value === "board") {
    return [];
  }
  const tasks = shown.value;
  const row = (rec: Rec) => ({ kind: "task", id: rec.key, rec }) as Row;
  if (
    view.value === "done" ||
    (view.value === "tasks" &&
      (filters.value.sort !== "due" || filters.value.status === "completed"))
  ) {
    return tasks.map(row);
  }
  const found: Map<string, Rec[]> = new Map();
  for (const rec of tasks) {
    const isDone =
      rec.view.status === "completed" && filters.value.status === "all" && view.value === "tasks";
    const name = isDone ? "done" : group(rec.view);
    const together = found.get(name) ?? [];
    together.push(rec);
    found.set(name, together);
  }
  return [...groups, "done" as const].flatMap((group) => {
    const recs = found.get(group) ?? [];
    const head = {
      kind: "head",
      id: `head-${group}`,
      text: t.groups[group],
      count: recs.length,
    } as Row;
    return recs.length === 0 ? [] : [head, ...recs.map(row)];
  });
});

/** The same, but what is pressed stays in its place until it is released. */
function atRest<T>(current: ReadonlySignal<T>): ReadonlySignal<T> {
  let last: { value: T } | null = null;
  return computed(() => {
    if (!isPressed.value || !last) {
      last = { value: current.value };
    }
    return last.value;
  });
}

export const rows: ReadonlySignal<Row[]> = atRest(currentRows);

/** The board's columns, in order. */
export const STATUSES: Status[] = ["pending", "in_progress", "completed"];
const currentColumns = computed(() => {
  const found: Record<Task["status"], Rec[]> = { pending: [], in_progress: [], completed: [] };
  if (view.value === "board") {
    for (const rec of shown.value) {
      found[rec.view.status].push(rec);
    }
    found.completed.sort((a, b) => text(b.view.completed_at ?? "", a.view.completed_at ?? ""));
  }
  return found;
});

/** The board's columns. */
export const columns = atRest(currentColumns);

/** How many tasks are left, and how many of them are for today. */
export const left = computed(() => {
  const open = all.value.filter((rec) => rec.view.status !== "completed");
  return { all: open.length, today: open.filter(isForToday).length };
});

/** The keys in the order in which the arrows pass them; on the board, column by column. */
export const order = computed(() =>
  view.value === "board"
    ? STATUSES.flatMap((status) => columns.value[status].map((rec) => rec.key))
    : rows.value.filter((row) => row.kind === "task").map((row) => row.id),
);

// What is out of sight is not acted on, either: search and filters narrow the selection.
effect(() => {
  const selected = selection.value;
  if (selected.size > 0) {
    const keys = new Set(order.value);
    const rest = [...selected].filter((key) => keys.has(key));
    if (rest.length < selected.size) {
      selection.value = new Set(rest);
    }
  }
});

/** Whether a task's row is where the reader can see it. */
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

/** Goes to a task, past the filters that hide it. */
export function showTask(key: string) {
  if (!shown.peek().some((rec) => rec.key === key)) {
    search.value = "";
    filters.value = { ...NO_FILTERS, sort: filters.peek().sort };
    if (!shown.peek().some((rec) => rec.key === key)) {
      go(records.get(key)?.view.status === "completed" ? "/app/done" : "/");
    }
  }
  cursor.value = key;
  wantsFocus.value = true;
  flashed.value = new Set([key]);
}

/** The task whose row, or a button of whose row, has the focus. */
export const focusedKey = () =>
  document.activeElement?.closest("[data-key]")?.getAttribute("data-key") ?? null;

let cursorAt = 0;
// The cursor's row may leave the list: then the one in its place is next, and no key acts on what
// is out of sight.
effect(() => {
  const keys = order.value;
  const key = cursor.value;
  const at = key === null ? -1 : keys.indexOf(key);
  if (at >= 0 || key === null) {
    cursorAt = Math.max(at, 0);
    return;
  }
  wantsFocus.value ||= focusedKey() === key;
  cursor.value = keys[Math.min(cursorAt, keys.length - 1)] ?? null;
});
