// What a person decides about writes that did not go through: conflicts and refusals.
import type { Op, Patch } from "../base/types";
import type { NewTask } from "./queue";
import { create, flush, tellOthers } from "./queue";
import { answerRefused } from "./refused";
import type { Fields } from "./rules";
import { dequeue, ops, records, updateOp } from "./store";
import { t } from "../texts";

/** Ends a conflict. `mine`: whether this page's version is to hold. */
export async function settle(op: Op, mine: boolean) {
  const base = records.get(op.key)?.base;
  const changes = ops.filter((other) => other.key === op.key && other.kind === "patch");
  if (!base && op.kind === "patch") {
    // Gone there, for all that waits for it.
    await Promise.all(changes.map(dequeue));
  }
  if (!mine) {
    await dequeue(op);
  } else if (base) {
    const theirs: Fields = { ...base };
    const was = Object.fromEntries(
      Object.keys(op.body).map((field) => [field, theirs[field]]),
    ) as Patch;
    await updateOp(op, { state: "waiting", was, version: base.version });
  } else {
    // What it was here, made anew.
    const bodies = [op.whole ?? {}, ...changes.map((other) => other.body)];
    create(bodies.reduce<NewTask>((whole, body) => ({ ...whole, ...body }), { title: t.name }));
  }
  tellOthers();
  flush();
}

/** Sends what the server refused of a task again, or discards it. */
export async function answer(key: string, sends: boolean) {
  await answerRefused(key, sends);
  tellOthers();
  flush();
}
