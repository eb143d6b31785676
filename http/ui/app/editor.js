// A task opened in its place. Texts are taken over when the field is left, everything else at once.
import { removeAll, set, setDay } from "./acts.js";
import { Icon } from "./icons.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { change, create } from "./queue.js";
import { isShown, records } from "./store.js";
import { t } from "./texts.js";
import { say, toast } from "./toast.js";
import { agoWords, formFields, localDay, momentWords, now, ofFormFields, weekday } from "./when.js";

/** @typedef {import("./types.d.ts").Rec} Rec */
/** @typedef {import("./types.d.ts").Task} Task */

/** @param {{ rec: Rec, onClose: () => void }} props */
export function Editor({ rec, onClose }) {
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const title = useText(rec, "title");
  const notes = useText(rec, "description");
  const task = rec.view;

  useEffect(() => {
    const outside = (/** @type {Event} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (!root.current?.contains(target) && !target.closest(".toasts, dialog, .bulk")) {
        onClose();
      }
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);

  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      event.stopPropagation();
      title.commit();
      notes.commit();
      onClose();
    }
  };
  return html`
    <div class="editor" ref=${root} onKeyDown=${keys} role="group" aria-label=${t.task.open(task.title)}>
      <${Growing} class="title-field" label=${t.task.title} field=${title} isFirst=${true} onEnter=${() => { title.commit(); onClose(); }} maxlength="200" />
      <${Growing} class="notes-field" label=${t.task.notes} field=${notes} placeholder=${t.task.notesHint} maxlength="20000" />
      <${DueFields} rec=${rec} />
      <div class="choices">
        <${Choice} label=${t.status.label} name=${`status-${rec.key}`} words=${t.status} values=${["pending", "in_progress", "completed"]} value=${task.status} onPick=${(/** @type {Task["status"]} */ status) => set([rec.key], { status })} />
        <${Choice} label=${t.priority.label} name=${`priority-${rec.key}`} words=${t.priority} values=${["low", "medium", "high", "urgent"]} value=${task.priority} onPick=${(/** @type {Task["priority"]} */ priority) => set([rec.key], { priority })} />
      </div>
      <footer>
        <small title=${momentWords(task.created_at)}>${task.completed_at ? t.task.completed(agoWords(task.completed_at, now.value)) : t.task.created(agoWords(task.created_at, now.value))}</small>
        <button class="quiet danger" onClick=${() => removeAll([rec.key])}><${Icon} name="trash" />${t.task.remove}</button>
        <button class="primary" onClick=${() => { title.commit(); notes.commit(); onClose(); }}>${t.task.close}</button>
      </footer>
    </div>`;
}

/** A text of the task while it is typed. What the server says meanwhile is taken over where nothing was typed; else it is a
 * conflict, to be decided.
 * @param {Rec} rec @param {"title" | "description"} name */
function useText(rec, name) {
  const stored = rec.view[name] ?? "";
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const live = useRef({ typed, began: stored, rec });
  live.current.rec = rec;
  if (typed === null) {
    live.current.began = stored;
  }
  live.current.typed = typed;
  const commit = () => {
    const { typed: now, began, rec: { key, view } } = live.current;
    const there = records.get(key);
    live.current.typed = null;
    setTyped(null);
    if (now === null || now === began) {
      return;
    }
    const value = name === "title" ? now.replace(/\s+/g, " ").trim() : now.trim() === "" ? null : now;
    if (name === "title" && value === "") {
      say(t.task.titleNeeded);
      toast(t.task.titleNeeded, { kind: "error" });
    } else if (!there || !isShown(there)) {
      const { title, description, status, priority, due_date } = view;
      const whole = { title, description, status, priority, due_date, [name]: value };
      toast(t.conflict.gone(title), { kind: "error", ms: 30_000, action: { label: t.conflict.restore, run: () => void create(whole) } });
    } else {
      change(key, { [name]: value }, { [name]: name === "description" && began === "" ? null : began });
    }
  };
  // However the editor goes away, what was typed is not lost; nor when the tab is closed.
  useEffect(() => {
    addEventListener("pagehide", commit);
    return () => {
      removeEventListener("pagehide", commit);
      commit();
    };
  }, []);
  return { value: typed ?? stored, type: (/** @type {string} */ text) => { live.current.typed = text; setTyped(text); }, commit };
}

/** A text that grows with what is typed.
 * @param {{ class: string, label: string, field: ReturnType<typeof useText>, isFirst?: boolean, placeholder?: string, maxlength: string, onEnter?: () => void }} props */
function Growing({ class: name, label, field, isFirst = false, placeholder = "", maxlength, onEnter }) {
  const element = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useLayoutEffect(() => {
    const area = element.current;
    // Where the style sheet can't do it.
    if (area && !CSS.supports("field-sizing", "content")) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight}px`;
    }
  }, [field.value]);
  // Before the next key arrives, which would else be a shortcut.
  useLayoutEffect(() => {
    const area = element.current;
    if (isFirst && area) {
      area.focus({ preventScroll: true });
      area.setSelectionRange(area.value.length, area.value.length);
    }
  }, []);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (onEnter && event.key === "Enter" && !event.isComposing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      onEnter();
    }
  };
  return html`
    <textarea ref=${element} class=${name} rows="1" autofocus=${isFirst} dir="auto" aria-label=${label} placeholder=${placeholder} maxlength=${maxlength} value=${field.value}
      onInput=${(/** @type {InputEvent} */ event) => field.type(/** @type {HTMLTextAreaElement} */ (event.currentTarget).value)} onBlur=${field.commit} onKeyDown=${keys}></textarea>`;
}

