// The URL: the view, its search and its filters. Each view is a history entry, and so is whatever
// is open over a view, so that Back closes that first.
import type { Task } from "../base/types";
import type { Signal } from "@preact/signals";
import { batch, effect, signal, untracked } from "@preact/signals";
import { painted, uuid } from "../base/lib";
import { session } from "../sync/api";

export type Filters = {
  status: "open" | "pending" | "in_progress" | "completed" | "all";
  priority: "any" | Task["priority"];
  sort: "due" | "priority" | "newest" | "oldest" | "title" | "updated";
};
export const NO_FILTERS: Filters = { status: "open", priority: "any", sort: "due" };
const STATUSES = ["open", "pending", "in_progress", "completed", "all"] as const;
const PRIORITIES = ["any", "low", "medium", "high", "urgent"] as const;
const SORTS = ["due", "priority", "newest", "oldest", "title", "updated"] as const;

export const path = signal(location.pathname);
export const search = signal("");
export const filters: Signal<Filters> = signal({ ...NO_FILTERS });
export const selection: Signal<Set<string>> = signal(new Set());
/** The task whose editor is open. */
export const editing: Signal<string | null> = signal(null);
/** The scroll positions to restore in the current view. */
export const arrived: Signal<number[]> = signal([]);

const LISTS = ["/", "/app", "/app/today", "/app/board", "/app/done"];
const plain = (pathname: string) => pathname.replace(/(.)\/$/, "$1");
/**
 * Returns whether a view is the list of all tasks, which alone has a status filter and a sort
 * order.
 */
const isAll = (pathname: string) => ["/", "/app"].includes(plain(pathname));

const known = <T extends string>(all: readonly T[], value: string | null, other: T) =>
  all.find((one) => one === value) ?? other;

/** Applies the URL to the state. */
function read() {
  const { pathname } = location;
  const params = new URLSearchParams(location.search);
  batch(() => {
    path.value = pathname;
    if (!LISTS.includes(plain(pathname))) {
      return;
    }
    search.value = params.get("q") ?? "";
    const { status, sort } = filters.peek();
    const next: Filters = {
      status: isAll(pathname) ? known(STATUSES, params.get("show"), "open") : status,
      priority: known(PRIORITIES, params.get("priority"), "any"),
      sort: isAll(pathname) ? known(SORTS, params.get("sort"), "due") : sort,
    };
    if (JSON.stringify(next) !== JSON.stringify(filters.peek())) {
      filters.value = next;
    }
  });
}

/** Returns the URL of a view with the current search and filters. */
function addressOf(to: string) {
  const url = new URL(to, location.href);
  const put = (name: string, value: string, usual: string) =>
    value === usual ? url.searchParams.delete(name) : url.searchParams.set(name, value);
  if (LISTS.includes(plain(url.pathname))) {
    const { status, priority, sort } = filters.peek();
    put("q", search.peek().trim(), "");
    put("show", isAll(url.pathname) ? status : "open", "open");
    put("priority", priority, "any");
    put("sort", isAll(url.pathname) ? sort : "due", "due");
  }
  return url.pathname + url.search;
}

type Entry = { id: string; isOver?: boolean };
const entry = () => (history.state ?? { id: "first" }) as Entry;
/** The id of the current history entry. */
let here = entry().id;
const scrolled: Map<string, number[]> = new Map();
const keepScroll = () =>
  scrolled.set(
    here,
    [...document.querySelectorAll("[data-scrolls]")].map((part) => part.scrollTop),
  );

// While the browser is on its way back to the view's own entry, further navigation waits.
let isReturning = false;
const waiting: (() => void)[] = [];
const then = (run: () => void) => (isReturning ? void waiting.push(run) : run());

const WRITE_MS = 150;
let timer: ReturnType<typeof setTimeout> | undefined;
function write() {
  clearTimeout(timer);
  timer = undefined;
  const to = addressOf(path.peek() + (path.peek() === location.pathname ? location.search : ""));
  if (session.peek() && !isReturning && to !== location.pathname + location.search) {
    history.replaceState(history.state, "", to);
  }
}
// Typing in the search changes the current entry and adds none.
effect(() => {
  void [search.value, filters.value, session.value];
  clearTimeout(timer);
  timer = setTimeout(write, WRITE_MS);
});

/** Navigates to another view. */
export function go(to: string, replace: boolean = false) {
  const target = addressOf(to);
  keepScroll();
  then(() => {
    if (timer !== undefined) {
      write();
    }
    if (target !== location.pathname + location.search || entry().isOver) {
      here = uuid();
      // Replace the entry of whatever was open over the view.
      const takes = replace || entry().isOver === true;
      history[takes ? "replaceState" : "pushState"]({ id: here }, "", target);
    }
  });
  batch(() => {
    if (new URL(to, location.href).pathname !== path.peek()) {
      arrived.value = [];
    }
    path.value = new URL(to, location.href).pathname;
    leave();
  });
}

/**
 * Clears the editor and the selection of the previous view, so that no key acts on hidden tasks.
 */
function leave() {
  editing.value = null;
  if (selection.peek().size > 0) {
    selection.value = new Set();
  }
}
let leftAt = path.peek();
effect(() => {
  void [search.value, filters.value];
  if (path.value !== leftAt) {
    leftAt = path.value;
    untracked(leave);
  } else {
    // A search narrows the selection and may hide the editor's task.
    editing.value = null;
  }
});

/** The close functions of whatever is open over the view, newest last. */
const open: Set<() => void> = new Set();

const RETURN_MS = 2_000;
function returned() {
  if (isReturning) {
    isReturning = false;
    waiting.splice(0).forEach((run) => run());
    write();
    settle();
  }
}

/**
 * Adds a history entry if something is open over the view, and goes back if nothing is any more.
 */
function settle() {
  if (isReturning) {
    return;
  }
  if (open.size > 0 && !entry().isOver) {
    if (timer !== undefined) {
      write();
    }
    history.pushState({ id: here, isOver: true }, "");
  } else if (open.size === 0 && entry().isOver) {
    isReturning = true;
    history.back();
    // A browser that is busy with another page may never send `popstate`.
    setTimeout(returned, RETURN_MS);
  }
}

/** Makes Back close something while it is open. */
export function closesOnBack(isOpen: () => boolean, close: () => void) {
  effect(() => {
    const was = open.has(close);
    if (isOpen() === was) {
      return;
    }
    if (was) {
      open.delete(close);
    } else {
      open.add(close);
    }
    // Wait, because another may open when this one closes, and draw what opens first.
    if (was) {
      setTimeout(settle, 0);
    } else {
      void painted().then(settle);
    }
  });
}

if (entry().isOver) {
  // Nothing is open after a reload.
  history.replaceState({ id: here }, "");
}
read();
addEventListener("popstate", () => {
  if (isReturning) {
    returned();
    return;
  }
  const newest = [...open].at(-1);
  if (newest && !entry().isOver && location.pathname === path.peek()) {
    newest();
    write();
    setTimeout(settle, 0);
    return;
  }
  clearTimeout(timer);
  timer = undefined;
  keepScroll();
  here = entry().id;
  batch(() => {
    arrived.value = scrolled.get(here) ?? [];
    [...open].forEach((close) => close());
    read();
    leave();
  });
  setTimeout(settle, 0);
});
