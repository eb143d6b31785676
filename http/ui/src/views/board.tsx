// The board: one column per status. Cards move by drag and drop, by keys, or in the editor.
import type { Rec, Status } from "../base/types";
import type { Signal } from "@preact/signals";
import { set, toggle } from "../state/acts";
import { Dialog } from "./dialogs";
import { Editor } from "./editor";
import { Icon } from "./icons";
import { effect, signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { classes } from "../base/lib";
import type { RowProps } from "./list";
import { Check, Marks, pressRow } from "./list";
import { memo } from "./memo";
import {
  STATUSES,
  columns,
  cursor,
  editing,
  flashed,
  indexIn,
  order,
  selection,
  view,
  wantsFocus,
} from "../state/state";
import { records, revision } from "../sync/store";
import { t } from "../texts";
import { numberWords } from "../texts/language";
import { announce } from "../base/toasts";
import { Virtual } from "./virtual";

/** The card being dragged. */
const dragged: Signal<string | null> = signal(null);
/** The column under the dragged card. */
const over: Signal<Status | null> = signal(null);
/** The visible column on screens with room for only one. */
const current: Signal<Status> = signal("pending");
effect(() => {
  const rec = records.get(cursor.value ?? "");
  if (rec && view.peek() === "board") {
    current.value = rec.view.status;
  }
});

function moveTo(key: string, status: Status) {
  const rec = records.get(key);
  if (rec && rec.view.status !== status) {
    if (status === "completed") {
      toggle([key]);
    } else {
      set([key], { status });
    }
    announce(`${rec.view.title}: ${t.status[status]}`);
  }
}

export function Board() {
  return (
    <>
      <ColumnPicker />
      <div class="board">
        {STATUSES.map((status) => (
          <Column key={status} status={status} />
        ))}
      </div>
      <Sheet />
    </>
  );
}

/** Shows the open card in a dialog. */
function Sheet() {
  void revision.value;
  const open = editing.value === null ? null : records.get(editing.value);
  const close = () => {
    editing.value = null;
    wantsFocus.value = true;
  };
  return (
    open && (
      <Dialog title={t.task.open(open.view.title)} class="sheet" onClose={close}>
        <Editor rec={open} onClose={close} />
      </Dialog>
    )
  );
}

/** Chooses the visible column on narrow screens. */
function ColumnPicker() {
  return (
    <fieldset class="choice column-picker" aria-label={t.status.label}>
      <span class="segments">
        {STATUSES.map((status) => (
          <label key={status}>
            <input
              type="radio"
              name="column"
              checked={current.value === status}
              onChange={() => (current.value = status)}
            />
            <span>
              {t.status[status]}{" "}
              <span class="count">{numberWords(columns.value[status].length)}</span>
            </span>
          </label>
        ))}
      </span>
    </fieldset>
  );
}

function Column({ status }: { status: Status }) {
  const leave = (event: DragEvent) => {
    if (!(event.currentTarget as Element).contains(event.relatedTarget as Node | null)) {
      over.value = null;
    }
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    if (dragged.value !== null) {
      moveTo(dragged.value, status);
    }
    dragged.value = null;
    over.value = null;
  };
  return (
    <section
      class={classes(
        "column",
        status,
        over.value === status && "over",
        current.value === status && "current",
      )}
      aria-labelledby={`column-${status}`}
      onDragOver={(event: DragEvent) => {
        if (dragged.value !== null) {
          event.preventDefault();
          over.value = status;
        }
      }}
      onDragLeave={leave}
      onDrop={drop}
    >
      <h2 id={`column-${status}`}>
        {t.status[status]} <span class="count">{numberWords(columns.value[status].length)}</span>
      </h2>
      <div class="column-tasks" data-scrolls>
        <Cards status={status} />
      </div>
    </section>
  );
}

function Cards({ status }: { status: Status }) {
  const items = columns.value[status];
  const hasCursor = records.get(cursor.value ?? "")?.view.status === status;
  // Each column has one tab stop.
  const stop = hasCursor ? cursor.value : items[0]?.key;
  return items.length === 0 ? (
    <p class="nothing">{t.list.column}</p>
  ) : (
    <Virtual
      items={items}
      indexOf={indexIn}
      wanted={hasCursor ? cursor.value : null}
      attributes={{
        class: "cards",
        role: "grid",
        "aria-label": t.status[status],
        "aria-rowcount": items.length,
        "aria-multiselectable": "true",
      }}
      draw={(rec: Rec, top: string, index: number) => (
        <Card
          key={rec.key}
          rec={rec}
          top={top}
          index={index}
          isCursor={cursor.value === rec.key}
          isStop={stop === rec.key}
          isSelected={selection.value.has(rec.key)}
          isFlashed={flashed.value.has(rec.key)}
          isDragged={dragged.value === rec.key}
        />
      )}
    />
  );
}

/** Returns the card that a key leads to: in the same column, or in the next one that has cards. */
function cardBeside(rec: Rec, key: string): Rec | undefined {
  const all = columns.peek();
  const cards = all[rec.view.status];
  const at = indexIn(cards, rec.key);
  switch (key) {
    case "ArrowUp":
    case "k":
      return cards[at - 1];
    case "ArrowDown":
    case "j":
      return cards[at + 1];
    case "Home":
      return cards[0];
    case "End":
      return cards.at(-1);
    default: {
      const step = key === "ArrowLeft" || key === "h" ? -1 : 1;
      let next = STATUSES.indexOf(rec.view.status) + step;
      for (; next >= 0 && next < STATUSES.length; next += step) {
        const there = all[STATUSES[next] as Status];
        if (there.length > 0) {
          return there[Math.min(at, there.length - 1)];
        }
      }
      return undefined;
    }
  }
}

const LEADING = /^(Arrow(Up|Down|Left|Right)|Home|End|[hjkl])$/;

/**
 * Moves the cursor between cards. With Shift, up and down select, left and right move the card.
 * Returns whether the key does any of this.
 */
export function moveOnBoard(key: string, withShift: boolean): boolean {
  if (!LEADING.test(key)) {
    return false;
  }
  const rec = records.get(cursor.peek() ?? "");
  if (!rec) {
    cursor.value = order.peek()[0]?.key ?? null;
    wantsFocus.value = cursor.value !== null;
    return true;
  }
  const step = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  if (withShift && step !== 0) {
    const status = STATUSES[STATUSES.indexOf(rec.view.status) + step];
    if (status) {
      moveTo(rec.key, status);
      current.value = status;
      wantsFocus.value = true;
    }
    return true;
  }
  const next = cardBeside(rec, key);
  if (next) {
    if (withShift && key.startsWith("Arrow")) {
      selection.value = new Set([...selection.peek(), rec.key, next.key]);
    }
    cursor.value = next.key;
  }
  wantsFocus.value = true;
  return true;
}

type CardProps = RowProps & { isStop: boolean; isDragged: boolean };

const Card = memo((props: CardProps) => {
  const { rec, top, index, isCursor, isSelected } = props;
  const element = useRef<HTMLDivElement>(null);
  const task = rec.view;
  const takesFocus = isCursor && wantsFocus.value;
  useLayoutEffect(() => {
    if (takesFocus) {
      element.current?.focus({ preventScroll: true });
      element.current?.closest(".column")?.scrollIntoView({ inline: "nearest", block: "nearest" });
      wantsFocus.value = false;
    }
  }, [takesFocus]);
  return (
    <div
      ref={element}
      role="row"
      class={classes(
        "row",
        "card",
        task.status,
        isSelected && "selected",
        props.isFlashed && "flash",
        props.isDragged && "dragged",
      )}
      style={{ top }}
      data-key={rec.key}
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      aria-labelledby={`title-${rec.key} marks-${rec.key}`}
      tabindex={props.isStop ? 0 : -1}
      draggable
      onDragStart={(event: DragEvent) => {
        dragged.value = rec.key;
        event.dataTransfer?.setData("text/plain", task.title);
      }}
      onDragEnd={() => {
        dragged.value = null;
        over.value = null;
      }}
      onFocus={() => (cursor.value = rec.key)}
      onClick={(event: MouseEvent) => pressRow(event, rec.key)}
      onMouseDown={(event: MouseEvent) => event.shiftKey && event.preventDefault()}
    >
      <span role="gridcell">
        <Check rec={rec} />
      </span>
      <CardBody rec={rec} />
    </div>
  );
});

function CardBody({ rec }: { rec: Rec }) {
  const task = rec.view;
  return (
    <div class="card-body">
      <span class="text" role="rowheader" id={`title-${rec.key}`} dir="auto">
        {task.title}
      </span>
      <span class="meta" role="gridcell" id={`marks-${rec.key}`}>
        {task.description && (
          <span class="hint">
            <Icon name="notes" />
            <span class="visually-hidden">{t.task.hasNotes}</span>
          </span>
        )}
        <Marks rec={rec} />
      </span>
    </div>
  );
}
