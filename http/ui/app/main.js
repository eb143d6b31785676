// Puts the page together, and keeps it new.
import { ended, session } from "./api.js";
import { followSession } from "./account.js";
import { Board } from "./board.js";
import { Bulk, Count, NetState, Toolbar } from "./bars.js";
import { Dialogs } from "./dialogs.js";
import { isForgetful } from "./idb.js";
import { listenToKeys } from "./keys.js";
import { Component, effect, html, render, signal, untracked } from "./lib.js";
import { List } from "./list.js";
import { Link, Nav } from "./nav.js";
import { QuickAdd, Understood, focusAdd, isTyping } from "./quickadd.js";
import { view } from "./state.js";
import { t } from "./texts.js";
import { Toasts, toast } from "./toast.js";

/** Views that are fetched when they are first wanted. @type {Record<string, () => Promise<any>>} */
const rooms = {
  signIn: async () => (await import("../account/sign.js")).SignIn,
  signUp: async () => (await import("../account/sign.js")).SignUp,
  forgot: async () => (await import("../account/sign.js")).Forgot,
  settings: async () => (await import("../account/settings.js")).Settings,
  people: async () => (await import("../account/admin.js")).People,
  audit: async () => (await import("../account/admin.js")).Audit,
};
/** @type {import("@preact/signals").Signal<Record<string, any>>} */
const entered = signal({});
effect(() => {
  const name = view.value;
  const room = rooms[name];
  if (room && !entered.peek()[name]) {
    void room().then((found) => (entered.value = { ...entered.peek(), [name]: found }));
  }
});

const titles = /** @type {Record<string, string>} */ ({ ...t.views, signIn: t.auth.signIn, signUp: t.auth.signUp, forgot: t.auth.forgotTitle });
effect(() => {
  const title = titles[view.value];
  document.title = title ? `${title} · ${t.name}` : t.name;
});

function Tasks() {
  const isBoard = view.value === "board";
  return html`
    <main class=${isBoard ? "main wide" : "main"} id="main" data-scrolls=${isBoard ? null : true} tabindex="-1">
      <div class="top">
        <header><h1>${titles[view.value]}</h1><${Count} /><span class="grow"></span><${NetState} /></header>
        ${view.value !== "done" && html`<${QuickAdd} />`}
        <div class="below">${isTyping.value && view.value !== "done" ? html`<${Understood} />` : html`<${Toolbar} />`}</div>
      </div>
      ${isBoard ? html`<${Board} />` : html`<${List} key=${view.value} />`}
    </main>
    <${Bulk} />`;
}

class Page extends Component {
  /** @param {unknown} error */
  componentDidCatch(error) {
    console.error(error);
    this.setState({ broken: true });
  }

  render() {
    if (/** @type {{ broken?: boolean }} */ (this.state).broken) {
      return html`<main class="empty"><h1>${t.errors.broken}</h1><button class="primary" onClick=${() => location.reload()}>${t.errors.reload}</button></main>`;
    }
    const name = view.value;
    const Room = entered.value[name];
    if (!session.value) {
      return html`<main class="outside" id="main">${Room && html`<${Room} ended=${ended.value} />`}</main><${Toasts} />`;
    }
    const inside = rooms[name] ? html`<main class="main room" id="main" data-scrolls tabindex="-1">${Room && html`<${Room} />`}</main>`
      : name === "missing" ? html`<main class="main empty" id="main"><h1>${t.errors.notFound}</h1><${Link} to="/">${t.errors.home}<//></main>`
      : html`<${Tasks} />`;
    return html`
      <a class="skip" href="#main">${t.nav.skip}</a>
      <div class="frame"><${Nav} />${inside}</div>
      <${Dialogs} /><${Toasts} />`;
  }
}

/** Keeps the page's own files for offline, and tells of a new version. */
async function keepPage() {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  // The one script address that is made by a script; the policy lets no other through.
  /** @type {any} */
  const types = /** @type {any} */ (window).trustedTypes;
  const policy = types?.createPolicy("taskwell", { createScriptURL: () => "/assets/sw.js" });
  let hadOne = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) {
      location.reload();
    }
    hadOne = true;
  });
  try {
    const kept = await navigator.serviceWorker.register(policy ? policy.createScriptURL("") : "/assets/sw.js", { scope: "/" });
    if (!kept) {
      return;
    }
    const offer = (/** @type {ServiceWorker | null} */ worker) => {
      if (worker && navigator.serviceWorker.controller) {
        toast(t.toast.update, { ms: Infinity, action: { label: t.toast.reload, run: () => worker.postMessage("take-over") } });
      }
    };
    offer(kept.waiting);
    kept.addEventListener("updatefound", () => {
      const worker = kept.installing;
      worker?.addEventListener("statechange", () => worker.state === "installed" && offer(worker));
    });
    setInterval(() => void kept.update().catch(() => {}), 3_600_000);
  } catch (error) {
    console.warn("the page is not kept for offline:", error);
  }
}

effect(() => {
  if (isForgetful.value) {
    untracked(() => toast(t.toast.quota, { kind: "error" }));
  }
});
followSession();
listenToKeys();
render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
if (new URLSearchParams(location.search).has("add")) {
  setTimeout(focusAdd, 100);
}
addEventListener("load", () => void keepPage());
