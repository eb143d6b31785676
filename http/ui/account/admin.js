// For admins: people, and the audit log. Its own entries everybody may read.
import { call, session } from "../app/api.js";
import { html, useEffect, useState } from "../app/lib.js";
import { t } from "../app/texts.js";
import { dateWords, momentWords } from "../app/when.js";
import { Problem, told } from "./forms.js";
import { Refusal } from "../app/api.js";

/** @typedef {import("../app/types.d.ts").User} User */
const a = t.admin;

/** A list that is read page by page. @template T @param {string} path */
function usePages(path) {
  const [items, setItems] = useState(/** @type {T[]} */ ([]));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [refusal, setRefusal] = useState(/** @type {Refusal | null} */ (null));
  const [isRead, setRead] = useState(false);
  const read = async (/** @type {string} */ from, /** @type {T[]} */ before) => {
    try {
      const { data, headers } = await call("GET", from);
      setItems([...before, ...data]);
      const target = headers.get("link")?.match(/<([^>]+)>\s*;\s*rel="?next"?/)?.[1];
      const url = target ? new URL(target, location.origin) : null;
      setNext(url ? url.pathname.replace(/^\/api\/v1/, "") + url.search : null);
      setRefusal(null);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      setRefusal(error);
    }
    setRead(true);
  };
  useEffect(() => {
    const timer = setTimeout(() => void read(path, []), isRead ? 200 : 0);
    return () => clearTimeout(timer);
  }, [path]);
  return { items, refusal, isRead, more: next === null ? null : () => void read(next, items), again: () => read(path, []) };
}

export function People() {
  const [words, setWords] = useState("");
  const pages = /** @type {ReturnType<typeof usePages<User>>} */ (usePages(`/users?limit=50${words.trim() ? `&q=${encodeURIComponent(words.trim())}` : ""}`));
  const me = session.value?.user;
  const change = (/** @type {User} */ user, /** @type {Partial<User>} */ body) => told(async () => {
    await call("PATCH", `/users/${user.id}`, { body });
    await pages.again();
  });
  return html`
    <div class="page">
      <h1>${a.people}</h1>
      <label class="search"><span class="visually-hidden">${a.search}</span><input type="search" placeholder=${a.search} value=${words} onInput=${(/** @type {Event} */ event) => setWords(/** @type {HTMLInputElement} */ (event.currentTarget).value)} /></label>
      <${Problem} refusal=${pages.refusal} text=${pages.refusal?.status === 403 ? a.denied : null} />
      ${pages.isRead && pages.items.length === 0 && !pages.refusal && html`<p class="nothing">${a.none}</p>`}
      <ul class="cards-list">
        ${pages.items.map((user) => html`
          <li key=${user.id} class=${user.is_active ? "" : "inactive"}>
            <div><strong>${user.name ?? user.username}</strong> ${user.role === "admin" && html`<span class="tag">${a.admin}</span>`} ${!user.is_active && html`<span class="tag off">${a.inactive}</span>`} ${user.uuid === me?.uuid && html`<span class="tag">${a.you}</span>`}
              <small>${user.username} · ${user.email} · ${a.joined(dateWords(user.created_at))}</small></div>
            ${user.uuid !== me?.uuid && html`<span class="buttons"><button class="quiet" onClick=${change(user, { role: user.role === "admin" ? "user" : "admin" })}>${user.role === "admin" ? a.makeUser : a.makeAdmin}</button>
              <button class="quiet" onClick=${change(user, { is_active: !user.is_active })}>${user.is_active ? a.deactivate : a.activate}</button></span>`}
          </li>`)}
      </ul>
      ${pages.more && html`<button onClick=${pages.more}>${a.more}</button>`}
    </div>`;
}

/** @typedef {{ id: number, at: string, action: string, actor_id: number | null, user_id: number | null, client: string | null, detail: string | null }} Entry */

export function Audit() {
  const pages = /** @type {ReturnType<typeof usePages<Entry>>} */ (usePages("/audit?limit=50"));
  return html`
    <div class="page wide">
      <h1>${a.audit}</h1>
      <${Problem} refusal=${pages.refusal} />
      ${pages.isRead && pages.items.length === 0 && !pages.refusal && html`<p class="nothing">${a.noEntries}</p>`}
      <div class="table" tabindex="0" role="region" aria-label=${a.audit}>
        <table>
          <thead><tr><th>${a.when}</th><th>${a.what}</th><th>${a.whom}</th><th>${a.who}</th><th>${a.from}</th></tr></thead>
          <tbody>${pages.items.map((entry) => html`<tr key=${entry.id}><td>${momentWords(entry.at)}</td><td>${entry.action.replaceAll("_", " ")}${entry.detail && html` <small>${entry.detail}</small>`}</td><td>${entry.user_id ?? "–"}</td><td>${entry.actor_id ?? "–"}</td><td>${entry.client ?? "–"}</td></tr>`)}</tbody>
        </table>
      </div>
      ${pages.more && html`<button onClick=${pages.more}>${a.more}</button>`}
    </div>`;
}
