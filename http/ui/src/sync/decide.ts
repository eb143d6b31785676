// The user's decisions about writes that did not go through: conflicts and rejections.
import type { Op, Patch } from "../base/types";
import type { NewTask } from "./queue";
import { create, flush, tellOthers } from "./queue";
import { answerRefused } from "./refused";
import type { Fields } from "./rules";
import { dequeue, ops, records, updateOp } from "./store";
import { t } from "../texts";

/** Resolves a conflict. `mine`: whether the local version wins. */
export async function settle(op: Op, mine: boolean) {
  const base = records.get(op.key)?.base;
  const changes = ops.filter((other) => other.key === op.key && other.kind === "patch");
  if (!base && op.kind === "patch") {
    // The task is deleted on the server, so all its pending changes go with it.
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
    // Create the task again as it was here.
    const bodies = [op.whole ?? {}, ...changes.map((other) => other.body)];
    create(bodies.reduce<NewTask>((whole, body) => ({ ...whole, ...body }), { title: t.name }));
  }
  tellOthers();
  flush();
}

/** Sends the rejected writes of a task again, or discards them. */
export async function answer(key: string, sends: boolean) {
  await answerRefused(key, sends);
  tellOthers();
  flush();
}
