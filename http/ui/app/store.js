// The tasks as the page holds them: what the server last said of each, with the writes that wait laid over it. Every act
// changes this at once; `queue.js` tells the server.
import { batch, signal } from "./lib.js";
import { Keep } from "./idb.js";

/** @typedef {import("./types.d.ts").Task} Task */
/** @typedef {import("./types.d.ts").Patch} Patch */
/** @typedef {import("./types.d.ts").Op} Op */
/** @typedef {import("./types.d.ts").Rec} Rec */

/** @type {Map<string, Rec>} */
export const records = new Map();
/** @type {Map<string, string>} a task's UUID → its key, where they differ */
const keyOfUuid = new Map();
/** The writes that wait, in their order. @type {Op[]} */
export let ops = [];
/** Grows with every change of the above. */
export const revision = signal(0);
/** How many writes wait. */
export const waiting = signal(0);
/** The writes whose task was changed elsewhere. @type {import("@preact/signals").Signal<Op[]>} */
export const conflicts = signal([]);
/** What is known of the server's tasks: nothing, those kept here, or all. @type {import("@preact/signals").Signal<"nothing" | "kept" | "all">} */
export const known = signal("nothing");
/** How far the owner's changes were read. */
export let seen = 0;
/** What stands before each number of the owner's sequence: nothing until the server was restored from a backup. */
let epoch = "";

let keep = new Keep(null);
/** Writes that were taken out: IndexedDB may still say otherwise. @type {Set<string>} */
const takenOut = new Set();
/** Tasks to be written to IndexedDB with the next batch. @type {Set<string>} */
let unkept = new Set();
let keeping = false;

/** What is kept for an account. @param {string} account */
export async function load(account) {
  const opened = await Keep.open(account);
  const [tasks, queue, last, before] =
    await Promise.all([opened.all("tasks"), opened.all("queue"), opened.meta("seen"), opened.meta("epoch")]);
  keep.close();
  keep = opened;
  records.clear();
  keyOfUuid.clear();
  for (const [key, task] of tasks) {
    put(String(key), task);
  }
  const early = ops;
  ops = queue.map(([id, op]) => ({ ...op, id: Number(id) }));
  for (const key of new Set(ops.map((op) => op.key))) {
    lay(key);
  }
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
  records.clear();
  keyOfUuid.clear();
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
    if (conflicts.peek().length > 0 || ops.some((op) => op.state === "conflict")) {
      conflicts.value = ops.filter((op) => op.state === "conflict");
    }
  });
}

/** @param {string} uuid */
export const keyOf = (uuid) => keyOfUuid.get(uuid) ?? uuid;

/** @param {string} key @param {Task} task */
function put(key, task) {
  if (task.uuid !== key) {
    keyOfUuid.set(task.uuid, key);
  }
  const rec = records.get(key);
  records.set(key, { key, base: task, view: task, waiting: 0, conflict: rec?.conflict ?? null });
}

/** Lays the writes that wait over what the server said of a task. @param {string} key */
function lay(key) {
  const base = records.get(key)?.base ?? null;
  const mine = ops.filter((op) => op.key === key);
  const conflict = mine.find((op) => op.state === "conflict") ?? null;
  let view = base;
  for (const op of mine) {
    if (op.kind === "create") {
      view = base ?? draft(op);
    } else if (op.kind === "delete" && op.state === "waiting") {
      view = null;
    } else if (op.kind === "patch" && view) {
      view = patched(view, op.body, op.at);
    }
  }
  if (view) {
    records.set(key, { key, base, view, waiting: mine.length, conflict });
  } else if (base) {
    // Held, but not shown: it may be undone.
    records.set(key, { key, base, view: { ...base, id: -1 }, waiting: mine.length, conflict });
  } else {
    records.delete(key);
  }
}

/** Whether a record is shown. @param {Rec} rec */
export const isShown = (rec) => rec.view.id !== -1;

/** A task that the server does not know yet. @param {Op} op @returns {Task} */
function draft(op) {
  const status = op.body.status ?? "pending";
  return {
    id: 0, uuid: op.key, title: op.body.title ?? "", description: op.body.description ?? null, status,
    priority: op.body.priority ?? "medium", due_date: op.body.due_date ?? null,
    completed_at: status === "completed" ? op.at : null, created_at: op.at, updated_at: op.at, version: 0,
  };
}

