// The queue of writes to the server. Each write is stored in IndexedDB first. One tab at a time
// sends them in order, each under an idempotency key, so that a repeat has no second effect. If a
// task was changed elsewhere in the meantime, it is a conflict only if both changed the same field.
import type { Op, Patch, Task } from "../base/types";
import type { Options } from "./api";
import { Refusal, call, isOnline, session } from "./api";
import { signal } from "@preact/signals";
import { cleaned } from "../base/clean";
import { alone, painted, pause, uuid } from "../base/lib";
import { answerRefused, changeRefused, hasText, keepRefused, supersede } from "./refused";
import {
  updateOp,
  changed,
  dequeue,
  enqueue,
  isShown,
  keyOf,
  markSent,
  ops,
  records,
  reread,
  stampOf,
  applyServer,
  applyCreated,
  waiting,
} from "./store";
import { t } from "../texts";
import { clashes, isPassing, nextOp, ownVersions } from "./rules";
import type { Fields } from "./rules";
import { toast } from "../base/toasts";

export type NewTask = Patch & { title: string };

/** A message between tabs: the queue has changed, and optionally what else has. */
interface Word {
  made?: { key: string; task: Task };
  makes?: boolean;
}

/** How long a deletion can be undone before it is sent to the server. */
export const UNDO_MS = 8_000;
const RESEND_MAX_MS = 30_000;

/** The channel to the other tabs of the same account. */
let others: BroadcastChannel | null = null;
/**
 * Whether this or another tab is sending a new task. Changes from the stream wait for the response.
 */
export const making = signal(false);
let failures = 0;
/** The earliest time of the next write that the server allows, in milliseconds since 1970. */
let busyUntil = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

export function startQueue(account: string) {
  others?.close();
  others = new BroadcastChannel(`taskwell-${account}`);
  others.onmessage = async ({ data: { made, makes } }: MessageEvent<Word>) => {
    if (makes !== undefined) {
      making.value = makes;
      return;
    }
    if (made) {
      applyCreated(made.key, made.task);
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

export const tellOthers = (word: Word = {}) => others?.postMessage(word);

function tellMaking(makes: boolean) {
  making.value = makes;
  tellOthers({ makes });
}

/** Creates a task and returns its key. */
export function create(body: NewTask) {
  const key = uuid();
  void push({
    idem: uuid(),
    key,
    kind: "create",
    body: cleaned(body),
    was: {},
    version: 0,
    at: new Date().toISOString(),
    state: "waiting",
  });
  return key;
}

/**
 * Changes a task, without the fields that already have the wanted value. `seen`: the fields as they
 * were when the user began to edit, if that was earlier. Returns the previous values for undo, or
 * null if there was nothing to change.
 */
export function change(key: string, wanted: Patch, seen: Patch = {}): Patch | null {
  const rec = records.get(key);
  if (!rec || !isShown(rec)) {
    return null;
  }
  const view: Fields = { ...rec.view };
  const entries = Object.entries(cleaned(wanted)).filter(([field, value]) => view[field] !== value);
  if (entries.length === 0) {
    return null;
  }
  const was = Object.fromEntries(entries.map(([field]) => [field, view[field]])) as Patch;
  Object.assign(was, seen);
  const body = Object.fromEntries(entries) as Patch;
  if (changeRefused(key, body)) {
    tellOthers();
    flush();
    return was;
  }
  const before = { ...was, ...supersede(key, body) };
  pushPatch(key, body, before, wholeOf(rec.view), rec.base?.version ?? 0, "waiting");
  return was;
}

/** Returns the fields of a task that can be changed. */
export const wholeOf = (task: NewTask): NewTask => ({
  title: task.title,
  description: task.description ?? null,
  status: task.status ?? "pending",
  priority: task.priority ?? "medium",
  due_date: task.due_date ?? null,
});

/** Queues text typed into a deleted task as a conflict. */
export const changeGone = (key: string, body: Patch, whole: NewTask) =>
  pushPatch(key, cleaned(body), {}, cleaned(whole), 0, "conflict");

function pushPatch(
  key: string,
  body: Patch,
  was: Patch,
  whole: Patch,
  version: number,
  state: "waiting" | "conflict",
) {
  const at = new Date().toISOString();
  const op: Op = { idem: uuid(), key, kind: "patch", body, was, whole, version, at, state };
  void push(op);
  return op;
}

/**
 * Deletes a task. The deletion is sent once the time to undo it has passed. Returns a function that
 * undoes it and returns whether it did.
 */
export function remove(key: string): (() => boolean) | null {
  const rec = records.get(key);
  if (!rec || !isShown(rec)) {
    return null;
  }
  const op: Op = {
    idem: uuid(),
    key,
    kind: "delete",
    body: {},
    was: {},
    version: rec.base?.version ?? 0,
    at: new Date().toISOString(),
    notBefore: Date.now() + UNDO_MS,
    state: "waiting",
  };
  void push(op);
  return () => {
    const isHere = ops.some((other) => other.idem === op.idem);
    // Otherwise the deletion may already be on its way.
    const isInTime = (op.notBefore ?? 0) > Date.now() || !isOnline.peek();
    if (!isHere || !(isInTime || op.state === "conflict")) {
      return false;
    }
    void dequeue(op).then(() => tellOthers());
    return true;
  };
}

async function push(op: Op) {
  await enqueue(op);
  tellOthers();
  flush();
}

/**
 * Sends writes without waiting for the time to undo them, and waits up to a second for them,
 * because the user is about to leave.
 */
export async function flushNow() {
  for (const op of ops) {
    delete op.notBefore;
  }
  flush();
  for (let tries = 0; tries < 20 && isOnline.peek() && waiting.peek() > 0; tries += 1) {
    await pause(50);
  }
}

/** Schedules the pending writes to be sent as soon as the server allows. */
export function flush() {
  clearTimeout(timer);
  timer = setTimeout(() => void run(), Math.max(0, busyUntil - Date.now()));
}

/** Schedules a retry with exponential backoff. `least`: the minimum delay in milliseconds. */
function later(least: number) {
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
    // Draw the user's action before sending it.
    await painted();
    await alone(`taskwell-queue-${session.peek()?.user.uuid}`, sendAll);
  } finally {
    isRunning = false;
    if (again) {
      flush();
    }
  }
}

/** Sends a request. Fails if the queue was stopped or restarted in the meantime. */
async function ask<T>(method: string, path: string, options: Options = {}) {
  const asker = others;
  const answer = await call<T>(method, path, options).catch((error: Error) => error);
  if (others !== asker) {
    throw new Refusal(0, null, 1);
  }
  if (answer instanceof Error) {
    throw answer;
  }
  return answer;
}

async function sendAll() {
  const asker = others;
  if (!asker) {
    return;
  }
  // A tab that was closed while sending never reported its end.
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
        later(error.status === 0 ? 0 : error.retryAfterSeconds * 1000);
        return;
      }
      if (error.status === 401) {
        return;
      }
      await refused(op, error);
    }
  }
}

