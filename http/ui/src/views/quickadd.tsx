// Quick add: one line becomes a task. The parsed parts are shown before Enter, and each can be
// rejected.
import type { Signal } from "@preact/signals";
import type { Span } from "../base/words";
import { add, addAll } from "../state/acts";
import { TITLE_MAX, charsIn, isNearLimit } from "../base/lib";
import { Icon } from "./icons";
import { computed, effect, signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { line } from "../state/drafts";
import { t } from "../texts";
import { dayWords, dueWords, now } from "../base/when";
import { understand } from "../base/words";

/** Parts to keep as text. */
const plain: Signal<string[]> = signal([]);
const wrong = signal("");
/** Whether the field is inactive. Escape leaves it and keeps the text. */
const isLeft = signal(true);
/** Pasted lines and the single line that the field shows for them. */
const pasted: Signal<{ line: string; lines: string[] }> = signal({ line: "", lines: [] });
const many = computed(() => (pasted.value.line === line.value ? pasted.value.lines : []));
/** Whether the field is in use and not empty. */
export const isTyping = computed(() => line.value.trim() !== "" && !isLeft.value);
effect(() => {
  if (line.value === "") {
    plain.value = [];
    wrong.value = "";
    isLeft.value = true;
  }
});

export const focusAdd = () => document.getElementById("add")?.focus();

/** Joins several pasted lines in the field, and remembers them. */
function paste(event: ClipboardEvent) {
  const field = event.currentTarget as HTMLInputElement;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!/[\r\n]/.test(text.trim())) {
    return;
  }
  event.preventDefault();
  const [from, to] = [field.selectionStart ?? 0, field.selectionEnd ?? 0];
  const [before, after] = [field.value.slice(0, from), field.value.slice(to)];
  keepLines((before + text + after).split(/[\r\n]+/));
}

function keepLines(all: string[]) {
  isLeft.value = false;
  // Remove the bullets of pasted lists.
  const lines = all.map((one) => one.trim().replace(/^[-*•]\s+/, "")).filter(Boolean);
  line.value = lines.join(" ");
  pasted.value = { line: line.value, lines: lines.length > 1 ? lines : [] };
  wrong.value = "";
}

function addMany() {
  const left = addAll(many.value);
  keepLines(left);
  plain.value = [];
  wrong.value = left.length > 0 ? t.add.someWrong(left.length) : "";
  focusAdd();
}

function chipWords(span: Span, due: string | null) {
  if (span.kind === "priority") {
    return t.priority[span.priority ?? "medium"];
  }
  return span.kind === "day"
    ? dayWords(span.day ?? 0, now.value)
    : due
      ? dueWords(due, now.value)
      : span.text;
}

export function QuickAdd() {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    if (line.value.trim() === "") {
      return;
    }
    wrong.value = add(line.value, plain.value) ?? "";
    if (wrong.value === "") {
      line.value = "";
    }
  };
  const type = (event: Event) => {
    isLeft.value = false;
    line.value = (event.currentTarget as HTMLInputElement).value;
    wrong.value = "";
  };
  const leave = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      isLeft.value = true;
      field.current?.blur();
    }
  };
  return (
    <form class="quick-add" onSubmit={submit}>
      <label class="line">
        <Icon name="plus" />
        <span class="visually-hidden">{t.add.label}</span>
        <input
          ref={field}
          id="add"
          type="text"
          autocomplete="off"
          enterkeyhint="done"
          dir="auto"
          placeholder={t.add.placeholder}
          value={line}
          onInput={type}
          onFocus={() => (isLeft.value = false)}
          onPaste={paste}
          onKeyDown={leave}
          aria-describedby="add-understood"
          aria-invalid={wrong.value !== ""}
        />
        {line.value.trim() !== "" && <button class="primary">{t.add.button}</button>}
      </label>
    </form>
  );
}

/** Shows the parsed parts of the line, each with a button to reject it, and any error. */
export function Understood() {
  const { title, spans, due_date } = understand(line.value, now.value, plain.value);
  const count = line.value.length < TITLE_MAX / 2 ? 0 : charsIn(title);
  // Show a day and its time as one chip.
  const chips = spans.filter(
    (span) => span.kind !== "day" || !spans.some((other) => other.kind === "time"),
  );
  const refuse = (span: Span) => {
    const same = span.kind === "time" ? spans.filter((one) => one.kind === "time") : [span];
    plain.value = [...plain.value, ...same.map((one) => one.text.toLowerCase())];
    focusAdd();
  };
  return (
    <div class="understood" id="add-understood">
      {wrong.value && (
        <span class="problem" role="alert">
          {wrong}
        </span>
      )}
      {many.value.length > 1 && (
        <button type="button" class="many" onClick={addMany}>
          {t.add.many(many.value.length)}
        </button>
      )}
      {isNearLimit(count, TITLE_MAX) && !wrong.value && (
        <span class={count > TITLE_MAX ? "hint over" : "hint"}>
          {t.task.count(count, TITLE_MAX)}
        </span>
      )}
      {chips.length > 0 ? (
        <span class="visually-hidden">{t.add.understood}: </span>
      ) : (
        !wrong.value && <span class="hint">{t.add.hint}</span>
      )}
      {chips.map((span) => (
        <span class={`chip ${span.kind} ${span.priority ?? ""}`} key={span.kind}>
          <Icon name={span.kind === "priority" ? "flag" : "date"} />
          {chipWords(span, due_date)}
          <button
            type="button"
            aria-label={t.add.plain(span.text)}
            title={t.add.plain(span.text)}
            onClick={() => refuse(span)}
          >
            ✕
          </button>
        </span>
      ))}
    </div>
  );
}
