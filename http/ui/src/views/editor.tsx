// A task opened in its place. Texts are taken over when the field is left, everything else at once.
import type { RefObject } from "preact";
import type { Rec, Task } from "../base/types";
import { removeAll, set, setDay } from "../state/acts";
import { Icon } from "./icons";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { NOTES_MAX, TITLE_MAX, charsIn, clip, isNearLimit, typedIn } from "../base/lib";
import { change, create } from "../sync/queue";
import { isShown, records } from "../sync/store";
import { t } from "../texts";
import { announce, toast } from "../base/toasts";
import {
  agoWords,
  formFields,
  localDay,
  momentWords,
  nextWeek,
  now,
  ofFormFields,
} from "../base/when";

export function Editor({ rec, onClose }: { rec: Rec; onClose: () => void }) {
  const root = useRef<HTMLDivElement>(null);
  const title = useText(rec, "title");
  const notes = useText(rec, "description");
  useOutside(root, onClose);
  const close = () => {
    title.commit();
    notes.commit();
    onClose();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  };
  return (
    <div
      class="editor"
      ref={root}
      onKeyDown={keys}
      role="group"
      aria-label={t.task.open(rec.view.title)}
    >
      <Growing
        class="title-field"
        label={t.task.title}
        field={title}
        isFirst={true}
        onEnter={() => {
          title.commit();
          onClose();
        }}
        max={TITLE_MAX}
      />
      <Growing
        class="notes-field"
        label={t.task.notes}
        field={notes}
        placeholder={t.task.notesHint}
        max={NOTES_MAX}
      />
      <DueFields rec={rec} />
      <Choices rec={rec} />
      <Footer rec={rec} onClose={close} />
    </div>
  );
}

