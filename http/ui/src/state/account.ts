// Sign-in and sign-out as far as tasks are concerned: stored data belongs to one account.
import type { Op } from "../base/types";
import { ask, asking } from "../base/ask";
import { forgetActs, retype } from "./acts";
import { call, endSession, ended, session } from "../sync/api";
import type { Draft } from "./drafts";
import {
  countDrafts,
  forgetDrafts,
  isAtRisk,
  line,
  openDrafts,
  restoreDrafts,
  takeOverAll,
} from "./drafts";
import { forget } from "../sync/idb";
import { effect, untracked } from "@preact/signals";
import { pause } from "../base/lib";
import { flushNow, startQueue, stopQueue } from "../sync/queue";
import { NO_FILTERS, cursor, editing, filters, go, search, selection } from "./state";
import {
  clear,
  conflicts,
  enqueue,
  known,
  load,
  ops,
  records,
  refusals,
  waiting,
} from "../sync/store";
import { startSync, stopSync } from "../sync/sync";
import { t } from "../texts";
import { clearToasts } from "../base/toasts";

/** The account whose tasks are shown. */
let account: string | null = null;
/**
 * The account whose tasks are in memory. They stay after its session ends, until the next sign-in.
 */
let held: string | null = null;
/** Writes that only this tab holds, of other accounts whose sessions ended. */
const homeless: Map<string, Op[]> = new Map();

/** Follows changes of the session, whether made in this tab, in another or by the server. */
export function followSession() {
  effect(() => {
    const next = session.value?.user.uuid ?? null;
    const isEnded = ended.value;
    untracked(() => void turn(next, isEnded));
  });
  addEventListener("beforeunload", (event) => isAtRisk() && event.preventDefault());
}

async function turn(next: string | null, isEnded: boolean) {
  if (next !== account) {
    account = next;
    stopSync();
    stopQueue();
    clearToasts();
    if (next !== null) {
      await enter(next);
    } else {
      selection.value = new Set();
    }
  }
  if (next === null && account === null && !isEnded && held !== null) {
    // The user signed out, in this or another tab.
    hold(null);
  }
}

/** Storage key of the account that this tab was last used with. It survives a reload. */
const LAST = "taskwell.last";

/** Returns whether this tab was last used with another account, and stores the current one. */
function isAnother(next: string | null) {
  try {
    const last = sessionStorage.getItem(LAST);
    if (next === null) {
      sessionStorage.removeItem(LAST);
    } else {
      sessionStorage.setItem(LAST, next);
    }
    return last !== null && last !== next;
  } catch {
    return held !== null;
  }
}

/** Switches the memory to the tasks and drafts of one account. */
function hold(next: string | null) {
  // The search and filters in the URL stay unless they belong to another account.
  if (isAnother(next)) {
    search.value = "";
    filters.value = { ...NO_FILTERS };
  }
  asking.peek()?.answer(false);
  held = next;
  clear();
  forgetActs();
  openDrafts(next);
  editing.value = null;
  cursor.value = null;
}

async function enter(next: string) {
  if (next !== held) {
    const kept = ops.filter((op) => (op.id ?? 0) < 0);
    if (held !== null && kept.length > 0) {
      homeless.set(held, kept);
    }
    hold(next);
    await load(next);
    homeless.get(next)?.forEach((op) => void enqueue(op));
    homeless.delete(next);
    void restoreDrafts(next, useDraft);
  }
  if (account === next) {
    startQueue(next);
    startSync();
  }
}

/** Restores a draft that was not saved before its tab was closed. */
function useDraft(name: string, draft: Draft) {
  if (name === "add") {
    line.value = draft.text;
    return;
  }
  const [key = "", field] = name.split(".");
  const of = account;
  let isUsed = false;
  // The task may not be loaded yet.
  const stop = effect(() => {
    if (isUsed || (known.value !== "all" && !records.has(key))) {
      return;
    }
    isUsed = true;
    untracked(() => {
      if (account === of) {
        retype(key, field === "title" ? "title" : "description", draft);
      }
    });
    setTimeout(() => stop(), 0);
  });
}

/**
 * Ends the session, or all sessions of the account, and deletes its data from this browser. Asks
 * first if unsent changes would be lost.
 */
export async function signOut(everywhere: boolean = false) {
  const user = session.peek()?.user;
  if (!user) {
    return;
  }
  takeOverAll();
  for (let tries = 0; tries < 10 && countDrafts(user.uuid) > (line.peek() ? 1 : 0); tries += 1) {
    await pause(50);
  }
  await flushNow();
  const unsent =
    waiting.peek() + conflicts.peek().length + refusals.peek() + countDrafts(user.uuid);
  const text = t.ask.signOutText(unsent);
  if (unsent > 0 && !(await ask({ title: t.ask.signOut, text, yes: t.nav.signOut }))) {
    return;
  }
  // The stream would only report that the session has ended.
  stopSync();
  try {
    await (everywhere ? call("DELETE", "/users/me/sessions") : call("POST", "/auth/logout"));
  } catch (error) {
    if (everywhere) {
      // The other sessions are still valid, so this one continues.
      startSync();
      throw error;
    }
    // The server is unreachable or the session has already ended: sign out here in any case.
    console.warn("the server was not told of the sign-out:", error);
  }
  await leave(user.uuid);
}

/** Deletes all data of the account from this browser. */
export async function leave(uuid: string) {
  endSession();
  forgetDrafts(uuid);
  homeless.delete(uuid);
  await forget(uuid);
  go("/app/sign-in", true);
}
