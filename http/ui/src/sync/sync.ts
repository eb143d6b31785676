// Keeps the local tasks in step with the server: reads everything once, then follows the owner's
// changes.
import type { Task } from "../base/types";
import { Refusal, call, isOnline, retryAfter, send, session } from "./api";
import { batch, signal } from "@preact/signals";
import { pause } from "../base/lib";
import { resume, making } from "./queue";
import {
  changed,
  forgetVersions,
  keepOnly,
  known,
  seen,
  stampOf,
  applyServer,
  setCursor,
  setSeen,
} from "./store";

type Page = { data: Task[]; headers: Headers };
interface Change {
  seq: number;
  task_uuid: string;
  task: Task | null;
}
/** One page of `/changes`. */
interface ChangePage {
  changes: Change[];
  cursor: string;
  last: number;
  more: boolean;
}

const FIRST_PAGE = 200;
const PAGE = 1000;
/** If more changes than this were missed, all tasks are read again. */
const MISSED_MAX = 5_000;
/** The server sends something every 15 s. */
const SILENCE_MS = 40_000;
const RECONNECT_MAX_MS = 15_000;

/** Whether the stream of changes is open. */
export const isLive = signal(false);

let following: AbortController | null = null;
/**
 * The channel to the other tabs of the same account. Browsers allow six connections to a server
 * across all tabs, so one tab listens and tells the others.
 */
let tabs: BroadcastChannel | null = null;
/** Ends the delay before the next attempt. */
let wake = () => {};

export function startSync() {
  stopSync();
  following = new AbortController();
  const ends = following.signal;
  const name = `taskwell-changes-${session.peek()?.user.uuid}`;
  tabs = new BroadcastChannel(name);
  let heard = Promise.resolve();
  tabs.onmessage = ({ data }: MessageEvent<Change[]>) => {
    heard = heard.then(() => hear(data, ends));
  };
  void followChanges(name, ends);
}

export function stopSync() {
  following?.abort();
  following = null;
  tabs?.close();
  tabs = null;
  isLive.value = false;
}

export const retry = () => wake();
addEventListener("online", retry);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    retry();
  }
});

async function followChanges(name: string, ends: AbortSignal) {
  let failures = 0;
  while (!ends.aborted && session.peek()) {
    let least = 0;
    try {
      await catchUp(ends);
      resume();
      failures = 0;
      // Tabs that wait for the lock get the changes from the tab that holds it.
      await (navigator.locks
        ? navigator.locks.request(name, { signal: ends }, () => listen(ends))
        : listen(ends));
    } catch (error) {
      if (ends.aborted) {
        return;
      }
      if (!(error instanceof Refusal)) {
        console.warn("the stream of changes broke:", error);
      } else if (error.status === 401) {
        return;
      } else {
        least = error.status === 0 ? 0 : error.retryAfterSeconds * 1000;
      }
      failures += 1;
    }
    isLive.value = false;
    if (!ends.aborted) {
      const wait = Math.max(least, Math.min(RECONNECT_MAX_MS, 250 * 2 ** failures));
      await Promise.race([
        pause(wait * (0.75 + Math.random() / 2)),
        new Promise((done) => (wake = () => done(undefined))),
      ]);
    }
  }
}

/** Reads the changes since `seen`, or all tasks if nothing is known yet. */
async function catchUp(ends: AbortSignal) {
  for (;;) {
    const found = await changesSince(stampOf(seen), seen === 0 ? 1 : PAGE);
    if (ends.aborted) {
      return;
    }
    if (typeof found === "string") {
      await startAgain(found, ends);
      if (ends.aborted) {
        return;
      }
      continue;
    }
    const { data } = found;
    // A smaller number than `seen` means that the server runs on an older database.
    if (data.last < seen) {
      forgetVersions();
    }
    if (seen === 0 || data.last < seen || data.last - seen > MISSED_MAX) {
      await readAll(data.cursor.replace(/\d+$/, String(data.last)), ends);
      if (data.last === 0 || ends.aborted) {
        return;
      }
      continue;
    }
    await take(data.changes, ends);
    if (!data.more) {
      known.value = "all";
      return;
    }
  }
}

/**
 * Reads a page of changes. Returns the newest cursor if the server no longer has the older changes.
 */
async function changesSince(since: string, limit: number): Promise<{ data: ChangePage } | string> {
  try {
    return await call<ChangePage>("GET", `/changes?since=${since}&limit=${limit}`);
  } catch (error) {
    if (error instanceof Refusal && error.status === 410 && error.cursor !== "") {
      return error.cursor;
    }
    throw error;
  }
}

