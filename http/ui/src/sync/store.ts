// The tasks as the page holds them: what the server last said of each, with the writes that wait
// laid over it. Every act changes this at once; `queue.ts` tells the server.
import type { Op, Patch, Rec, Task } from "../base/types";
import type { Signal } from "@preact/signals";
import { batch, signal } from "@preact/signals";
import { Keep } from "./idb";
import { dropAllRecords, dropRecord, putRecord, records } from "./records";

export { records } from "./records";

/** a task's UUID → its key, where they differ */
const keyOfUuid: Map<string, string> = new Map();
/** The writes that wait, in their order. */
export let ops: Op[] = [];
/** Grows with every change of the above. */
export const revision = signal(0);
/** How many writes wait. */
export const waiting = signal(0);
/** The writes whose task was changed elsewhere. */
export const conflicts: Signal<Op[]> = signal([]);
/** How many writes of a text the server refused. */
export const refusals = signal(0);
/** How many writes are held by this tab alone: the browser keeps nothing more. */
export const homeless = signal(0);
/** Whether the browser keeps the write that was made last. */
export let lastKept: Promise<boolean> = Promise.resolve(true);
/** What is known of the server's tasks: nothing, those kept here, or all. */
export const known: Signal<"nothing" | "kept" | "all"> = signal("nothing");
/** How far the owner's changes were read. */
export let seen = 0;
/**
 * What stands before each number of the owner's sequence: nothing until the server was restored
 * from a backup.
 */
let epoch = "";

let keep = new Keep(null);
/** Writes that were taken out: IndexedDB may still say otherwise. */
const takenOut: Set<string> = new Set();
/** Tasks that are not shown: what the server made of a write whose answer is missing. */
const twins: Set<string> = new Set();
/** Tasks to be written to IndexedDB with the next batch. */
let unkept: Set<string> = new Set();
let keeping = false;

/** What is kept for an account. */
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
  // What was done before all this was read.
  early.forEach((op) => void enqueue(op));
  seen = typeof last === "number" ? last : 0;
  epoch = typeof before === "string" ? before : "";
  batch(() => {
    known.value = tasks.length > 0 || seen > 0 ? "kept" : "nothing";
    changed();
  });
}

/** Forgets everything held in memory. */
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

/** Whether the server may have made a task of it without this page's knowledge. */
const isUnanswered = (op: Op) =>
  op.kind === "create" && op.state === "waiting" && op.after !== undefined;

/** Whether a task may be what the server made of a write whose answer is missing. */
const isTwin = (task: Task) =>
  ops.some(
    (op) => isUnanswered(op) && task.version > (op.after ?? 0) && task.title === op.body.title,
  );

/** Lays the writes that wait over what the server said of a task. */
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
    // Gone elsewhere: what was refused is decided as what waits is.
    mine.forEach((op) => op.kind === "patch" && op.state === "refused" && (op.state = "conflict"));
    dropRecord(key);
    return;
  }
  const first = (state: Op["state"]) => mine.find((op) => op.state === state) ?? null;
  putRecord({
    key,
    base,
    // Held, but not shown: it may be undone.
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

/** Whether a record is shown. */
export const isShown = (rec: Rec) => rec.view.id !== -1;

/** A task that the server does not know yet. */
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

/** What the server says of a task: null where it is gone. */
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

/** The server's answer to a task that was made here. */
export function applyCreated(key: string, task: Task) {
  const other = records.get(task.uuid);
  if (other && task.uuid !== key) {
    // The stream of changes was faster than the answer.
    dropRecord(task.uuid);
    persist(task.uuid);
    if (other.base && other.base.version > task.version) {
      task = other.base;
    }
  }
  for (const op of ops) {
    if (op.key === task.uuid && task.uuid !== key) {
      // Done in a tab that did not know yet that both are one.
      void updateOp(op, { key });
    }
  }
  setBase(key, task);
  persist(key);
}

/** Everything the server has; what it did not name is gone. */
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

/** A number as the server's entity tags and cursors spell it. */
export const stampOf = (number: number) => `${epoch}${number}`;

/** `cursor`: what the server spells so. */
export function setCursor(cursor: string) {
  const [, before, number] = cursor.match(/^(.*-)?(\d+)$/) ?? (["", "", "0"] as string[]);
  epoch = before ?? "";
  setSeen(Number(number));
}

/**
 * The server came back from a backup: whatever it says of a task now is newer than what is held
 * here.
 */
export function forgetVersions() {
  for (const [key, rec] of [...records]) {
    if (rec.base) {
      setBase(key, { ...rec.base, version: 0 });
      persist(key);
    }
  }
}

/** Puts a write in the queue and shows it. */
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

/** Remembers that the server is about to hear of it: its task may arrive before the answer. */
export function markSent(op: Op) {
  if (op.after === undefined) {
    op.after = seen;
    void putOp(op);
  }
}

/** Keeps a write as it is now. */
async function putOp(op: Op) {
  if (op.id !== undefined && op.id > 0) {
    const { id, ...rest } = op;
    await keep.run(["queue"], "readwrite", (at) => at("queue").put(rest, id));
  }
}

/** Takes a write out of the queue: it is done, undone or refused. */
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

/** Keeps what has changed about a write. */
export async function updateOp(op: Op, change: Partial<Op>) {
  Object.assign(op, change);
  rebaseAll([op.key, ...twins]);
  changed();
  await putOp(op);
}

/** The queue as it is kept, with what other tabs put there. */
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

/** Writes what has changed to IndexedDB, many at a time. */
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
      // With the next batch, lest `seen` be kept without them.
      keys.forEach((key) => unkept.add(key));
    }
  }, 200);
}