async function refused(op: Op, error: Refusal) {
  const title = records.get(op.key)?.view.title ?? op.body.title ?? "";
  await (hasText(op) ? keepRefused(op, error) : dequeue(op));
  tellOthers();
  toast(t.toast.refused(title, error.message), { kind: "error" });
}

async function sendOne(op: Op) {
  if (op.kind === "create") {
    await sendNew(op);
    return;
  }
  const base = records.get(op.key)?.base;
  if (!base && op.kind === "delete") {
    // The task was also deleted elsewhere, or never created.
    for (const other of ops.filter((other) => other.key === op.key)) {
      await dequeue(other);
    }
    tellOthers();
  } else if (!base || clashes(op, base)) {
    await updateOp(op, { state: "conflict", theirs: base ?? null });
    tellOthers();
  } else {
    await sendChange(op, base);
  }
}

async function sendNew(op: Op) {
  tellMaking(true);
  try {
    markSent(op);
    const headers = { "idempotency-key": op.idem };
    const { data: task } = await ask<Task>("POST", "/tasks", { body: op.body, headers });
    ownVersions.add(task.version);
    applyCreated(op.key, task);
    await dequeue(op);
    tellOthers({ made: { key: op.key, task } });
  } finally {
    tellMaking(false);
  }
}

async function sendChange(op: Op, base: Task) {
  const path = `/tasks/${base.uuid}`;
  const headers = { "idempotency-key": op.idem, "if-match": `"${stampOf(base.version)}"` };
  try {
    if (op.kind === "delete") {
      await ask("DELETE", path, { headers });
      await answerRefused(op.key, false);
      applyServer(base.uuid, null, base.version);
    } else {
      const { data } = await ask<Task>("PATCH", path, { body: op.body, headers });
      ownVersions.add(data.version);
      applyServer(base.uuid, data, data.version);
    }
    await dequeue(op);
    tellOthers();
  } catch (error) {
    if (!(error instanceof Refusal) || ![404, 412].includes(error.status)) {
      throw error;
    }
    // Somebody else changed the task first: read it, and try again in the next round.
    await look(base.uuid);
    if (records.get(op.key)?.base?.version === base.version) {
      throw new Refusal(409, null, 2);
    }
  }
}

/** Reads a task from the server again. */
async function look(id: string) {
  try {
    const { data } = await ask<Task>("GET", `/tasks/${id}`);
    applyServer(id, data, data.version);
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) {
      throw error;
    }
    applyServer(id, null, records.get(keyOf(id))?.base?.version ?? 0);
  }
  changed();
}

/** Sends pending writes at once after the connection returns. */
export function resume() {
  failures = 0;
  flush();
}
addEventListener("online", () => {
  isOnline.value = true;
  resume();
});
addEventListener("offline", () => (isOnline.value = false));