/** @param {Task} task @param {Patch} body @param {string} at @returns {Task} */
function patched(task, body, at) {
  const next = { ...task, ...body, updated_at: at };
  if (body.status !== undefined && body.status !== task.status) {
    next.completed_at = body.status === "completed" ? at : null;
  }
  return next;
}

/** What the server says of a task: null where it is gone.
 * @param {string} uuid @param {Task | null} task @param {number} version */
export function tell(uuid, task, version) {
  const key = keyOf(uuid);
  const rec = records.get(key);
  if (rec?.base && rec.base.version > version) {
    return;
  }
  if (task) {
    put(key, task);
  } else if (rec) {
    records.set(key, { ...rec, base: null });
  }
  lay(key);
  persist(key);
}

/** The server's answer to a task that was made here. @param {string} key @param {Task} task */
export function tellMade(key, task) {
  const other = records.get(task.uuid);
  if (other && task.uuid !== key) {
    // The stream of changes was faster than the answer.
    records.delete(task.uuid);
    persist(task.uuid);
    if (other.base && other.base.version > task.version) {
      task = other.base;
    }
  }
  put(key, task);
  lay(key);
  persist(key);
}

/** Everything the server has; what it did not name is gone. @param {Set<string>} uuids */
export function keepOnly(uuids) {
  for (const rec of [...records.values()]) {
    if (rec.base && !uuids.has(rec.base.uuid)) {
      tell(rec.base.uuid, null, rec.base.version);
    }
  }
}

/** @param {number} seq */
export function tellSeen(seq) {
  seen = seq;
  persist(null);
}

/** A number as the server's entity tags and cursors spell it. @param {number} number */
export const stampOf = (number) => `${epoch}${number}`;

/** @param {string} cursor what the server spells so */
export function tellCursor(cursor) {
  const [, before, number] = /** @type {string[]} */ (cursor.match(/^(.*-)?(\d+)$/) ?? ["", "", "0"]);
  epoch = before ?? "";
  tellSeen(Number(number));
}

/** The server came back from a backup: whatever it says of a task now is newer than what is held here. */
export function forgetVersions() {
  for (const [key, rec] of [...records]) {
    if (rec.base) {
      put(key, { ...rec.base, version: 0 });
      lay(key);
      persist(key);
    }
  }
}

/** Puts a write in the queue and shows it. @param {Op} op */
export async function enqueue(op) {
  ops.push(op);
  lay(op.key);
  changed();
  const added = await keep.run(["queue"], "readwrite", (at) => at("queue").add({ ...op }));
  op.id = Number(added?.result ?? -Date.now() - Math.random());
  if (takenOut.has(op.idem)) {
    await dequeue(op);
  }
}

/** Takes a write out of the queue: it is done, undone or refused. @param {Op} op */
export async function dequeue(op) {
  takenOut.add(op.idem);
  ops = ops.filter((other) => other !== op && other.idem !== op.idem);
  lay(op.key);
  changed();
  if (op.id !== undefined && op.id > 0) {
    const id = op.id;
    await keep.run(["queue"], "readwrite", (at) => at("queue").delete(id));
  }
}

/** Keeps what has changed about a write. @param {Op} op @param {Partial<Op>} change */
export async function alter(op, change) {
  Object.assign(op, change);
  lay(op.key);
  changed();
  if (op.id !== undefined && op.id > 0) {
    const { id, ...rest } = op;
    await keep.run(["queue"], "readwrite", (at) => at("queue").put(rest, id));
  }
}

/** The queue as it is kept, with what other tabs put there. */
export async function reread() {
  const from = keep;
  const kept = (await from.all("queue")).filter(([, op]) => !takenOut.has(op.idem));
  if (from !== keep) {
    return;
  }
  if (kept.length === 0 && !keep.db) {
    return;
  }
  const mine = new Map(ops.map((op) => [op.idem, op]));
  const keys = new Set(ops.map((op) => op.key));
  const fresh = ops.filter((op) => op.id === undefined || op.id < 0);
  ops = kept.map(([id, op]) => Object.assign(mine.get(op.idem) ?? {}, op, { id: Number(id) }));
  ops.push(...fresh.filter((op) => !ops.includes(op)));
  for (const op of ops) {
    keys.add(op.key);
  }
  for (const key of keys) {
    lay(key);
  }
  changed();
}

/** Writes what has changed to IndexedDB, many at a time. @param {string | null} key */
function persist(key) {
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
