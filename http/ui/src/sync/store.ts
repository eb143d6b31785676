// The tasks in memory: the server's latest version of each with the pending writes applied. Every
// action changes them at once; `queue.ts` sends it to the server.
import type { Op, Patch, Rec, Task } from "../base/types";
import type { Signal } from "@preact/signals";
import { batch, signal } from "@preact/signals";
import { Keep } from "./idb";
import { dropAllRecords, dropRecord, putRecord, records } from "./records";

export { records } from "./records";

/** Maps a task's UUID to its key if they differ. */
const keyOfUuid: Map<string, string> = new Map();
/** The queue of writes, in order. */
export let ops: Op[] = [];
/** Increases with every change of the tasks or the queue. */
export const revision = signal(0);
/** The number of pending writes. */
export const waiting = signal(0);
/** The writes whose task was changed elsewhere. */
export const conflicts: Signal<Op[]> = signal([]);
/** The number of writes that the server rejected and that contain text. */
export const refusals = signal(0);
/** The number of writes in this tab's memory only, because the browser did not store them. */
export const homeless = signal(0);
/** Resolves to whether the browser stored the most recent write. */
export let lastKept: Promise<boolean> = Promise.resolve(true);
/** Which tasks are loaded: none, those stored in this browser, or all of the server's. */
export const known: Signal<"nothing" | "kept" | "all"> = signal("nothing");
/** The sequence number of the latest change that was applied. */
export let seen = 0;
/**
 * The prefix of each number in the owner's sequence. It is empty until the server is restored from
 * a backup.
 */
let epoch = "";

let keep = new Keep(null);
/** Idempotency keys of writes that left the queue; IndexedDB may still contain them. */
const takenOut: Set<string> = new Set();
/** Hidden tasks that the server may have created from a write without a response. */
const twins: Set<string> = new Set();
/** Keys of tasks to write to IndexedDB with the next batch. */
let unkept: Set<string> = new Set();
let keeping = false;

/** Loads the stored tasks and writes of an account. */
export async function load(account: string) {
  const opened = await Keep.open(account);
  const [tasks, queue, last, before] = await Promise.all([
    opened.all<Task>("tasks"),
    opened.all<Op>("queue"),
    opened.meta("seen"),
    opened.meta("epoch"),
  ]);
  keep.close();
  keep = opened;
  dropAllRecords();
  keyOfUuid.clear();
  for (const [key, task] of tasks) {
    nameKey(key as string, task);
    const own = { base: task, view: task, waiting: 0, conflict: null, refused: null };
    putRecord({ key: key as string, ...own });
  }
  const early = ops;
  ops = queue.map(([id, op]) => ({ ...op, id: Number(id) }));
  const maybe = ops.some(isUnanswered) ? [...records.keys()] : [];
  rebaseAll(new Set([...maybe, ...ops.map((op) => op.key)]));
  // Add the writes that were made before the stored ones were loaded.
  early.forEach((op) => void enqueue(op));
  seen = typeof last === "number" ? last : 0;
  epoch = typeof before === "string" ? before : "";
  batch(() => {
    known.value = tasks.length > 0 || seen > 0 ? "kept" : "nothing";
    changed();
  });
}

/** Clears everything in memory. */
export function clear() {
  keep.close();
  keep = new Keep(null);
  dropAllRecords();
  keyOfUuid.clear();
  twins.clear();
  ops = [];
  unkept = new Set();
  seen = 0;
  epoch = "";
  known.value = "nothing";
  changed();
}

export function changed() {
  batch(() => {
    revision.value += 1;
    waiting.value = ops.filter((op) => op.state === "waiting").length;
    refusals.value = ops.filter((op) => op.state === "refused").length;
    homeless.value = ops.filter((op) => (op.id ?? 0) < 0).length;
    if (conflicts.peek().length > 0 || ops.some((op) => op.state === "conflict")) {
      conflicts.value = ops.filter((op) => op.state === "conflict");
    }
  });
}

export const keyOf = (uuid: string) => keyOfUuid.get(uuid) ?? uuid;

function nameKey(key: string, task: Task) {
  if (task.uuid !== key) {
    keyOfUuid.set(task.uuid, key);
  }
}

