// Signing in and out, as far as tasks are concerned: what is kept belongs to one account.
import { forgetActs } from "./acts.js";
import { call, ended, keepSession, session } from "./api.js";
import { forget } from "./idb.js";
import { effect, untracked } from "./lib.js";
import { hurry, startQueue, stopQueue } from "./queue.js";
import { go, search, selection } from "./state.js";
import { clear, conflicts, load, waiting } from "./store.js";
import { startSync, stopSync } from "./sync.js";
import { t } from "./texts.js";
import { hush } from "./toast.js";

/** The account whose tasks are shown. @type {string | null} */
let account = null;
/** The account whose tasks are held: after its session ended they are, for the next one. @type {string | null} */
let held = null;

/** Follows the session, whoever began or ended it. */
export function followSession() {
  effect(() => {
    const next = session.value?.user.uuid ?? null;
    untracked(() => void turn(next));
  });
}

/** @param {string | null} next */
async function turn(next) {
  if (next === account) {
    return;
  }
  account = next;
  stopSync();
  stopQueue();
  hush();
  if (next === null) {
    selection.value = new Set();
    if (!ended.peek()) {
      held = null;
      clear();
    }
    return;
  }
  if (next !== held) {
    held = next;
    clear();
    forgetActs();
    search.value = "";
    await load(next);
  }
  if (account === next) {
    startQueue(next);
    startSync();
  }
}

/** Ends the session, and forgets what was kept of the account here. */
export async function signOut() {
  const user = session.peek()?.user;
  await hurry();
  const unsent = waiting.peek() + conflicts.peek().length;
  if (!user || (unsent > 0 && !confirm(t.toast.signOutLoss(unsent)))) {
    return;
  }
  // Its stream would only be told that the session has ended.
  stopSync();
  try {
    await call("POST", "/auth/logout");
  } catch (error) {
    // Away, or ended already: here it ends in any case.
    console.warn("the server was not told of the sign-out:", error);
  }
  ended.value = false;
  keepSession(null);
  search.value = "";
  await forget(user.uuid);
  go("/app/sign-in", true);
}
