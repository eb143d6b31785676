// Drafts of texts that are being typed, per account and tab, in localStorage. They survive a
// reload, a crash, the end of a session and a full disk.
import type { Patch } from "../base/types";
import { effect, signal, untracked } from "@preact/signals";
import { uuid } from "../base/lib";
import { homeless, lastKept } from "../sync/store";

/** A text, its original value, and the whole task in case it is deleted elsewhere. */
export interface Draft {
  text: string;
  began: string;
  whole?: Patch & { title: string };
}
type Named = [name: string, draft: Draft];

const PLACE = "taskwell.typed";
const TAB = "taskwell.tab";
/** A reloading tab releases its lock within this time. */
const LOCK_MS = 2_000;

/** The text in the quick-add field. */
export const line = signal("");

/** The account that the drafts belong to. */
let owner: string | null = null;
let tab = uuid();
/** Drafts that could not be stored. */
const unstored: Set<string> = new Set();

const placeOf = (account: string, of: string, name: string) => `${PLACE}.${account}.${of}.${name}`;

/** Stores a draft under a name; null removes it. */
export function keepDraft(name: string, draft: Draft | null) {
  if (owner === null) {
    return;
  }
  const place = placeOf(owner, tab, name);
  unstored.delete(place);
  try {
    if (draft) {
      localStorage.setItem(place, JSON.stringify(draft));
    } else {
      localStorage.removeItem(place);
    }
  } catch {
    if (draft) {
      unstored.add(place);
    }
  }
}

/** Removes a draft once its write is stored, unless the draft has changed by then. */
export function dropWhenKept(name: string, text: string) {
  const account = owner;
  const drop = () => {
    if (account !== null && read(placeOf(account, tab, name))?.text === text) {
      localStorage.removeItem(placeOf(account, tab, name));
    }
    unstored.delete(placeOf(account ?? "", tab, name));
  };
  void lastKept.then((isKept) => {
    if (isKept) {
      drop();
      return;
    }
    // Only this tab holds the write, so keep the draft until the server has it.
    const stop = effect(() => {
      if (homeless.value === 0) {
        untracked(drop);
        setTimeout(() => stop(), 0);
      }
    });
  });
}

/** Returns whether closing the tab would lose something. */
export const isAtRisk = () => homeless.peek() > 0 || unstored.size > 0;

function read(place: string): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(place) ?? "null") as Partial<Draft> | null;
    return typeof found?.text === "string" ? { began: "", ...found, text: found.text } : null;
  } catch {
    return null;
  }
}

/** Returns the storage keys of an account's drafts, with the tab and the name of each. */
function places(account: string): { place: string; of: string; name: string }[] {
  try {
    const start = `${PLACE}.${account}.`;
    return Object.keys(localStorage)
      .filter((place) => place.startsWith(start))
      .map((place) => {
        const [of = "", ...name] = place.slice(start.length).split(".");
        return { place, of, name: name.join(".") };
      });
  } catch {
    return [];
  }
}

/** Returns the number of unsaved drafts of an account, in all tabs. */
export const countDrafts = (account: string) => places(account).length;

/** Removes all drafts of an account. */
export function forgetDrafts(account: string) {
  places(account).forEach(({ place }) => localStorage.removeItem(place));
  unstored.clear();
}

/** Names whose locks this tab holds. */
const held: Set<string> = new Set();
/** Resolves once the tab has a unique name. A duplicated tab gets a new one. */
const named: Promise<void> = (async () => {
  try {
    tab = sessionStorage.getItem(TAB) ?? tab;
  } catch {
    // Storage is unavailable: use a new name on every load.
  }
  if (navigator.locks) {
    tab = (await hold(tab)) ? tab : uuid();
    await hold(tab);
  }
  try {
    sessionStorage.setItem(TAB, tab);
  } catch {
    // Storage is unavailable, as above.
  }
})();

/** Holds the lock of a tab's name for the life of the tab. Returns whether it was free. */
function hold(name: string) {
  return new Promise<boolean>((done) => {
    if (held.has(name)) {
      done(true);
      return;
    }
    const signal = AbortSignal.timeout(LOCK_MS);
    const forEver = () => {
      held.add(name);
      done(true);
      return new Promise<void>(() => {});
    };
    navigator.locks.request(`taskwell-tab-${name}`, { signal }, forEver).catch(() => done(false));
  });
}

/** Takes over the drafts of a tab. */
function take(account: string, from: string): Named[] {
  return places(account)
    .filter(({ of }) => of === from)
    .flatMap(({ place, name }) => {
      const draft = read(place);
      const isLine = name === "add";
      if (!draft || (isLine && line.peek() !== "")) {
        // A quick-add draft waits until the field is empty.
        return [];
      }
      if (from !== tab) {
        localStorage.removeItem(place);
        keepDraft(name, draft);
      }
      return [[name, draft] as Named];
    });
}

/** Switches to the drafts of another account, or of none. */
export function openDrafts(account: string | null) {
  owner = null;
  line.value = "";
  unstored.clear();
  owner = account;
}

/** Restores the drafts of this tab and of closed tabs. */
export async function restoreDrafts(account: string, use: (name: string, draft: Draft) => void) {
  await named;
  const useAll = (from: string) =>
    owner === account && take(account, from).forEach(([name, draft]) => use(name, draft));
  useAll(tab);
  if (!navigator.locks) {
    return;
  }
  // Let reloading tabs take their own drafts first.
  setTimeout(() => {
    for (const from of new Set(places(account).map(({ of }) => of))) {
      const name = `taskwell-tab-${from}`;
      if (from !== tab) {
        void navigator.locks.request(name, { ifAvailable: true }, (lock) => lock && useAll(from));
      }
    }
  }, LOCK_MS);
}

effect(() => {
  const text = line.value;
  untracked(() => keepDraft("add", text === "" ? null : { text, began: "" }));
});

/** Functions that save the texts of the open editor. */
export const commits: Set<() => void> = new Set();
const takeOver = () => commits.forEach((commit) => commit());
/** A tab that signs out asks the others to save what is being typed. */
const tabs = new BroadcastChannel(PLACE);
tabs.onmessage = takeOver;
addEventListener("pagehide", takeOver);

/** Saves what is being typed, in all tabs. */
export function takeOverAll() {
  takeOver();
  tabs.postMessage("");
}