/** Reads all tasks again after the server was restored from a backup. */
async function startAgain(cursor: string, ends: AbortSignal) {
  await until(() => !making.peek());
  if (!ends.aborted) {
    forgetVersions();
    await readAll(cursor, ends);
  }
}

/** Reads all tasks. `cursor`: the position to catch up from afterwards. */
async function readAll(cursor: string, ends: AbortSignal) {
  const uuids: Set<string> = new Set();
  let next: string | null = `/tasks?limit=${FIRST_PAGE}`;
  while (next !== null) {
    const { data, headers }: Page = await call<Task[]>("GET", next);
    await until(() => !making.peek());
    if (ends.aborted) {
      return;
    }
    batch(() => {
      for (const task of data) {
        uuids.add(task.uuid);
        applyServer(task.uuid, task, task.version);
      }
      changed();
    });
    next = pathOf(headers.get("link"));
  }
  batch(() => {
    keepOnly(uuids);
    setCursor(cursor);
    known.value = "all";
    changed();
  });
}

/** Returns the path of the next page without `/api/v1`, or null. */
function pathOf(link: string | null) {
  const target = link?.match(/<([^>]+)>\s*;\s*rel="?next"?/)?.[1];
  if (!target) {
    return null;
  }
  const url = new URL(target, location.origin);
  url.searchParams.set("limit", String(PAGE));
  return url.pathname.replace(/^\/api\/v1/, "") + url.search;
}

async function take(changes: Change[], ends: AbortSignal) {
  await until(() => !making.peek());
  if (ends.aborted) {
    return;
  }
  batch(() => {
    for (const change of changes) {
      applyServer(change.task_uuid, change.task, change.seq);
    }
    const last = changes.at(-1);
    if (last) {
      setSeen(Math.max(seen, last.seq));
      changed();
    }
  });
}

/**
 * Applies the changes that the listening tab received. Numbers have no gaps, so a missing one
 * shows.
 */
async function hear(changes: Change[], ends: AbortSignal) {
  const first = changes[0];
  if (!first || ends.aborted) {
    return;
  }
  try {
    await (first.seq > seen + 1 && seen > 0 ? catchUp(ends) : take(changes, ends));
  } catch (error) {
    console.warn("what another tab heard was missed:", error);
  }
}

async function until(holds: () => boolean) {
  for (let tries = 0; tries < 100 && !holds(); tries += 1) {
    await pause(50);
  }
}

/** Follows the stream of changes until it breaks. */
async function listen(ends: AbortSignal) {
  const broken = new AbortController();
  const abort = () => broken.abort();
  ends.addEventListener("abort", abort);
  let silence = setTimeout(abort, SILENCE_MS);
  try {
    const headers = { accept: "text/event-stream", "last-event-id": stampOf(seen) };
    const response = await send("GET", "/events", { headers, signal: broken.signal });
    if (!response.ok || !response.body) {
      throw new Refusal(response.status, null, retryAfter(response));
    }
    isLive.value = true;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      clearTimeout(silence);
      silence = setTimeout(abort, SILENCE_MS);
      isOnline.value = true;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop() ?? "";
      const changes = parts.map(changeOf).filter((change) => change !== null);
      if (changes.length > 0) {
        tabs?.postMessage(changes);
        await take(changes, ends);
      }
      if (parts.some(isOfThePast)) {
        return;
      }
    }
  } catch (error) {
    if (!ends.aborted && !(error instanceof Refusal)) {
      isOnline.value = navigator.onLine && isOnline.peek();
    }
    if (!ends.aborted) {
      throw error;
    }
  } finally {
    clearTimeout(silence);
    ends.removeEventListener("abort", abort);
  }
}

/** Returns whether an event shows that the server was restored from a backup. `text`: one event. */
function isOfThePast(text: string) {
  if (text.startsWith("event: reset")) {
    return true;
  }
  const last = text.startsWith("event: ready") ? text.match(/"last":(\d+)/)?.[1] : undefined;
  return last !== undefined && Number(last) < seen;
}

/** Parses an event. Returns null if it is not a change. `text`: one event. */
function changeOf(text: string): Change | null {
  const lines = text.split("\n");
  if (!lines.some((line) => line === "event: change")) {
    return null;
  }
  const data = lines
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trimStart())
    .join("\n");
  return JSON.parse(data) as Change;
}
