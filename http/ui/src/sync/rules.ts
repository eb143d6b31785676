// The rules for pending writes: which is next, whether it clashes with a change made elsewhere, and
// whether an error is final.
import type { Op, Task } from "../base/types";
import type { Refusal } from "./api";
import { isSame } from "../base/clean";
import { ops } from "./store";

/** A task or a part of it, by field name. */
export type Fields = Record<string, unknown>;

/**
 * Versions that local writes created: changing a task here and then deleting it here is not a
 * conflict.
 */
export const ownVersions: Set<number> = new Set();
/**
 * Returns the next write that may be sent. A conflict blocks only its own task. So does a rejected
 * creation, but its task can still be deleted.
 */
export function nextOp() {
  const held: Set<string> = new Set();
  const unmade: Set<string> = new Set();
  let soonest = Infinity;
  for (const op of ops) {
    if (op.state === "refused") {
      if (op.kind === "create") {
        unmade.add(op.key);
      }
    } else if (op.state === "conflict" || (op.notBefore ?? 0) > Date.now()) {
      held.add(op.key);
      soonest = Math.min(soonest, op.state === "conflict" ? Infinity : (op.notBefore ?? 0));
    } else if (!held.has(op.key) && (op.kind === "delete" || !unmade.has(op.key))) {
      return { op, soonest };
    }
  }
  return { op: null, soonest };
}

/**
 * Returns whether a write clashes with a change made elsewhere: to the same field or, if the write
 * is a deletion, to the task.
 */
export function clashes(op: Op, base: Task) {
  if (op.kind === "delete") {
    return op.version !== base.version && op.version !== 0 && !ownVersions.has(base.version);
  }
  const theirs: Fields = { ...base };
  const was: Fields = { ...op.was };
  return Object.entries(op.body).some(
    ([field, value]) => !isSame(theirs[field], was[field]) && !isSame(theirs[field], value),
  );
}
/** Returns whether the same write may succeed later. */
export const isPassing = (error: Refusal) =>
  error.status === 0 ||
  error.status === 409 ||
  error.status === 408 ||
  error.status === 429 ||
  error.status >= 500;