function setBase(key: string, task: Task) {
  nameKey(key, task);
  rebase(key, task);
}

/** Returns whether the server may have created a task from a write without a response. */
const isUnanswered = (op: Op) =>
  op.kind === "create" && op.state === "waiting" && op.after !== undefined;

/** Returns whether a task may come from a write without a response. */
const isTwin = (task: Task) =>
  ops.some(
    (op) => isUnanswered(op) && task.version > (op.after ?? 0) && task.title === op.body.title,
  );

/** Applies the pending writes to the server's version of a task. */
function rebase(key: string, base: Task | null = records.get(key)?.base ?? null) {
  const mine = ops.filter((op) => op.key === key);
  let view = base;
  twins.delete(key);
  if (base && base.uuid === key && mine.length === 0 && isTwin(base)) {
    twins.add(key);
    view = null;
  }
  for (const op of mine) {
    if (op.kind === "create") {
      view = base ?? draft(op);
    } else if (op.kind === "delete" && op.state === "waiting") {
      view = null;
    } else if (op.kind === "patch" && view) {
      view = patched(view, op.body, op.at);
    }
  }
  if (!view && !base) {
    // The task was deleted elsewhere: its rejected changes become conflicts.
    mine.forEach((op) => op.kind === "patch" && op.state === "refused" && (op.state = "conflict"));
    dropRecord(key);
    return;
  }
  const first = (state: Op["state"]) => mine.find((op) => op.state === state) ?? null;
  putRecord({
    key,
    base,
    // Keep a deleted task in memory, hidden, because the deletion may be undone.
    view: view ?? ({ ...base, id: -1 } as Task),
    waiting: mine.length,
    conflict: first("conflict"),
    refused: first("refused"),
  });
}

function rebaseAll(keys: Iterable<string>) {
  for (const key of keys) {
    rebase(key);
  }
}

/** Returns whether a record is shown. */
export const isShown = (rec: Rec) => rec.view.id !== -1;

/** Returns the local version of a task that the server does not know yet. */
function draft(op: Op): Task {
  const status = op.body.status ?? "pending";
  return {
    id: 0,
    uuid: op.key,
    title: op.body.title ?? "",
    description: op.body.description ?? null,
    status,
    priority: op.body.priority ?? "medium",
    due_date: op.body.due_date ?? null,
    completed_at: status === "completed" ? op.at : null,
    created_at: op.at,
    updated_at: op.at,
    version: 0,
  };
}

function patched(task: Task, body: Patch, at: string): Task {
  const next = { ...task, ...body, updated_at: at };
  if (body.status !== undefined && body.status !== task.status) {
    next.completed_at = body.status === "completed" ? at : null;
  }
  return next;
}

/** Applies the server's version of a task, or null if it is deleted. */
export function applyServer(uuid: string, task: Task | null, version: number) {
  const key = keyOf(uuid);
  const rec = records.get(key);
  if (rec?.base && rec.base.version > version) {
    return;
  }
  if (task) {
    setBase(key, task);
  } else {
    rebase(key, null);
  }
  persist(key);
}

/** Applies the server's response to a task that was created here. */
export function applyCreated(key: string, task: Task) {
  const other = records.get(task.uuid);
  if (other && task.uuid !== key) {
    // The stream of changes was faster than the response.
    dropRecord(task.uuid);
    persist(task.uuid);
    if (other.base && other.base.version > task.version) {
      task = other.base;
    }
  }
  for (const op of ops) {
    if (op.key === task.uuid && task.uuid !== key) {
      // Another tab made this write before it knew that both keys are one task.
      void updateOp(op, { key });
    }
  }
  setBase(key, task);
  persist(key);
}

/** Removes the tasks that the server did not list. `uuids`: all tasks that the server has. */
export function keepOnly(uuids: Set<string>) {
  for (const rec of [...records.values()]) {
    if (rec.base && !uuids.has(rec.base.uuid)) {
      applyServer(rec.base.uuid, null, rec.base.version);
    }
  }
}

export function setSeen(seq: number) {
  seen = seq;
  persist(null);
}

