// What is being typed, kept as it is typed: per account and tab, in localStorage, which a reload,
// a crash, an ended session and a full disk leave as it is.
import type { Patch } from "../base/types";
import { effect, signal, untracked } from "@preact/signals";
import { uuid } from "../base/lib";
import { homeless, lastKept } from "../sync/store";

/** A text, what it was before, and the whole task, should it be gone. */
export interface Draft {
  text: string;
  began: string;
  whole?: Patch & { title: string };
}
type Named = [name: string, draft: Draft];

const PLACE = "taskwell.typed";
const TAB = "taskwell.tab";
/** A tab that is reloaded lets go of its lock within this time. */
const LOCK_MS = 2_000;

/** The line of quick add. */
export const line = signal("");

/** The account whose drafts these are. */
let owner: string | null = null;
let tab = uuid();
/** Drafts that could not be stored. */
const unstored: Set<string> = new Set();

const placeOf = (account: string, of: string, name: string) => `${PLACE}.${account}.${of}.${name}`;

/** Keeps a draft under a name; without one, forgets it. */
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

/** Forgets a draft once what became of it is kept, unless there is more of it by then. */
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
    // Then it is kept here, until the server has it.
    const stop = effect(() => {
      if (homeless.value === 0) {
        untracked(drop);
        setTimeout(() => stop(), 0);
      }
    });
  });
}

/** Whether closing the tab would lose something. */
export const isAtRisk = () => homeless.peek() > 0 || unstored.size > 0;

function read(place: string): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(place) ?? "null") as Partial<Draft> | null;
    return typeof found?.text === "string" ? { began: "", ...found, text: found.text } : null;
  } catch {
    return null;
  }
}

/** Where drafts of an account are: the tab, the name. */
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

/** How many texts of an account are typed halfway, in all tabs. */
export const countDrafts = (account: string) => places(account).length;

/** Forgets all drafts of an account. */
export function forgetDrafts(account: string) {
  places(account).forEach(({ place }) => localStorage.removeItem(place));
  unstored.clear();
}

/** Locks of this tab. */
const held: Set<string> = new Set();
/** This tab's name, which no other tab has: one that was duplicated gets another. */
const named: Promise<void> = (async () => {
  try {
    tab = sessionStorage.getItem(TAB) ?? tab;
  } catch {
    // A new name each time.
  }
  if (navigator.locks) {
    tab = (await hold(tab)) ? tab : uuid();
    await hold(tab);
  }
  try {
    sessionStorage.setItem(TAB, tab);
  } catch {
    // As above.
  }
})();

/** Holds the lock of a tab's name as long as the tab lives. Returns whether it was free. */
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

/** Takes the drafts that a tab left behind. */
function take(account: string, from: string): Named[] {
  return places(account)
    .filter(({ of }) => of === from)
    .flatMap(({ place, name }) => {
      const draft = read(place);
      const isLine = name === "add";
      if (!draft || (isLine && line.peek() !== "")) {
        // A line waits until there is room for it.
        return [];
      }
      if (from !== tab) {
        localStorage.removeItem(place);
        keepDraft(name, draft);
      }
      return [[name, draft] as Named];
    });
}

/** Other drafts than the account's are out of sight from here on. */
export function openDrafts(account: string | null) {
  owner = null;
  line.value = "";
  unstored.clear();
  owner = account;
}

/** Hands over what this tab, and tabs that are gone, left typed. */
export async function restoreDrafts(account: string, use: (name: string, draft: Draft) => void) {
  await named;
  const useAll = (from: string) =>
    owner === account && take(account, from).forEach(([name, draft]) => use(name, draft));
  useAll(tab);
  if (!navigator.locks) {
    return;
  }
  // Tabs that are just reloaded first take what is theirs.
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

/** What takes over the texts of the open editor. */
export const commits: Set<() => void> = new Set();
const takeOver = () => commits.forEach((commit) => commit());
/** Tabs ask each other to take over what is typed. */
const tabs = new BroadcastChannel(PLACE);
tabs.onmessage = takeOver;
addEventListener("pagehide", takeOver);

/** Takes over what is typed, in all tabs. */
export function takeOverAll() {
  takeOver();
  tabs.postMessage("");
}
