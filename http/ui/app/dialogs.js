// The keys, and conflicts with both versions side by side.
import { effect, html, signal, useLayoutEffect, useRef } from "./lib.js";
import { settle } from "./queue.js";
import { conflicts, records } from "./store.js";
import { t } from "./texts.js";
import { dueWords, now } from "./when.js";

/** @typedef {import("./types.d.ts").Op} Op */
/** @typedef {import("./types.d.ts").Task} Task */

export const helping = signal(false);
/** Whether conflicts are being looked at. */
export const reviewing = signal(false);
// Decided, here or in another tab: the next one waits to be asked for.
effect(() => {
  if (conflicts.value.length === 0) {
    reviewing.value = false;
  }
});

/** A modal dialog; Escape closes it.
 * @param {{ title: string, onClose: () => void, children?: unknown, class?: string }} props */
export function Dialog({ title, onClose, children, class: name = "" }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    element.current?.showModal();
    return () => before?.focus?.({ preventScroll: true });
  }, []);
  const press = (/** @type {Event} */ event) => event.target === element.current && onClose();
  return html`
    <dialog ref=${element} class=${name} aria-labelledby="dialog-title" onClose=${onClose} onClick=${press}>
      <div class="dialog-body">
        <header><h2 id="dialog-title">${title}</h2><button class="icon-button" aria-label=${t.help.close} onClick=${onClose}>✕</button></header>
        ${children}
      </div>
    </dialog>`;
}

export function Dialogs() {
  return html`
    ${helping.value && html`<${Help} />`}
    ${reviewing.value && conflicts.value.length > 0 && html`<${Conflict} key=${conflicts.value[0]?.idem} op=${/** @type {Op} */ (conflicts.value[0])} />`}`;
}

function Help() {
  return html`
    <${Dialog} title=${t.help.title} class="help" onClose=${() => (helping.value = false)}>
      <div class="keys">
        ${/** @type {[string, [string, string][]][]} */ (t.help.groups).map(([name, keys]) => html`
          <section key=${name}><h3>${name}</h3><dl>${keys.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl></section>`)}
      </div>
    <//>`;
}

/** @param {string} field @param {unknown} value */
function valueWords(field, value) {
  if (value === null || value === undefined || value === "") {
    return html`<em>${field === "due_date" ? t.due.none : t.conflict.empty}</em>`;
  }
  const text = String(value);
  switch (field) {
    case "due_date": return dueWords(text, now.value);
    case "status": return t.status[/** @type {Task["status"]} */ (text)];
    case "priority": return t.priority[/** @type {Task["priority"]} */ (text)];
    default: return text;
  }
}

/** @type {Record<string, string>} */
const names = { title: t.task.title, description: t.task.notes, status: t.status.label, priority: t.priority.label, due_date: t.due.label };

/** @param {{ op: Op }} props */
function Conflict({ op }) {
  const theirs = records.get(op.key)?.base ?? null;
  const title = theirs?.title ?? op.whole?.title ?? op.body.title ?? "";
  const close = () => (reviewing.value = false);
  const decide = (/** @type {boolean} */ mine) => void settle(op, mine);
  const isDelete = op.kind === "delete";
  const lead = theirs === null ? t.conflict.gone(title) : isDelete ? t.conflict.removed(title) : t.conflict.lead(title);
  const fields = isDelete && theirs ? ["title", "description", "status", "priority", "due_date"] : Object.keys(op.body);
  const at = (/** @type {object | null | undefined} */ from, /** @type {string} */ field) => /** @type {Record<string, unknown> | null} */ (from)?.[field];
  return html`
    <${Dialog} title=${t.conflict.title} class="conflict" onClose=${close}>
      <p>${lead}</p>
      <div class="versions">
        <section><h3>${t.conflict.mine}</h3>${isDelete ? html`<p><em>${t.conflict.deleted}</em></p>` : html`<dl>${fields.map((field) => html`<dt>${names[field]}</dt><dd dir="auto">${valueWords(field, at(op.body, field))}</dd>`)}</dl>`}
          <button class="primary" onClick=${() => decide(true)}>${theirs === null ? t.conflict.restore : isDelete ? t.conflict.deleteAnyway : t.conflict.keepMine}</button></section>
        <section><h3>${t.conflict.theirs}</h3>${theirs === null ? html`<p><em>${t.conflict.deleted}</em></p>` : html`<dl>${fields.map((field) => html`<dt>${names[field]}</dt><dd dir="auto">${valueWords(field, at(theirs, field))}</dd>`)}</dl>`}
          <button onClick=${() => decide(false)}>${theirs === null ? t.conflict.letGo : isDelete ? t.conflict.keepIt : t.conflict.keepTheirs}</button></section>
      </div>
    <//>`;
}
