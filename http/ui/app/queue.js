// The writes on their way to the server: kept in IndexedDB first, sent in their order by one tab at a time, each under an
// idempotency key, so that a repeat changes nothing twice. A task that was changed elsewhere meanwhile is a conflict only
// where both changed the same thing.
import { Refusal, call, isOnline, session } from "./api.js";
import { alone, pause, signal, uuid } from "./lib.js";
import { alter, changed, dequeue, enqueue, isShown, keyOf, ops, records, reread, stampOf, tell, tellMade, waiting } from "./store.js";
import { t } from "./texts.js";
import { toast } from "./toast.js";

/** @typedef {import("./types.d.ts").Task} Task */
/** @typedef {import("./types.d.ts").Patch} Patch */
/** @typedef {import("./types.d.ts").Op} Op */

/** How long a deleted task can be brought back before the server is told. */
export const UNDO_MS = 8_000;
const RESEND_MAX_MS = 30_000;

/** Other tabs, of the same account. @type {BroadcastChannel | null} */
let others = null;
/** Versions that writes of this page made: a task that was changed here and then deleted here is no conflict.
 * @type {Set<number>} */
const ownVersions = new Set();
/** Whether a task that was made here or in another tab is being sent: what the stream says of it has to wait for the answer. */
export const making = signal(false);
let failures = 0;
/** When the server wants to hear of the next write, in milliseconds since 1970. */
let busyUntil = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {string} account */
export function startQueue(account) {
  others?.close();
  others = new BroadcastChannel(`taskwell-${account}`);
  others.onmessage = async (event) => {
    const { made, makes } = event.data;
    if (makes !== undefined) {
      making.value = makes;
      return;
    }
    if (made) {
      tellMade(made.key, made.task);
    }
    await reread();
    flush();
  };
  flush();
}

export function stopQueue() {
  others?.close();
  others = null;
  clearTimeout(timer);
}

/** @param {object} word */
const tellOthers = (word = {}) => others?.postMessage(word);

/** @param {boolean} makes */
function tellMaking(makes) {
  making.value = makes;
  tellOthers({ makes });
}

/** Makes a task. @param {Patch & { title: string }} body */
export function create(body) {
  const key = uuid();
  void push({ idem: uuid(), key, kind: "create", body, was: {}, version: 0, at: new Date().toISOString(), state: "waiting" });
  return key;
}

/** Changes a task. What is already so is left out.
 * @param {string} key @param {Patch} wanted
 * @param {Patch} seen what the fields were when the person began, where that is longer ago
 * @returns {Patch | null} what it was, to be undone by; null where there was nothing to change */
export function change(key, wanted, seen = {}) {
  const rec = records.get(key);
  if (!rec || !isShown(rec)) {
    return null;
  }
  const view = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (rec.view));
  const entries = Object.entries(wanted).filter(([field, value]) => view[field] !== value);
  if (entries.length === 0) {
    return null;
  }
  const was = /** @type {Patch} */ (Object.fromEntries(entries.map(([field]) => [field, view[field]])));
  Object.assign(was, seen);
  const body = /** @type {Patch} */ (Object.fromEntries(entries));
  const { title, description, status, priority, due_date } = rec.view;
  const whole = { title, description, status, priority, due_date };
  void push({ idem: uuid(), key, kind: "patch", body, was, whole, version: rec.base?.version ?? 0, at: new Date().toISOString(), state: "waiting" });
  return was;
}

/** Deletes a task, after the time to undo it. @param {string} key
 * @returns {(() => void) | null} brings it back */
export function remove(key) {
  const rec = records.get(key);
  if (!rec || !isShown(rec)) {
    return null;
  }
  /** @type {Op} */
  const op = {
    idem: uuid(), key, kind: "delete", body: {}, was: {}, version: rec.base?.version ?? 0, at: new Date().toISOString(),
    notBefore: Date.now() + UNDO_MS, state: "waiting",
  };
  void push(op);
  return () => void dequeue(op).then(() => tellOthers());
}

/** @param {Op} op */
async function push(op) {
  await enqueue(op);
  tellOthers();
  flush();
}

/** Sends what waits for nothing but the time to undo it; for a moment, as somebody is about to leave. */
export async function hurry() {
  for (const op of ops) {
    delete op.notBefore;
  }
  flush();
  for (let tries = 0; tries < 20 && isOnline.peek() && waiting.peek() > 0; tries += 1) {
    await pause(50);
  }
}

/** Sends what waits, soon. */
export function flush() {
  clearTimeout(timer);
  timer = setTimeout(() => void run(), Math.max(0, busyUntil - Date.now()));
}

/** Sends again later, each time later. @param {number} least milliseconds */
function later(least) {
  failures += 1;
  busyUntil = Date.now() + least;
  const wait = Math.max(least, Math.min(RESEND_MAX_MS, 500 * 2 ** failures));
  clearTimeout(timer);
  timer = setTimeout(() => void run(), wait);
}

let isRunning = false;
let again = false;

async function run() {
  if (isRunning) {
    again = true;
    return;
  }
  isRunning = true;
  again = false;
  try {
    await alone(`taskwell-queue-${session.peek()?.user.uuid}`, sendAll);
  } finally {
    isRunning = false;
    if (again) {
      flush();
    }
  }
}

/** Asks the server. What it answers counts as long as the same account is shown.
 * @param {string} method @param {string} path @param {import("./api.js").Options} options */
async function ask(method, path, options = {}) {
  const asker = others;
  const answer = await call(method, path, options).catch((/** @type {Error} */ error) => error);
  if (others !== asker) {
    throw new Refusal(0, null, 1);
  }
  if (answer instanceof Error) {
    throw answer;
  }
  return answer;
}

