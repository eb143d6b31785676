// The list: groups of rows, one of which may be open in the editor.
import type { Rec } from "../base/types";
import type { Head, Row } from "../state/state";
import { removeAll, toggle } from "../state/acts";
import { Editor } from "./editor";
import { Icon } from "./icons";
import { memo } from "./memo";
import { batch } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { classes } from "../base/lib";
import {
  cursor,
  editing,
  flashed,
  headsAt,
  indexIn,
  isFiltered,
  isHead,
  order,
  rows,
  selection,
  view,
  wantsFocus,
} from "../state/state";
import { known } from "../sync/store";
import { t } from "../texts";
import { numberWords } from "../texts/language";
import { Virtual } from "./virtual";
import { dueWords, fullWords, groupOf, momentWords, now, pastWords } from "../base/when";

export function List() {
  const items = rows.value;
  if (items.length === 0) {
    return <Empty />;
  }
  return (
    <Virtual
      items={items}
      indexOf={indexIn}
      heads={headsAt.value}
      open={editing.value}
      wanted={cursor.value}
      attributes={{
        class: "list",
        role: "grid",
        "aria-label": t.list.label,
        "aria-rowcount": items.length,
        "aria-multiselectable": "true",
      }}
      draw={drawRow}
    />
  );
}

function drawRow(row: Row, top: string, index: number, measure: (element: Element | null) => void) {
  if (isHead(row)) {
    return <HeadRow key={row.key} head={row} top={top} index={index} />;
  }
  if (editing.value === row.key) {
    return (
      <div
        class="open-row"
        role="row"
        aria-rowindex={index + 1}
        key={row.key}
        style={{ top }}
        ref={measure}
      >
        <div role="gridcell" aria-colspan={3}>
          <Editor
            rec={row}
            onClose={(takesFocus) => {
              editing.value = null;
              wantsFocus.value = takesFocus;
            }}
          />
        </div>
      </div>
    );
  }
  return (
    <TaskRow
      key={row.key}
      rec={row}
      top={top}
      index={index}
      isCursor={(cursor.value ?? order.value[0]?.key) === row.key}
      isSelected={selection.value.has(row.key)}
      isFlashed={flashed.value.has(row.key)}
    />
  );
}

function HeadRow({ head, top, index }: { head: Head; top: string; index: number }) {
  return (
    <div class={classes("head", head.key)} role="row" aria-rowindex={index + 1} style={{ top }}>
      <div role="gridcell" aria-colspan={3}>
        <h2>
          {head.text} <span class="count">{numberWords(head.count)}</span>
        </h2>
      </div>
    </div>
  );
}

export const pressRow = (event: MouseEvent, key: string) => batch(() => press(event, key));

function press(event: MouseEvent, key: string) {
  if (event.ctrlKey || event.metaKey) {
    flip(key);
  } else if (event.shiftKey) {
    extend(key);
    wantsFocus.value = true;
  } else if (selection.peek().size > 0) {
    flip(key);
  } else {
    editing.value = key;
  }
  cursor.value = key;
}

const LONG_PRESS_MS = 450;

/** Selects a row on a long press. */
function rest(event: PointerEvent, key: string) {
  if (event.pointerType !== "touch") {
    return;
  }
  const element = event.currentTarget as HTMLElement;
  const timer = setTimeout(() => {
    flip(key);
    // Ignore the click that ends the long press.
    element.addEventListener("click", (click) => click.stopPropagation(), {
      capture: true,
      once: true,
    });
    navigator.vibrate?.(10);
  }, LONG_PRESS_MS);
  for (const end of ["pointerup", "pointermove", "pointercancel"]) {
    element.addEventListener(end, () => clearTimeout(timer), { once: true });
  }
}

/** Toggles the selection of a task. */
export function flip(key: string) {
  const next = new Set(selection.peek());
  if (!next.delete(key)) {
    next.add(key);
  }
  selection.value = next;
}

/** Selects all tasks between the cursor and this one. */
export function extend(key: string) {
  const all = order.peek();
  const ends = [indexIn(all, cursor.peek() ?? key), indexIn(all, key)];
  const [from, to] = [Math.max(Math.min(...ends), 0), Math.max(...ends)];
  const keys = all.slice(from, to + 1).map((rec) => rec.key);
  selection.value = new Set([...selection.peek(), ...keys]);
}

export type RowProps = {
  rec: Rec;
  top: string;
  index: number;
  isCursor: boolean;
  isSelected: boolean;
  isFlashed: boolean;
};