/** Runs when somebody presses elsewhere. */
function useOutside(root: RefObject<HTMLElement | null>, onOutside: () => void) {
  useEffect(() => {
    const outside = (event: Event) => {
      const target = event.target as Element;
      if (!root.current?.contains(target) && !target.closest(".toasts, dialog, .bulk")) {
        onOutside();
      }
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
}

function Choices({ rec }: { rec: Rec }) {
  const task = rec.view;
  return (
    <div class="choices">
      <Choice
        label={t.status.label}
        name={`status-${rec.key}`}
        words={t.status}
        values={["pending", "in_progress", "completed"]}
        value={task.status}
        onPick={(status: Task["status"]) => set([rec.key], { status })}
      />
      <Choice
        label={t.priority.label}
        name={`priority-${rec.key}`}
        words={t.priority}
        values={["low", "medium", "high", "urgent"]}
        value={task.priority}
        onPick={(priority: Task["priority"]) => set([rec.key], { priority })}
      />
    </div>
  );
}

function Footer({ rec, onClose }: { rec: Rec; onClose: () => void }) {
  const task = rec.view;
  return (
    <footer>
      <small title={momentWords(task.created_at)}>
        {task.completed_at
          ? t.task.completed(agoWords(task.completed_at, now.value))
          : t.task.created(agoWords(task.created_at, now.value))}
      </small>
      <button class="quiet danger" onClick={() => removeAll([rec.key])}>
        <Icon name="trash" />
        {t.task.remove}
      </button>
      <button class="primary" onClick={onClose}>
        {t.task.close}
      </button>
    </footer>
  );
}

/** What a text becomes when it is taken over. */
function valueOf(name: "title" | "description", text: string) {
  if (name === "title") {
    return clip(text.replace(/\s+/g, " ").trim(), TITLE_MAX);
  }
  return text.trim() === "" ? null : clip(text, NOTES_MAX);
}

/**
 * A text of the task while it is typed. What the server says meanwhile is taken over where nothing
 * was typed; else it is a conflict, to be decided.
 */
function useText(rec: Rec, name: "title" | "description") {
  const stored = rec.view[name] ?? "";
  const [typed, setTyped] = useState(null as string | null);
  const live = useRef({ typed, began: stored, rec });
  live.current.rec = rec;
  if (typed === null) {
    live.current.began = stored;
  }
  live.current.typed = typed;
  const commit = () => {
    const {
      typed: now,
      began,
      rec: { key, view },
    } = live.current;
    const there = records.get(key);
    live.current.typed = null;
    setTyped(null);
    if (now === null || now === began) {
      return;
    }
    const value = valueOf(name, now);
    if (name === "title" && value === "") {
      announce(t.task.titleNeeded);
      toast(t.task.titleNeeded, { kind: "error" });
    } else if (!there || !isShown(there)) {
      const { title, description, status, priority, due_date } = view;
      const whole = { title, description, status, priority, due_date, [name]: value };
      toast(t.conflict.gone(title), {
        kind: "error",
        ms: 30_000,
        action: { label: t.conflict.restore, run: () => void create(whole) },
      });
    } else {
      change(
        key,
        { [name]: value },
        { [name]: name === "description" && began === "" ? null : began },
      );
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
  return {
    value: typed ?? stored,
    type: (text: string) => {
      live.current.typed = text;
      setTyped(text);
    },
    commit,
  };
}

/** As high as its text; the first takes the focus. */
function useGrowth(
  element: RefObject<HTMLTextAreaElement | null>,
  value: string,
  isFirst: boolean,
) {
  useLayoutEffect(() => {
    const area = element.current;
    // Where the style sheet can't do it.
    if (area && !CSS.supports("field-sizing", "content")) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight}px`;
    }
  }, [value]);
  // Before the next key arrives, which would else be a shortcut.
  useLayoutEffect(() => {
    const area = element.current;
    if (isFirst && area) {
      area.focus({ preventScroll: true });
      area.setSelectionRange(area.value.length, area.value.length);
    }
  }, []);
}

/** How long a text is, where it is nearly too long. */
function Count({ id, text, max }: { id: string; text: string; max: number }) {
  const count = text.length < max / 2 ? 0 : charsIn(text);
  return (
    <small class="count" id={id}>
      {isNearLimit(count, max) && t.task.count(count, max)}
    </small>
  );
}

/** A text that grows with what is typed. */
function Growing({
  class: name,
  label,
  field,
  isFirst = false,
  placeholder = "",
  max,
  onEnter,
}: {
  class: string;
  label: string;
  field: ReturnType<typeof useText>;
  isFirst?: boolean;
  placeholder?: string;
  /** The most characters. */
  max: number;
  onEnter?: () => void;
}) {
  const element = useRef<HTMLTextAreaElement>(null);
  useGrowth(element, field.value, isFirst);
  const keys = (event: KeyboardEvent) => {
    if (
      onEnter &&
      event.key === "Enter" &&
      !event.isComposing &&
      !event.ctrlKey &&
      !event.metaKey
    ) {
      event.preventDefault();
      onEnter();
    }
  };
  return (
    <>
      <textarea
        ref={element}
        class={name}
        rows={1}
        autofocus={isFirst}
        dir="auto"
        aria-label={label}
        aria-describedby={`${name}-count`}
        placeholder={placeholder}
        value={field.value}
        onInput={(event: Event) => field.type(typedIn(event, max))}
        onBlur={field.commit}
        onKeyDown={keys}
      ></textarea>
      <Count id={`${name}-count`} text={field.value} max={max} />
    </>
  );
}

/**
 * What a field holds, but null while it is typed: then parts are empty, and years 0002, 0020,
 * 0203.
 */
const typed = (event: Event) => {
  const { value, validity } = event.currentTarget as HTMLInputElement;
  return validity.badInput || /^0\d{3}-/.test(value) ? null : value;
};

/** What was typed halfway is not shown as if it were so. */
const leave = (event: Event, is: string) => {
  if (typed(event) === null) {
    (event.currentTarget as HTMLInputElement).value = is;
  }
};

function DueFields({ rec }: { rec: Rec }) {
  const stored = formFields(rec.view.due_date);
  const setFields = (date: string, time: string) =>
    set([rec.key], { due_date: ofFormFields(date, time) });
  const setDate = (event: Event) => {
    const date = typed(event);
    if (date !== null) {
      setFields(date, date ? stored.time : "");
    }
  };
  const setTime = (event: Event) => {
    const time = typed(event);
    if (time !== null) {
      setFields(stored.date, time);
    }
  };
  return (
    <fieldset class="due-fields">
      <legend>{t.due.label}</legend>
      <input
        type="date"
        aria-label={t.due.date}
        value={stored.date}
        max="9999-12-31"
        onChange={setDate}
        onBlur={(event: Event) => leave(event, stored.date)}
      />
      <input
        type="time"
        aria-label={t.due.time}
        value={stored.time}
        onChange={setTime}
        onBlur={(event: Event) => leave(event, stored.time)}
      />
      <Shortcuts rec={rec} />
    </fieldset>
  );
}

function Shortcuts({ rec }: { rec: Rec }) {
  const today = localDay(now.value);
  return (
    <span class="shortcuts">
      <button type="button" class="pill" onClick={() => setDay([rec.key], today)}>
        {t.due.today}
      </button>
      <button type="button" class="pill" onClick={() => setDay([rec.key], today + 1)}>
        {t.due.tomorrow}
      </button>
      <button type="button" class="pill" onClick={() => setDay([rec.key], nextWeek(today))}>
        {t.due.nextWeek}
      </button>
      {rec.view.due_date && (
        <button type="button" class="pill" onClick={() => set([rec.key], { due_date: null })}>
          {t.due.clear}
        </button>
      )}
    </span>
  );
}

/** One of a few values. */
function Choice<T extends string>({
  label,
  name,
  words,
  values,
  value,
  onPick,
}: {
  label: string;
  name: string;
  words: Record<T, string>;
  values: T[];
  value: T;
  onPick: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      <span class="segments">
        {values.map((one) => (
          <label key={one} class={one}>
            <input type="radio" name={name} checked={one === value} onChange={() => onPick(one)} />
            <span>{words[one]}</span>
          </label>
        ))}
      </span>
    </fieldset>
  );
}
