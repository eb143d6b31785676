// Sorted lists of tasks. A change moves only the tasks that changed instead of sorting all again.
import type { Rec, Task } from "../base/types";
import type { ReadonlySignal } from "@preact/signals";
import { computed } from "@preact/signals";
import { dueDay, isAllDay, momentOf, zone } from "../base/when";
import { changesAfter, journalEnd, records } from "../sync/records";
import { isShown, revision } from "../sync/store";
import { locale } from "../texts/language";

type Order = (a: Task, b: Task) => number;

const ranks = { urgent: 0, high: 1, medium: 2, low: 3 };
const byRank: Order = (a, b) => ranks[a.priority] - ranks[b.priority];
const text = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** A cache of due times. It depends on the time zone, because a day starts at local midnight. */
const starts = computed(() => ({ zone: zone.value, of: new WeakMap<Task, string>() }));

/** Returns when a task is due for the reader. A day starts at local midnight, not UTC midnight. */
function startOf(task: Task) {
  let at = starts.value.of.get(task);
  if (at === undefined) {
    const due = task.due_date;
    at = due === null ? "9" : isAllDay(due) ? momentOf(dueDay(due), 0, 0).toISOString() : due;
    starts.value.of.set(task, at);
  }
  return at;
}

const byDue: Order = (a, b) =>
  text(startOf(a), startOf(b)) || byRank(a, b) || text(b.created_at, a.created_at);
const collator = new Intl.Collator(locale, { numeric: true });
const orders = {
  due: byDue,
  newest: (a, b) => text(b.created_at, a.created_at),
  oldest: (a, b) => text(a.created_at, b.created_at),
  priority: (a, b) => byRank(a, b) || byDue(a, b),
  title: (a, b) => collator.compare(a.title, b.title),
  updated: (a, b) => text(b.updated_at, a.updated_at),
  done: (a, b) => text(b.completed_at ?? "", a.completed_at ?? ""),
} satisfies Record<string, Order>;
export type OrderName = keyof typeof orders;

type Compare = (a: Rec, b: Rec) => number;
/** Compares records by an order, then by key. */
const comparing =
  (name: OrderName): Compare =>
  (a, b) =>
    orders[name](a.view, b.view) || text(a.key, b.key);

/** Returns the index at which a record is, or would be inserted, in a sorted list. */
function placeIn(list: readonly Rec[], rec: Rec, compare: Compare) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(list[middle] as Rec, rec) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** With more changes than this, sorting everything again is cheaper. */
const CHANGES_MAX = 300;
const NO_KEYS: ReadonlySet<string> = new Set();
const NOWHERE: readonly Rec[] = [];

export type Lists = ReadonlyMap<string, readonly Rec[]>;
/**
 * Returns the list that a record belongs to, or null. `stays`: whether it stays regardless of
 * changes.
 */
export type ListOf = (rec: Rec, stays: boolean) => string | null;
type Wanted = { order: OrderName; listOf: ListOf; staying?: ReadonlySet<string> };
type State = Required<Wanted> & { starts: object; end: number; lists: Map<string, readonly Rec[]> };

/** Moves the changed records to their new positions. */
function patched(last: State, changes: Map<string, Rec[]>, { listOf, staying }: State) {
  const compare = comparing(last.order);
  const lists = new Map(last.lists);
  let hasChanged = false;
  const splice = (name: string, at: number, count: number, ...more: Rec[]) => {
    const list = [...(lists.get(name) ?? [])];
    list.splice(at, count, ...more);
    lists.set(name, list);
    hasChanged = true;
  };
  for (const [key, earlier] of changes) {
    const rec = records.get(key);
    const target = rec && isShown(rec) ? listOf(rec, staying.has(key)) : null;
    let isThere = false;
    for (const [name, list] of lists) {
      for (const was of rec ? [...earlier, rec] : earlier) {
        const at = placeIn(lists.get(name) ?? list, was, compare);
        if ((lists.get(name) ?? list)[at] === was) {
          isThere = was === rec && name === target;
          if (!isThere) {
            splice(name, at, 1);
          }
        }
      }
    }
    if (rec && target !== null && !isThere) {
      splice(target, placeIn(lists.get(target) ?? NOWHERE, rec, compare), 0, rec);
    }
  }
  return hasChanged ? lists : last.lists;
}

function split(recs: readonly Rec[], { listOf, staying }: State) {
  const lists: Map<string, Rec[]> = new Map();
  for (const rec of recs) {
    const name = listOf(rec, staying.size > 0 && staying.has(rec.key));
    if (name !== null) {
      const list = lists.get(name);
      if (list) {
        list.push(rec);
      } else {
        lists.set(name, [rec]);
      }
    }
  }
  return lists;
}

/** Returns the records that may move between two states, or null if most may. */
function movedBetween(last: State | null, next: State) {
  const isAlike =
    last?.order === next.order && last.listOf === next.listOf && last.starts === next.starts;
  const changes = last && isAlike ? changesAfter(last.end) : null;
  if (!last || !changes || changes.size > CHANGES_MAX) {
    return null;
  }
  for (const key of [...last.staying, ...next.staying]) {
    if (last.staying.has(key) !== next.staying.has(key) && !changes.has(key)) {
      changes.set(key, []);
    }
  }
  return changes;
}

/**
 * Returns the tasks in sorted lists, kept up to date. A new order or `listOf` rebuilds them. A list
 * that has not changed stays the same object.
 */
export function sortedLists(wanted: () => Wanted): ReadonlySignal<Lists> {
  let last: State | null = null;
  return computed(() => {
    void revision.value;
    const { order, listOf, staying = NO_KEYS } = wanted();
    const lists: State["lists"] = new Map();
    const next = { order, listOf, staying, starts: starts.value, end: journalEnd(), lists };
    const moved = movedBetween(last, next);
    next.lists = last && moved ? patched(last, moved, next) : split(inOrder(order), next);
    last = next;
    return next.lists;
  });
}

const isAny: ListOf = () => "all";
/** Open tasks have no completion time to sort by. */
const isDone: ListOf = ({ view: task }) => (task.status === "completed" ? "all" : null);
const listed: Map<OrderName, State> = new Map();

/** Returns all shown tasks in an order. */
export function inOrder(order: OrderName): readonly Rec[] {
  void revision.value;
  const last = listed.get(order) ?? null;
  const listOf = order === "done" ? isDone : isAny;
  const lists = new Map<string, Rec[]>();
  const end = journalEnd();
  const next: State = { order, listOf, staying: NO_KEYS, starts: starts.value, end, lists };
  const moved = movedBetween(last, next);
  if (last && moved) {
    next.lists = patched(last, moved, next);
  } else {
    const recs = [...records.values()].filter((rec) => isShown(rec) && listOf(rec, false));
    next.lists.set("all", recs.sort(comparing(order)));
  }
  listed.set(order, next);
  return next.lists.get("all") ?? NOWHERE;
}
