// Signing in and out, as far as tasks are concerned: what is kept belongs to one account.
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
/** The account whose tasks are held: after its session ended they are, for the next one. */
let held: string | null = null;
/** Writes of other accounts whose sessions ended, which nothing but this tab keeps. */
const homeless: Map<string, Op[]> = new Map();

/** Follows the session, whoever began or ended it. */
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
    // Signed out, here or in another tab.
    hold(null);
  }
}

/** Names the account that this tab was last used with, also before a reload. */
const LAST = "taskwell.last";

/** Whether this tab was last used with another account. Remembers the one that it is used with. */
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

/** Holds the tasks and drafts of an account, and of no other. */
function hold(next: string | null) {
  // The search and the filters of the address stay, unless they are those of another account.
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

/** What was typed and not taken over before the tab went away. */
function useDraft(name: string, draft: Draft) {
  if (name === "add") {
    line.value = draft.text;
    return;
  }
  const [key = "", field] = name.split(".");
  const of = account;
  let isUsed = false;
  // Its task may not have been read yet.
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
 * Ends the session, or all sessions of the account, and forgets what was kept of it here. Whoever
 * would lose something by it is asked.
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
  // Its stream would only be told that the session has ended.
  stopSync();
  try {
    await (everywhere ? call("DELETE", "/users/me/sessions") : call("POST", "/auth/logout"));
  } catch (error) {
    if (everywhere) {
      // Elsewhere, it has not ended.
      startSync();
      throw error;
    }
    // Away, or ended already: here it ends in any case.
    console.warn("the server was not told of the sign-out:", error);
  }
  await leave(user.uuid);
}

/** The account is left: nothing of it stays in this browser. */
export async function leave(uuid: string) {
  endSession();
  forgetDrafts(uuid);
  homeless.delete(uuid);
  await forget(uuid);
  go("/app/sign-in", true);
}