const TaskRow = memo(({ rec, top, index, isCursor, isSelected, isFlashed }: RowProps) => {
  const element = useRef<HTMLDivElement>(null);
  const task = rec.view;
  const takesFocus = isCursor && wantsFocus.value;
  useLayoutEffect(() => {
    if (takesFocus) {
      element.current?.focus({ preventScroll: true });
      wantsFocus.value = false;
    }
  }, [takesFocus]);
  return (
    <div
      ref={element}
      class={classes("row", "task", task.status, isSelected && "selected", isFlashed && "flash")}
      role="row"
      style={{ top }}
      data-key={rec.key}
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      aria-labelledby={`title-${rec.key} marks-${rec.key}`}
      tabindex={isCursor ? 0 : -1}
      onFocus={() => (cursor.value = rec.key)}
      onClick={(event: MouseEvent) => pressRow(event, rec.key)}
      onPointerDown={(event: PointerEvent) => rest(event, rec.key)}
      onMouseDown={(event: MouseEvent) => event.shiftKey && event.preventDefault()}
    >
      <span role="gridcell">
        <Check rec={rec} />
      </span>
      <Title rec={rec} />
      <span role="gridcell" class="meta">
        <span class="marks" id={`marks-${rec.key}`}>
          <Marks rec={rec} />
        </span>
        <Remove rec={rec} />
      </span>
    </div>
  );
});

function Remove({ rec }: { rec: Rec }) {
  return (
    <button
      class="icon-button on-hover"
      tabindex={-1}
      aria-label={t.task.remove}
      onClick={(event: Event) => {
        event.stopPropagation();
        removeAll([rec.key]);
      }}
    >
      <Icon name="trash" />
    </button>
  );
}

function Title({ rec }: { rec: Rec }) {
  const task = rec.view;
  return (
    <span role="rowheader" class="title">
      <span class="text" id={`title-${rec.key}`} dir="auto">
        {task.title}
      </span>
      {task.description && (
        <span class="hint" title={t.task.hasNotes}>
          <Icon name="notes" />
          <span class="visually-hidden">{t.task.hasNotes}</span>
        </span>
      )}
    </span>
  );
}

/** The round checkbox that completes a task. */
export function Check({ rec }: { rec: Rec }) {
  const task = rec.view;
  const isDone = task.status === "completed";
  const act = (event: MouseEvent) => {
    event.stopPropagation();
    toggle([rec.key]);
  };
  return (
    <button
      class={classes("check", task.status, task.priority)}
      tabindex={-1}
      role="checkbox"
      aria-checked={task.status === "in_progress" ? "mixed" : isDone}
      aria-label={t.status.completed}
      onClick={act}
    >
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <path d="M5.500 10.500l3 3 6-7" />
      </svg>
    </button>
  );
}

/** Shows the due or completion date, the priority, and whether changes are unsaved. */
export function Marks({ rec }: { rec: Rec }) {
  const task = rec.view;
  const due = task.due_date;
  const isOpen = task.status !== "completed";
  return (
    <>
      {rec.conflict && (
        <span class="mark conflict" title={t.task.conflict}>
          <Icon name="conflict" />
          <span class="visually-hidden">{t.task.conflict}</span>
        </span>
      )}
      {rec.refused && !rec.conflict && (
        <span class="mark conflict" title={t.task.refused}>
          <Icon name="conflict" />
          <span class="visually-hidden">{t.task.refused}</span>
        </span>
      )}
      {rec.waiting > 0 && !rec.conflict && !rec.refused && (
        <span class="mark waiting" title={t.task.waiting}>
          <span class="visually-hidden">{t.task.waiting}</span>
        </span>
      )}
      {(task.priority === "high" || task.priority === "urgent") && (
        <span class={`mark priority ${task.priority}`}>
          <Icon name="flag" />
          <span class="word">{t.priority[task.priority]}</span>
        </span>
      )}
      {task.priority === "low" && (
        <span class="mark priority low">
          <span class="word">{t.priority.low}</span>
        </span>
      )}
      {!isOpen && task.completed_at ? (
        <time class="mark done" datetime={task.completed_at} title={momentWords(task.completed_at)}>
          <span class="visually-hidden">{t.status.completed}: </span>
          {pastWords(task.completed_at, now.value)}
        </time>
      ) : (
        <Due due={due} isOpen={isOpen} />
      )}
    </>
  );
}

function Due({ due, isOpen }: { due: string | null; isOpen: boolean }) {
  const group = groupOf(due, now.value);
  return (
    <>
      {due && (
        <time class={classes("mark", "due", isOpen && group)} datetime={due} title={fullWords(due)}>
          {isOpen && group === "overdue" && <span class="visually-hidden">{t.task.overdue}: </span>}
          {dueWords(due, now.value)}
        </time>
      )}
    </>
  );
}

function Empty() {
  const words =
    known.value === "nothing"
      ? null
      : isFiltered.value
        ? [t.list.noneFoundTitle, t.list.noneFound]
        : view.value === "today"
          ? [t.list.todayTitle, t.list.today]
          : view.value === "done"
            ? [t.list.doneTitle, t.list.done]
            : [t.list.emptyTitle, t.list.empty];
  return words === null ? (
    <div class="list loading" aria-busy="true">
      <span class="visually-hidden">{t.list.loading}</span>
      {[70, 45, 60, 35, 55].map((width) => (
        <div class="row ghost">
          <i></i>
          <b style={{ width: `${width}%` }}></b>
        </div>
      ))}
    </div>
  ) : (
    <div class="empty">
      <svg viewBox="0 0 64 64" aria-hidden="true">
        <circle cx="32" cy="32" r="21" />
        <path d="M23 33l6.500 6.500L42 26" />
      </svg>
      <h2>{words[0]}</h2>
      <p>{words[1]}</p>
    </div>
  );
}
