// The frame around the views, and the choice of the view in it.
import type { Signal } from "@preact/signals";
import { effect, signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { Component } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { arrived } from "../state/address";
import { view } from "../state/state";
import { ended, session } from "../sync/api";
import { t } from "../texts";
import { Bulk, Count, HiddenMatches, NetState, Toolbar } from "./bars";
import { Board } from "./board";
import { Dialogs } from "./dialogs";
import { List } from "./list";
import { Link, Nav } from "./nav";
import { QuickAdd, Understood, isTyping } from "./quickadd";
import { Toasts } from "./toasts";

/** Views that are loaded on first use. */
type Room = ComponentType<{ ended?: boolean }>;
const rooms: Record<string, () => Promise<Room>> = {
  signIn: async () => (await import("../account/sign")).SignIn,
  signUp: async () => (await import("../account/sign")).SignUp,
  forgot: async () => (await import("../account/sign")).Forgot,
  settings: async () => (await import("../account/settings")).Settings,
  people: async () => (await import("../account/admin")).People,
  audit: async () => (await import("../account/admin")).Audit,
};
const entered: Signal<Record<string, Room>> = signal({});
effect(() => {
  const name = view.value;
  const room = rooms[name];
  if (room && !entered.peek()[name]) {
    void room().then((found) => (entered.value = { ...entered.peek(), [name]: found }));
  }
});

const titles = {
  ...t.views,
  signIn: t.auth.signIn,
  signUp: t.auth.signUp,
  forgot: t.auth.forgotTitle,
} as Record<string, string>;
effect(() => {
  const title = titles[view.value];
  document.title = title ? `${title} · ${t.name}` : t.name;
});

/** The view that was shown last. */
let seen = "";

/**
 * Restores the scroll position of a view, and moves the focus to its heading if the focused element
 * is gone.
 */
function Arrival({ isThere }: { isThere: boolean }) {
  const tops = arrived.value;
  const name = view.value;
  useLayoutEffect(() => {
    const restore = () =>
      document.querySelectorAll("[data-scrolls]").forEach((part, at) => {
        part.scrollTop = tops[at] ?? 0;
      });
    restore();
    // Again once the row heights are known.
    const asked = requestAnimationFrame(restore);
    return () => cancelAnimationFrame(asked);
  }, [tops]);
  useEffect(() => {
    if (!isThere || seen === name) {
      return;
    }
    const isFirst = seen === "";
    seen = name;
    const heading = document.querySelector<HTMLElement>("h1");
    if (heading && !isFirst && document.activeElement === document.body) {
      heading.tabIndex = -1;
      heading.focus();
    }
  }, [name, isThere]);
  return null;
}

function Tasks() {
  const isBoard = view.value === "board";
  return (
    <>
      <main class={isBoard ? "main wide" : "main"} id="main" data-scrolls tabindex={-1}>
        <NetState />
        <div class="top">
          <header>
            <h1>{titles[view.value]}</h1>
            <Count />
          </header>
          {view.value !== "done" && <QuickAdd />}
          {isTyping.value && view.value !== "done" && <Understood />}
          <div class="below">
            <Toolbar />
          </div>
          <HiddenMatches />
        </div>
        {isBoard ? <Board /> : <List key={view.value} />}
      </main>
      <Bulk />
    </>
  );
}

export class Shell extends Component<object, { broken?: boolean }> {
  componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ broken: true });
  }

  render() {
    if (this.state.broken) {
      return (
        <main class="empty">
          <h1>{t.errors.broken}</h1>
          <button class="primary" onClick={() => location.reload()}>
            {t.errors.reload}
          </button>
        </main>
      );
    }
    const name = view.value;
    const Room = entered.value[name];
    if (!session.value) {
      return (
        <>
          <main class="outside" id="main">
            {Room && <Room ended={ended.value} />}
          </main>
          <Arrival isThere={Room !== undefined} />
          <Toasts />
        </>
      );
    }
    const inside = rooms[name] ? (
      <main class="main room" id="main" data-scrolls tabindex={-1}>
        {Room && <Room />}
      </main>
    ) : name === "missing" ? (
      <main class="main empty" id="main">
        <h1>{t.errors.notFound}</h1>
        <Link to="/">{t.errors.home}</Link>
      </main>
    ) : (
      <Tasks />
    );
    return (
      <>
        <a class="skip" href="#main">
          {t.nav.skip}
        </a>
        <div class="frame">
          <Nav />
          {inside}
        </div>
        <Arrival isThere={Room !== undefined || !rooms[name]} />
        <Dialogs />
        <Toasts />
      </>
    );
  }
}
