// The tasks in memory and a journal of changed records, so that derived data is updated for those
// alone.
import type { Rec, Task } from "../base/types";

const all: Map<string, Rec> = new Map();
export const records: ReadonlyMap<string, Rec> = all;

const JOURNAL_MAX = 4_096;
/** The keys of changed records, oldest first, each with the record before the change. */
let journal: [key: string, before: Rec | undefined][] = [];
/** The position of the first entry. */
let start = 0;

function note(key: string, before: Rec | undefined) {
  if (journal.length === JOURNAL_MAX) {
    forgetJournal();
  }
  journal.push([key, before]);
}

function forgetJournal() {
  start += journal.length + 1;
  journal = [];
}

/** Returns the position from which later changes are read. */
export const journalEnd = () => start + journal.length;

/**
 * Returns the keys of the records that changed since a position, each with its earlier states, or
 * null if the journal no longer reaches back that far.
 */
export function changesAfter(position: number): Map<string, Rec[]> | null {
  if (position < start) {
    return null;
  }
  const changes: Map<string, Rec[]> = new Map();
  for (const [key, before] of journal.slice(position - start)) {
    const earlier = changes.get(key) ?? [];
    changes.set(key, before ? [...earlier, before] : earlier);
  }
  return changes;
}

function isSameTask(a: Task | null, b: Task | null) {
  if (a === b || !a || !b) {
    return a === b;
  }
  return (Object.keys(a) as (keyof Task)[]).every((field) => a[field] === b[field]);
}

/**
 * Returns whether two records are equal. Records with writes that need a decision never are,
 * because those writes change in place.
 */
const isSame = (a: Rec, b: Rec) =>
  a.waiting === b.waiting &&
  !(a.conflict || a.refused || b.conflict || b.refused) &&
  isSameTask(a.view, b.view) &&
  isSameTask(a.base, b.base);

/** Stores a record. If it equals the old one, the old one stays in place. */
export function putRecord(rec: Rec) {
  const before = all.get(rec.key);
  if (!before || !isSame(before, rec)) {
    all.set(rec.key, rec);
    note(rec.key, before);
  }
}

export function dropRecord(key: string) {
  const before = all.get(key);
  if (all.delete(key)) {
    note(key, before);
  }
}

export function dropAllRecords() {
  all.clear();
  forgetJournal();
}