/** The next write that may be sent. A conflict holds up its own task alone. */
function nextOp() {
  /** @type {Set<string>} */
  const held = new Set();
  let soonest = Infinity;
  for (const op of ops) {
    if (op.state === "conflict" || (op.notBefore ?? 0) > Date.now()) {
      held.add(op.key);
      soonest = Math.min(soonest, op.state === "conflict" ? Infinity : (op.notBefore ?? 0));
    } else if (!held.has(op.key)) {
      return { op, soonest };
    }
  }
  return { op: null, soonest };
}

async function sendAll() {
  const asker = others;
  if (!asker) {
    return;
  }
  // A tab that was closed meanwhile said nothing of its end.
  making.value = false;
  await reread();
  for (;;) {
    const { op, soonest } = nextOp();
    if (!session.peek() || others !== asker) {
      return;
    }
    if (!op) {
      if (soonest < Infinity) {
        clearTimeout(timer);
        timer = setTimeout(() => void run(), Math.max(0, soonest - Date.now()) + 5);
      }
      return;
    }
    try {
      await sendOne(op);
      failures = 0;
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      if (others !== asker) {
        return;
      }
      if (isPassing(error)) {
        later(error.status === 0 ? 0 : error.retryAfter * 1000);
        return;
      }
      if (error.status === 401) {
        return;
      }
      await refused(op, error);
    }
  }
}

/** Whether the same write may go through later. @param {Refusal} error */
const isPassing = (error) => error.status === 0 || error.status === 409 || error.status === 408 || error.status === 429 || error.status >= 500;

/** @param {Op} op @param {Refusal} error */
async function refused(op, error) {
  const title = records.get(op.key)?.view.title ?? op.body.title ?? "";
  await dequeue(op);
  if (op.kind === "create") {
    // What was to be done to it can't be done either.
    for (const other of ops.filter((other) => other.key === op.key)) {
      await dequeue(other);
    }
  }
  tellOthers();
  toast(t.toast.refused(title, error.message), { kind: "error" });
}

/** @param {Op} op */
async function sendOne(op) {
  const headers = { "idempotency-key": op.idem };
  if (op.kind === "create") {
    tellMaking(true);
    try {
      const { data } = await ask("POST", "/tasks", { body: op.body, headers });
      const task = /** @type {Task} */ (data);
      ownVersions.add(task.version);
      tellMade(op.key, task);
      await dequeue(op);
      tellOthers({ made: { key: op.key, task } });
    } finally {
      tellMaking(false);
    }
    return;
  }
  const base = records.get(op.key)?.base;
  if (!base) {
    // Deleted elsewhere.
    if (op.kind === "delete") {
      await dequeue(op);
    } else {
      await alter(op, { state: "conflict", theirs: null });
    }
    tellOthers();
    return;
  }
  if (clashes(op, base)) {
    await alter(op, { state: "conflict", theirs: base });
    tellOthers();
    return;
  }
  const guarded = { ...headers, "if-match": `"${stampOf(base.version)}"` };
  try {
    const body = op.kind === "patch" ? { body: op.body } : {};
    const { data } = await ask(op.kind === "patch" ? "PATCH" : "DELETE", `/tasks/${base.uuid}`, { ...body, headers: guarded });
    if (op.kind === "delete") {
      tell(base.uuid, null, base.version);
    } else {
      ownVersions.add(data.version);
      tell(base.uuid, data, data.version);
    }
    await dequeue(op);
    tellOthers();
  } catch (error) {
    if (!(error instanceof Refusal) || ![404, 412].includes(error.status)) {
      throw error;
    }
    // Somebody was faster: look, and try again in the next round.
    await look(base.uuid);
    if (records.get(op.key)?.base?.version === base.version) {
      throw new Refusal(409, null, 2);
    }
  }
}

/** Asks the server for a task anew. @param {string} id */
async function look(id) {
  try {
    const { data } = await ask("GET", `/tasks/${id}`);
    tell(id, data, data.version);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) {
      throw error;
    }
    tell(id, null, records.get(keyOf(id))?.base?.version ?? 0);
  }
  changed();
}

/** Whether what a write is based on was changed elsewhere in the same place. @param {Op} op @param {Task} base */
function clashes(op, base) {
  if (op.kind === "delete") {
    return op.version !== base.version && op.version !== 0 && !ownVersions.has(base.version);
  }
  const theirs = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (base));
  const was = /** @type {Record<string, unknown>} */ (op.was);
  return Object.entries(op.body).some(([field, value]) => theirs[field] !== was[field] && theirs[field] !== value);
}
/** Ends a conflict. @param {Op} op @param {boolean} mine whether this page's version is to hold */
export async function settle(op, mine) {
  const base = records.get(op.key)?.base;
  const changes = ops.filter((other) => other.key === op.key && other.kind === "patch");
  if (!base && op.kind === "patch") {
    // Gone there, for all that waits for it.
    await Promise.all(changes.map(dequeue));
  }
  if (!mine) {
    await dequeue(op);
  } else if (base) {
    const theirs = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (base));
    const was = /** @type {Patch} */ (Object.fromEntries(Object.keys(op.body).map((field) => [field, theirs[field]])));
    await alter(op, { state: "waiting", was, version: base.version });
  } else {
    // What it was here, made anew.
    create(Object.assign({ title: t.name }, op.whole, ...changes.map((other) => other.body)));
  }
  tellOthers();
  flush();
}

/** When the net is back, what waits goes out at once. */
export function goOn() {
  failures = 0;
  flush();
}
addEventListener("online", () => {
  isOnline.value = true;
  goOn();
});
addEventListener("offline", () => (isOnline.value = false));
