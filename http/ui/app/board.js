// The board: a column for each status. Cards are moved by drag, by keys, or in the editor.
import { set, toggle } from "./acts.js";
import { Dialog } from "./dialogs.js";
import { Editor } from "./editor.js";
import { Icon } from "./icons.js";
import { classes, html, signal, useLayoutEffect, useRef } from "./lib.js";
import { Check, Marks } from "./list.js";
import { columns, cursor, editing, selection, wantsFocus } from "./state.js";
import { records } from "./store.js";
import { numberWords, t } from "./texts.js";
import { say } from "./toast.js";
import { Virtual } from "./virtual.js";

/** @typedef {import("./types.d.ts").Rec} Rec */
/** @typedef {import("./types.d.ts").Status} Status */

/** @type {Status[]} */
const STATUSES = ["pending", "in_progress", "completed"];
/** The card that is dragged. @type {import("@preact/signals").Signal<string | null>} */
const dragged = signal(null);
/** The column it is over. @type {import("@preact/signals").Signal<Status | null>} */
const over = signal(null);

/** @param {string} key @param {Status} status */
function moveTo(key, status) {
  const rec = records.get(key);
  if (rec && rec.view.status !== status) {
    if (status === "completed") {
      toggle([key]);
    } else {
      set([key], { status });
    }
    say(`${rec.view.title}: ${t.status[status]}`);
  }
}

export function Board() {
  const open = editing.value === null ? null : records.get(editing.value);
  return html`
    <div class="board">${STATUSES.map((status) => html`<${Column} key=${status} status=${status} />`)}</div>
    ${open && html`<${Dialog} title=${t.task.open(open.view.title)} class="sheet" onClose=${() => { editing.value = null; wantsFocus.value = true; }}><${Editor} rec=${open} onClose=${() => { editing.value = null; wantsFocus.value = true; }} /><//>`}`;
}

/** @param {{ status: Status }} props */
function Column({ status }) {
  const items = columns.value[status];
  const leave = (/** @type {DragEvent} */ event) => {
    if (!(/** @type {Element} */ (event.currentTarget).contains(/** @type {Node | null} */ (event.relatedTarget)))) {
      over.value = null;
    }
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    if (dragged.value !== null) {
      moveTo(dragged.value, status);
    }
    dragged.value = null;
    over.value = null;
  };
  return html`
    <section class=${classes("column", status, over.value === status && "over")} aria-labelledby=${`column-${status}`} onDragOver=${(/** @type {DragEvent} */ event) => { if (dragged.value !== null) { event.preventDefault(); over.value = status; } }} onDragLeave=${leave} onDrop=${drop}>
      <h2 id=${`column-${status}`}>${t.status[status]} <span class="count">${numberWords(items.length)}</span></h2>
      <div class="column-tasks" data-scrolls>
        ${items.length === 0 && html`<p class="nothing">${t.list.column}</p>`}
        <${Virtual} items=${items} idOf=${(/** @type {Rec} */ rec) => rec.key} wanted=${records.get(cursor.value ?? "")?.view.status === status ? cursor.value : null} attributes=${{ class: "cards", role: "list", "aria-label": t.status[status] }}
          draw=${(/** @type {Rec} */ rec, /** @type {string} */ top) => html`<${Card} key=${rec.key} rec=${rec} top=${top} />`} />
      </div>
    </section>`;
}

/** Where an arrow leads from a card: along its column, or to the next. @param {Rec} rec @param {string} key */
function cardBeside(rec, key) {
  const all = columns.peek();
  const column = STATUSES.indexOf(rec.view.status);
  const cards = all[rec.view.status];
  const at = cards.indexOf(rec);
  if (key === "ArrowUp" || key === "ArrowDown") {
    return cards[at + (key === "ArrowUp" ? -1 : 1)];
  }
  const step = key === "ArrowLeft" ? -1 : 1;
  for (let next = column + step; next >= 0 && next < STATUSES.length; next += step) {
    const there = all[/** @type {Status} */ (STATUSES[next])];
    if (there.length > 0) {
      return there[Math.min(at, there.length - 1)];
    }
  }
  return undefined;
}

/** @param {{ rec: Rec, top: string }} props */
function Card({ rec, top }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const task = rec.view;
  const first = STATUSES.map((status) => columns.value[status][0]).find(Boolean)?.key;
  const isCursor = cursor.value === rec.key || (first === rec.key && !records.has(cursor.value ?? ""));
  const takesFocus = isCursor && wantsFocus.value;
  useLayoutEffect(() => {
    if (takesFocus) {
      element.current?.focus({ preventScroll: true });
      element.current?.closest(".column")?.scrollIntoView({ inline: "nearest", block: "nearest" });
      wantsFocus.value = false;
    }
  }, [takesFocus]);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (!event.key.startsWith("Arrow") || event.target !== element.current) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    const status = STATUSES[STATUSES.indexOf(task.status) + step];
    if (event.shiftKey && step !== 0) {
      if (status) {
        moveTo(rec.key, status);
        cursor.value = rec.key;
        wantsFocus.value = true;
      }
      return;
    }
    const next = cardBeside(rec, event.key);
    if (next) {
      cursor.value = next.key;
      wantsFocus.value = true;
    }
  };
  return html`
    <div ref=${element} role="listitem" class=${classes("row", "card", task.status, selection.value.has(rec.key) && "selected", dragged.value === rec.key && "dragged")} style=${{ top }} data-key=${rec.key} tabindex=${isCursor ? 0 : -1}
      draggable="true" onDragStart=${(/** @type {DragEvent} */ event) => { dragged.value = rec.key; event.dataTransfer?.setData("text/plain", task.title); }} onDragEnd=${() => { dragged.value = null; over.value = null; }}
      onFocus=${() => (cursor.value = rec.key)} onKeyDown=${keys} onClick=${() => { cursor.value = rec.key; editing.value = rec.key; }}>
      <${Check} rec=${rec} />
      <div class="card-body"><span class="text" dir="auto">${task.title}</span><span class="meta">${task.description && html`<span class="hint"><${Icon} name="notes" /><span class="visually-hidden">${t.task.hasNotes}</span></span>`}<${Marks} rec=${rec} /></span></div>
    </div>`;
}