/** @param {{ rec: Rec }} props */
function DueFields({ rec }) {
  const stored = formFields(rec.view.due_date);
  const today = localDay(now.value);
  const setFields = (/** @type {string} */ date, /** @type {string} */ time) => set([rec.key], { due_date: ofFormFields(date, time) });
  /** What a field holds, but null while it is typed: then parts are empty, and years 0002, 0020, 0203. @param {Event} event */
  const typed = (event) => {
    const { value, validity } = /** @type {HTMLInputElement} */ (event.currentTarget);
    return validity.badInput || /^0\d{3}-/.test(value) ? null : value;
  };
  const setDate = (/** @type {Event} */ event) => {
    const date = typed(event);
    if (date !== null) {
      setFields(date, date ? stored.time : "");
    }
  };
  const setTime = (/** @type {Event} */ event) => {
    const time = typed(event);
    if (time !== null) {
      setFields(stored.date, time);
    }
  };
  /** What was typed halfway is not shown as if it were so. @param {Event} event @param {string} is */
  const leave = (event, is) => {
    if (typed(event) === null) {
      /** @type {HTMLInputElement} */ (event.currentTarget).value = is;
    }
  };
  const monday = today + ((8 - weekday(today)) % 7 || 7);
  return html`
    <fieldset class="due-fields">
      <legend>${t.due.label}</legend>
      <input type="date" aria-label=${t.due.date} value=${stored.date} max="9999-12-31" onChange=${setDate} onBlur=${(/** @type {Event} */ event) => leave(event, stored.date)} />
      <input type="time" aria-label=${t.due.time} value=${stored.time} onChange=${setTime} onBlur=${(/** @type {Event} */ event) => leave(event, stored.time)} />
      <span class="shortcuts">
        <button type="button" class="pill" onClick=${() => setDay([rec.key], today)}>${t.due.today}</button>
        <button type="button" class="pill" onClick=${() => setDay([rec.key], today + 1)}>${t.due.tomorrow}</button>
        <button type="button" class="pill" onClick=${() => setDay([rec.key], monday)}>${t.due.nextWeek}</button>
        ${rec.view.due_date && html`<button type="button" class="pill" onClick=${() => set([rec.key], { due_date: null })}>${t.due.clear}</button>`}
      </span>
    </fieldset>`;
}

/** One of a few values.
 * @param {{ label: string, name: string, words: Record<string, string>, values: string[], value: string, onPick: (value: any) => void }} props */
function Choice({ label, name, words, values, value, onPick }) {
  return html`
    <fieldset class="choice">
      <legend>${label}</legend>
      <span class="segments">
        ${values.map((one) => html`<label key=${one} class=${one}><input type="radio" name=${name} checked=${one === value} onChange=${() => onPick(one)} /><span>${words[one]}</span></label>`)}
      </span>
    </fieldset>`;
}
