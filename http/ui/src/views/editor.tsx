// The editor, which opens in a task's place. Texts are saved when their field is left, everything
// else at once.
import type { RefObject } from "preact";
import type { Op, Rec, Task } from "../base/types";
import { removeAll, set, setDay } from "../state/acts";
import { Icon } from "./icons";
import { useEffect, useRef } from "preact/hooks";
import { answer } from "../sync/decide";
import { NOTES_MAX, TITLE_MAX } from "../base/lib";
import { t } from "../texts";
import { Growing, useText } from "./textfield";
import {
  agoWords,
  formFields,
  localDay,
  momentWords,
  nextWeek,
  now,
  ofFormFields,
} from "../base/when";

/** `onClose` receives whether the task's row should take the focus. */
export function Editor({ rec, onClose }: { rec: Rec; onClose: (takesFocus: boolean) => void }) {
  const root = useRef<HTMLDivElement>(null);
  const title = useText(rec, "title");
  const notes = useText(rec, "description");
  useOutside(root, onClose);
  const close = () => {
    title.commit();
    notes.commit();
    onClose(true);
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
          onClose(true);
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
      {rec.refused && <Refused rec={rec} refused={rec.refused} />}
      <DueFields rec={rec} />
      <Choices rec={rec} />
      <Footer rec={rec} onClose={close} />
    </div>
  );
}

/**
 * Runs on a click or tap outside: on the click, because closing on the press could move its target.
 * The focus stays on the clicked element if that takes it.
 */
function useOutside(root: RefObject<HTMLElement | null>, onOutside: (takesFocus: boolean) => void) {
  useEffect(() => {
    const isOutside = (event: Event) => {
      const target = event.target as Element;
      return !root.current?.contains(target) && !target.closest(".toasts, dialog, .bulk");
    };
    let began = false;
    const press = (event: Event) => (began = isOutside(event));
    const click = (event: Event) => {
      if (began && isOutside(event)) {
        const at = document.activeElement;
        onOutside(!at || at === document.body || at.id === "main" || !!root.current?.contains(at));
      }
      began = false;
    };
    document.addEventListener("pointerdown", press, true);
    document.addEventListener("click", click, true);
    return () => {
      document.removeEventListener("pointerdown", press, true);
      document.removeEventListener("click", click, true);
    };
  }, []);
}

/** Shows the actions for a rejected text: send again or discard. */
function Refused({ rec, refused }: { rec: Rec; refused: Op }) {
  return (
    <div class="refused">
      <button type="button" class="pill" onClick={() => void answer(rec.key, true)}>
        {t.refused.again}
      </button>
      {refused.kind !== "create" && (
        <button type="button" class="pill" onClick={() => void answer(rec.key, false)}>
          {t.refused.discard}
        </button>
      )}
    </div>
  );
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

/**
 * Returns a field's value, or null while it is being typed. Until then parts are empty, or years
 * are 0002, 0020, 0203.
 */
const typed = (event: Event) => {
  const { value, validity } = event.currentTarget as HTMLInputElement;
  return validity.badInput || /^0\d{3}-/.test(value) ? null : value;
};

/** Resets a field that is left with an incomplete value. */
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

/** A choice of one among a few values. */
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
