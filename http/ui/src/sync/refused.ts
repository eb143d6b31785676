// Texts that the server rejected. They stay where they were typed, with the reason, until they are
// edited, sent again or discarded.
import type { Op, Patch } from "../base/types";
import type { Refusal } from "./api";
import { uuid } from "../base/lib";
import { dequeue, ops, updateOp } from "./store";

const TEXTS = ["title", "description"] as const;

/** Returns whether a write contains text that somebody typed. */
export const hasText = (op: Op) => op.kind !== "delete" && TEXTS.some((field) => op.body[field]);

/** Keeps a rejected write in the queue and attaches the reason to the text at fault. */
export async function keepRefused(op: Op, error: Refusal) {
  const why: NonNullable<Op["why"]> = {};
  const typed = TEXTS.filter((field) => op.body[field]);
  for (const field of typed) {
    const words = error.of(field);
    if (words) {
      why[field] = words;
    }
  }
  const first = typed[0];
  if (Object.keys(why).length === 0 && first) {
    why[first] = error.message;
  }
  await updateOp(op, { state: "refused", why });
}

const refusedOf = (key: string) => ops.filter((op) => op.key === key && op.state === "refused");

/** Merges a change into a task whose creation the server rejected. Returns whether there is one. */
export function changeRefused(key: string, body: Patch) {
  const op = refusedOf(key).find((op) => op.kind === "create");
  if (op) {
    void sendAgain(op, body);
  }
  return op !== undefined;
}

/** Queues a rejected write again. The old idempotency key would only replay the rejection. */
const sendAgain = (op: Op, body: Patch = {}) =>
  updateOp(op, { idem: uuid(), body: { ...op.body, ...body }, state: "waiting", why: {} });

/** Replaces rejected texts with newly typed ones. Returns the original values of their fields. */
export function supersede(key: string, body: Patch): Patch {
  const was: Record<string, unknown> = {};
  for (const op of refusedOf(key)) {
    const before: Record<string, unknown> = { ...op.was };
    const rest = Object.entries(op.body).filter(([field]) => !(field in body));
    for (const field of Object.keys(op.body)) {
      if (field in body) {
        was[field] = before[field];
      }
    }
    if (rest.length === 0) {
      void dequeue(op);
    } else {
      void updateOp(op, { body: Object.fromEntries(rest) });
    }
  }
  return was;
}

/** Sends the rejected writes of a task again, or discards them. */
export const answerRefused = (key: string, sends: boolean) =>
  Promise.all(refusedOf(key).map((op) => (sends ? sendAgain(op) : dequeue(op))));
