// What decides about a write that waits: whether it is its turn, whether it clashes with what
// happened elsewhere, and whether a refusal is for good.
import type { Op, Task } from "../base/types";
import type { Refusal } from "./api";
import { isSame } from "../base/clean";
import { ops } from "./store";

/** A task or a part of it, by the names of its fields. */
export type Fields = Record<string, unknown>;

/**
 * Versions that writes of this page made: a task that was changed here and then deleted here is no
 * conflict.
 */
export const ownVersions: Set<number> = new Set();
/**
 * The next write that may be sent. A conflict holds up its own task alone; so does a task that the
 * server refused to make, which can be deleted all the same.
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

/** Whether what a write is based on was changed elsewhere in the same place. */
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
/** Whether the same write may go through later. */
export const isPassing = (error: Refusal) =>
  error.status === 0 ||
  error.status === 409 ||
  error.status === 408 ||
  error.status === 429 ||
  error.status >= 500;
