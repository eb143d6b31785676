// The navigation and the signed-in account.
import type { ComponentChildren } from "preact";
import { session } from "../sync/api";
import { helping } from "./dialogs";
import { Icon } from "./icons";
import { signal } from "@preact/signals";
import { closesOnBack } from "../state/address";
import { go, left, path, view } from "../state/state";
import { t } from "../texts";
import { numberWords } from "../texts/language";
import { signOut } from "../state/account";

/** Whether the menu is open on narrow screens. */
const isOpen = signal(false);
closesOnBack(
  () => isOpen.value,
  () => (isOpen.value = false),
);

/** A link within the web app. */
export function Link({
  to,
  children,
  class: name = "",
  current = false,
}: {
  to: string;
  children?: ComponentChildren;
  class?: string;
  current?: boolean;
}) {
  const follow = (event: MouseEvent) => {
    if (
      event.button === 0 &&
      !event.metaKey &&
      !event.ctrlKey &&
      !event.shiftKey &&
      !event.altKey
    ) {
      event.preventDefault();
      isOpen.value = false;
      go(to);
    }
  };
  return (
    <a href={to} class={name} aria-current={current ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}

function Place({
  to,
  name,
  count = 0,
}: {
  to: string;
  name: "today" | "tasks" | "board" | "done" | "settings" | "people" | "audit";
  count?: number;
}) {
  return (
    <li>
      <Link to={to} current={view.value === name}>
        <Icon name={name} />
        <span>{t.views[name]}</span>
        {count > 0 && <span class="count">{numberWords(count)}</span>}
      </Link>
    </li>
  );
}

export function Nav() {
  void path.value;
  return (
    <>
      <nav class={isOpen.value ? "nav open" : "nav"} aria-label={t.nav.label}>
        <Link to="/" class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M9.500 16.800l4.600 4.700 8.600-10.700" />
          </svg>
          <span>{t.name}</span>
        </Link>
        <ul class="places">
          <Place to="/app/today" name="today" count={left.today.value} />
          <Place to="/" name="tasks" count={left.all.value} />
          <Place to="/app/board" name="board" />
          <Place to="/app/done" name="done" />
          <li class="menu">
            <button aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
              <Icon name="more" />
              <span>{t.nav.menu}</span>
            </button>
          </li>
        </ul>
        <AccountMenu />
      </nav>
      {isOpen.value && <div class="veil" onClick={() => (isOpen.value = false)}></div>}
    </>
  );
}

function AccountMenu() {
  const user = session.value?.user;
  return (
    <div class="account">
      <ul>
        {user?.role === "admin" && (
          <>
            <Place to="/app/people" name="people" />
            <Place to="/app/audit" name="audit" />
          </>
        )}
        <Place to="/app/settings" name="settings" />
        <li>
          <button
            onClick={() => {
              isOpen.value = false;
              helping.value = true;
            }}
          >
            <Icon name="help" />
            <span>{t.nav.help}</span>
          </button>
        </li>
        <li>
          <button onClick={() => void signOut()}>
            <Icon name="out" />
            <span>{t.nav.signOut}</span>
          </button>
        </li>
      </ul>
      <p class="who" title={user?.email}>
        {user?.name ?? user?.username}
      </p>
    </div>
  );
}