/** Returns a number as the server writes it in entity tags and cursors. */
export const stampOf = (number: number) => `${epoch}${number}`;

/** Sets the position from a cursor of the server. */
export function setCursor(cursor: string) {
  const [, before, number] = cursor.match(/^(.*-)?(\d+)$/) ?? (["", "", "0"] as string[]);
  epoch = before ?? "";
  setSeen(Number(number));
}

/**
 * Resets all versions after the server was restored from a backup, so that anything it sends now
 * counts as newer.
 */
export function forgetVersions() {
  for (const [key, rec] of [...records]) {
    if (rec.base) {
      setBase(key, { ...rec.base, version: 0 });
      persist(key);
    }
  }
}

/** Adds a write to the queue and shows its effect. */
export function enqueue(op: Op) {
  ops.push(op);
  rebase(op.key);
  changed();
  const done = keepOp(op);
  lastKept = done.then(() => (op.id ?? 0) > 0);
  return done;
}

async function keepOp(op: Op) {
  const added = await keep.run(["queue"], "readwrite", (at) => at("queue").add({ ...op }));
  op.id = Number(added?.result ?? -Date.now() - Math.random());
  if (takenOut.has(op.idem)) {
    await dequeue(op);
  } else if (op.id < 0) {
    changed();
  }
}

/** Records the position before a write is sent, because its task may arrive before the response. */
export function markSent(op: Op) {
  if (op.after === undefined) {
    op.after = seen;
    void putOp(op);
  }
}

/** Stores the current state of a write. */
async function putOp(op: Op) {
  if (op.id !== undefined && op.id > 0) {
    const { id, ...rest } = op;
    await keep.run(["queue"], "readwrite", (at) => at("queue").put(rest, id));
  }
}

/** Removes a write from the queue: it is done, undone or rejected. */
export async function dequeue(op: Op) {
  takenOut.add(op.idem);
  ops = ops.filter((other) => other !== op && other.idem !== op.idem);
  rebaseAll([op.key, ...twins]);
  changed();
  if (op.id !== undefined && op.id > 0) {
    const id = op.id;
    await keep.run(["queue"], "readwrite", (at) => at("queue").delete(id));
  }
}

/** Changes a write and stores it. */
export async function updateOp(op: Op, change: Partial<Op>) {
  Object.assign(op, change);
  rebaseAll([op.key, ...twins]);
  changed();
  await putOp(op);
}

/** Reads the stored queue again, with the writes of other tabs. */
export async function reread() {
  const from = keep;
  const kept = (await from.all<Op>("queue")).filter(([, op]) => !takenOut.has(op.idem));
  if (from !== keep) {
    return;
  }
  if (kept.length === 0 && !keep.db) {
    return;
  }
  const mine = new Map(ops.map((op) => [op.idem, op]));
  const keys = new Set([...twins, ...ops.map((op) => op.key)]);
  const fresh = ops.filter((op) => op.id === undefined || op.id < 0);
  ops = kept.map(([id, op]) => Object.assign(mine.get(op.idem) ?? {}, op, { id: Number(id) }));
  ops.push(...fresh.filter((op) => !ops.includes(op)));
  for (const op of ops) {
    keys.add(op.key);
  }
  rebaseAll(keys);
  changed();
}

/** Schedules a write of changed tasks to IndexedDB, in batches. */
function persist(key: string | null) {
  if (key !== null) {
    unkept.add(key);
  }
  if (keeping) {
    return;
  }
  keeping = true;
  setTimeout(async () => {
    keeping = false;
    const keys = unkept;
    unkept = new Set();
    const kept = await keep.run(["tasks", "meta"], "readwrite", (at) => {
      const shelf = at("tasks");
      for (const one of keys) {
        const base = records.get(one)?.base;
        if (base) {
          shelf.put(base, one);
        } else {
          shelf.delete(one);
        }
      }
      at("meta").put(seen, "seen");
      at("meta").put(epoch, "epoch");
      return true;
    });
    if (!kept && keep.db) {
      // Retry with the next batch, so that `seen` is never stored without its tasks.
      keys.forEach((key) => unkept.add(key));
    }
  }, 200);
}
