// Signing in and out, as far as tasks are concerned: what is kept belongs to one account.
import { forgetActs } from "./acts";
import { call, ended, keepSession, session } from "../sync/api";
import { forget } from "../sync/idb";
import { effect, untracked } from "@preact/signals";
import { flushNow, startQueue, stopQueue } from "../sync/queue";
import { go, search, selection } from "./state";
import { clear, conflicts, load, waiting } from "../sync/store";
import { startSync, stopSync } from "../sync/sync";
import { t } from "../texts";
import { clearToasts } from "../base/toasts";

/** The account whose tasks are shown. */
let account: string | null = null;
/** The account whose tasks are held: after its session ended they are, for the next one. */
let held: string | null = null;

/** Follows the session, whoever began or ended it. */
export function followSession() {
  effect(() => {
    const next = session.value?.user.uuid ?? null;
    untracked(() => void turn(next));
  });
}

async function turn(next: string | null) {
  if (next === account) {
    return;
  }
  account = next;
  stopSync();
  stopQueue();
  clearToasts();
  if (next === null) {
    selection.value = new Set();
    if (!ended.peek()) {
      held = null;
      search.value = "";
      clear();
    }
    return;
  }
  if (next !== held) {
    // What the address says stays, unless it is of somebody else.
    if (held !== null) {
      search.value = "";
    }
    held = next;
    clear();
    forgetActs();
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
  await flushNow();
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
