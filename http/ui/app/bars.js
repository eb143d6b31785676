// The bar above the list, and the one for what is selected.
import { removeAll, set, setDay, toggle } from "./acts.js";
import { isOnline } from "./api.js";
import { Icon } from "./icons.js";
import { html } from "./lib.js";
import { goOn } from "./queue.js";
import { NO_FILTERS, filters, isFiltered, left, search, selection, shown, view } from "./state.js";
import { conflicts, known, waiting } from "./store.js";
import { retry } from "./sync.js";
import { t } from "./texts.js";
import { localDay, now } from "./when.js";
import { reviewing } from "./dialogs.js";

/** @param {{ label: string, value: string, choices: [string, string][], onPick: (value: string) => void, isSet?: boolean }} props */
export function Pick({ label, value, choices, onPick, isSet = false }) {
  const pick = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLSelectElement} */ (event.currentTarget);
    const picked = field.value;
    // What was picked is shown where it is what is.
    field.value = value;
    onPick(picked);
  };
  return html`
    <select class=${isSet ? "pick set" : "pick"} aria-label=${label} value=${value} onChange=${pick}>
      ${choices.map(([key, word]) => html`<option key=${key} value=${key} selected=${key === value}>${word}</option>`)}
    </select>`;
}

/** @type {[string, string][]} */
const priorityChoices = [["urgent", t.priority.urgent], ["high", t.priority.high], ["medium", t.priority.medium], ["low", t.priority.low]];

export function Toolbar() {
  const isList = view.value === "tasks";
  const put = (/** @type {Partial<import("./state.js").Filters>} */ change) => (filters.value = { ...filters.value, ...change });
  return html`
    <div class="toolbar" role="search">
      <label class="search"><${Icon} name="search" /><span class="visually-hidden">${t.filter.search}</span>
        <input id="search" type="search" autocomplete="off" placeholder=${t.filter.search} value=${search} onInput=${(/** @type {Event} */ event) => (search.value = /** @type {HTMLInputElement} */ (event.currentTarget).value)} />
      </label>
      ${isList && html`<${Pick} label=${t.filter.status} value=${filters.value.status} isSet=${filters.value.status !== "open"} onPick=${(/** @type {any} */ status) => put({ status })}
        choices=${[["open", t.filter.open], ["pending", t.status.pending], ["in_progress", t.status.in_progress], ["completed", t.status.completed], ["all", t.filter.all]]} />`}
      <${Pick} label=${t.filter.priority} value=${filters.value.priority} isSet=${filters.value.priority !== "any"} onPick=${(/** @type {any} */ priority) => put({ priority })} choices=${[["any", t.filter.any], ...priorityChoices]} />
      ${isList && html`<${Pick} label=${t.sort.label} value=${filters.value.sort} isSet=${filters.value.sort !== "due"} onPick=${(/** @type {string} */ sort) => put({ sort })}
        choices=${[["due", t.sort.due], ["priority", t.sort.priority], ["newest", t.sort.newest], ["oldest", t.sort.oldest], ["title", t.sort.title], ["updated", t.sort.updated]]} />`}
      ${isFiltered.value && html`<button class="link" onClick=${() => { search.value = ""; filters.value = { ...NO_FILTERS, sort: filters.value.sort }; }}>${t.filter.clear}</button>`}
    </div>`;
}

/** How many tasks are left, or were found. */
export function Count() {
  if (known.value === "nothing") {
    return html`<span class="left"></span>`;
  }
  const text = isFiltered.value || view.value === "done" ? t.list.shown(shown.value.length) : t.list.left(view.value === "today" ? left.value.today : left.value.all);
  return html`<span class="left" aria-live="off">${text}</span>`;
}

/** Whether the server is there, and what it has not heard of. */
export function NetState() {
  const [count, clashes] = [waiting.value, conflicts.value.length];
  const again = () => {
    retry();
    goOn();
  };
  return html`
    ${clashes > 0 && html`<button class="badge conflict" onClick=${() => (reviewing.value = true)}><${Icon} name="conflict" />${t.conflict.badge(clashes)}</button>`}
    ${!isOnline.value && html`<button class="badge offline" title=${t.net.retry} onClick=${again}><${Icon} name="offline" /><span role="status">${t.net.waiting(count)}</span></button>`}`;
}

export function Bulk() {
  const keys = [...selection.value];
  if (keys.length === 0) {
    return null;
  }
  const today = localDay(now.value);
  /** @type {Record<string, number | null>} */
  const days = { today, tomorrow: today + 1, week: today + 7, none: null };
  const due = (/** @type {string} */ name) => {
    const day = days[name];
    if (typeof day === "number") {
      setDay(keys, day);
    } else if (day === null) {
      set(keys, { due_date: null });
    }
  };
  return html`
    <section aria-label=${t.bulk.label}><div class="bulk" role="toolbar" aria-label=${t.bulk.label}>
      <strong>${t.bulk.selected(keys.length)}</strong>
      <button onClick=${() => { toggle(keys); selection.value = new Set(); }}><${Icon} name="done" />${view.value === "done" ? t.bulk.reopen : t.bulk.complete}</button>
      <${Pick} label=${t.due.label} value="" onPick=${due} choices=${[["", t.bulk.due], ["today", t.due.today], ["tomorrow", t.due.tomorrow], ["week", t.due.nextWeek], ["none", t.due.none]]} />
      <${Pick} label=${t.priority.label} value="" onPick=${(/** @type {any} */ priority) => priority && set(keys, { priority })} choices=${[["", t.bulk.priority], ...priorityChoices]} />
      <button class="danger" onClick=${() => removeAll(keys)}><${Icon} name="trash" />${t.bulk.remove}</button>
      <button class="icon-button" aria-label=${t.bulk.clear} onClick=${() => (selection.value = new Set())}><${Icon} name="close" /></button>
    </div></section>`;
}
