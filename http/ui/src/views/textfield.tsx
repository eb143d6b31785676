// The texts of a task while they are typed: kept from the first key on, taken over when the field
// is left.
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
 * A text of the task while it is typed. What the server says meanwhile is taken over where nothing
 * was typed; else it is a conflict, to be decided.
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
  // However the editor goes away, what was typed is not lost; nor when the tab is closed.
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
    /** Why the server refused the text, unless it is typed anew. */
    wrong: typed === null ? rec.refused?.why?.[name] : undefined,
    name,
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

/** Why the server refused a text. */
function Wrong({ id, reason }: { id: string; reason: string }) {
  return (
    <p class="problem" id={id} role="alert">
      {t.refused.why(reason)}
    </p>
  );
}
