// The text fields of a task. Drafts are stored from the first key on and saved when the field is
// left.
import type { RefObject } from "preact";
import type { Rec } from "../base/types";
import { retype } from "../state/acts";
import { commits, keepDraft } from "../state/drafts";
import { afterPress } from "../state/press";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { wholeOf } from "../sync/queue";
import { charsIn, isNearLimit } from "../base/lib";
import { t } from "../texts";

/**
 * Holds the state of a text field. A change from the server is shown if nothing has been typed;
 * otherwise it becomes a conflict.
 */
export function useText(rec: Rec, name: "title" | "description") {
  const stored = rec.view[name] ?? "";
  const [typed, setTyped] = useState(null as string | null);
  const live = useRef({ typed, began: stored, rec });
  live.current.rec = rec;
  if (typed === null) {
    live.current.began = stored;
  }
  live.current.typed = typed;
  const draftOf = (text: string) => {
    const { began, rec } = live.current;
    return { text, began, whole: wholeOf(rec.view) };
  };
  const commit = () => {
    const { typed: now, rec } = live.current;
    live.current.typed = null;
    setTyped(null);
    if (now !== null) {
      retype(rec.key, name, draftOf(now));
    }
  };
  // Save the text however the editor closes, even if the tab is closed.
  useEffect(() => {
    commits.add(commit);
    return () => {
      commits.delete(commit);
      commit();
    };
  }, []);
  return {
    value: typed ?? stored,
    type: (text: string) => {
      live.current.typed = text;
      setTyped(text);
      keepDraft(`${rec.key}.${name}`, draftOf(text));
    },
    commit,
    /** Why the server rejected the text, until it is edited. */
    wrong: typed === null ? rec.refused?.why?.[name] : undefined,
    name,
  };
}

/** Fits the height to the text. The first field takes the focus. */
function useGrowth(
  element: RefObject<HTMLTextAreaElement | null>,
  value: string,
  isFirst: boolean,
) {
  useLayoutEffect(() => {
    const area = element.current;
    // For browsers without `field-sizing`.
    if (area && !CSS.supports("field-sizing", "content")) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight}px`;
    }
  }, [value]);
  // Focus before the next key arrives, which would otherwise trigger a shortcut.
  useLayoutEffect(() => {
    const area = element.current;
    if (isFirst && area) {
      area.focus({ preventScroll: true });
      area.setSelectionRange(area.value.length, area.value.length);
    }
  }, []);
}

/** Shows the length of a text that is close to its limit. */
function Count({ id, text, max }: { id: string; text: string; max: number }) {
  const count = text.length < max / 2 ? 0 : charsIn(text);
  return (
    <small class="count" id={id}>
      {isNearLimit(count, max) && t.task.count(count, max)}
    </small>
  );
}

/** A text area that grows with its text. */
export function Growing({
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
  /** The maximum number of characters. */
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
  const wrong = field.wrong ? `wrong-${field.name}` : undefined;
  return (
    <>
      <textarea
        ref={element}
        class={name}
        rows={1}
        autofocus={isFirst}
        dir="auto"
        aria-label={label}
        aria-invalid={wrong !== undefined}
        aria-describedby={[wrong, `${name}-count`].filter(Boolean).join(" ")}
        placeholder={placeholder}
        value={field.value}
        onInput={(event: InputEvent) =>
          field.type((event.currentTarget as HTMLTextAreaElement).value)
        }
        onBlur={() => afterPress(field.commit)}
        onKeyDown={keys}
      ></textarea>
      <Count id={`${name}-count`} text={field.value} max={max} />
      {field.wrong && wrong && <Wrong id={wrong} reason={field.wrong} />}
    </>
  );
}

/** Shows why the server rejected a text. */
function Wrong({ id, reason }: { id: string; reason: string }) {
  return (
    <p class="problem" id={id} role="alert">
      {t.refused.why(reason)}
    </p>
  );
}
