// The board: a column for each status. Cards are moved by drag, by keys, or in the editor.
import type { Rec, Status } from "../base/types";
import type { Signal } from "@preact/signals";
import { set, toggle } from "../state/acts";
import { Dialog } from "./dialogs";
import { Editor } from "./editor";
import { Icon } from "./icons";
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { classes } from "../base/lib";
import { Check, Marks } from "./list";
import { columns, cursor, editing, flashed, selection, wantsFocus } from "../state/state";
import { records, revision } from "../sync/store";
import { t } from "../texts";
import { numberWords } from "../texts/language";
import { announce } from "../base/toasts";
import { Virtual } from "./virtual";

const STATUSES: Status[] = ["pending", "in_progress", "completed"];
/** The card that is dragged. */
const dragged: Signal<string | null> = signal(null);
/** The column it is over. */
const over: Signal<Status | null> = signal(null);

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
      <div class="board">
        {STATUSES.map((status) => (
          <Column key={status} status={status} />
        ))}
      </div>
      <Sheet />
    </>
  );
}

/** The card that is open, as it is now. */
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

function Column({ status }: { status: Status }) {
  const items = columns.value[status];
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
      class={classes("column", status, over.value === status && "over")}
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
        {t.status[status]} <span class="count">{numberWords(items.length)}</span>
      </h2>
      <div class="column-tasks" data-scrolls>
        {items.length === 0 && <p class="nothing">{t.list.column}</p>}
        <Virtual
          items={items}
          idOf={(rec: Rec) => rec.key}
          wanted={records.get(cursor.value ?? "")?.view.status === status ? cursor.value : null}
          attributes={{ class: "cards", role: "list", "aria-label": t.status[status] }}
          draw={(rec: Rec, top: string) => <Card key={rec.key} rec={rec} top={top} />}
        />
      </div>
    </section>
  );
}

/** Where an arrow leads from a card: along its column, or to the next. */
function cardBeside(rec: Rec, key: string) {
  const all = columns.peek();
  const column = STATUSES.indexOf(rec.view.status);
  const cards = all[rec.view.status];
  const at = cards.indexOf(rec);
  if (key === "ArrowUp" || key === "ArrowDown") {
    return cards[at + (key === "ArrowUp" ? -1 : 1)];
  }
  const step = key === "ArrowLeft" ? -1 : 1;
  for (let next = column + step; next >= 0 && next < STATUSES.length; next += step) {
    const there = all[STATUSES[next] as Status];
    if (there.length > 0) {
      return there[Math.min(at, there.length - 1)];
    }
  }
  return undefined;
}

/** Arrows lead from a card to another; with Shift they move the card. */
function pressCard(event: KeyboardEvent, rec: Rec) {
  if (!event.key.startsWith("Arrow") || event.target !== event.currentTarget) {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  const status = STATUSES[STATUSES.indexOf(rec.view.status) + step];
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
}

function Card({ rec, top }: { rec: Rec; top: string }) {
  const element = useRef<HTMLDivElement>(null);
  const task = rec.view;
  const first = STATUSES.map((status) => columns.value[status][0]).find(Boolean)?.key;
  const isCursor =
    cursor.value === rec.key || (first === rec.key && !records.has(cursor.value ?? ""));
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
      role="listitem"
      class={classes(
        "row",
        "card",
        task.status,
        selection.value.has(rec.key) && "selected",
        flashed.value.has(rec.key) && "flash",
        dragged.value === rec.key && "dragged",
      )}
      style={{ top }}
      data-key={rec.key}
      tabindex={isCursor ? 0 : -1}
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
      onKeyDown={(event: KeyboardEvent) => pressCard(event, rec)}
      onClick={() => {
        cursor.value = rec.key;
        editing.value = rec.key;
      }}
    >
      <Check rec={rec} />
      <CardBody rec={rec} />
    </div>
  );
}

function CardBody({ rec }: { rec: Rec }) {
  const task = rec.view;
  return (
    <div class="card-body">
      <span class="text" dir="auto">
        {task.title}
      </span>
      <span class="meta">
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
