// Dialogs: keyboard shortcuts, confirmations, and conflicts with both versions side by side.
import type { Op, Patch, Task } from "../base/types";
import { Fragment } from "preact";
import { asking } from "../base/ask";
import { hasShortcuts } from "../base/shortcuts";
import type { Question } from "../base/ask";
import { effect, signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { closesOnBack } from "../state/address";
import { settle } from "../sync/decide";
import { conflicts, records } from "../sync/store";
import { t } from "../texts";
import { dueWords, now } from "../base/when";

export const helping = signal(false);
/** Whether the conflict dialog is open. */
export const reviewing = signal(false);
for (const shown of [helping, reviewing]) {
  closesOnBack(
    () => shown.value,
    () => (shown.value = false),
  );
}
// Close the dialog after the last conflict, so that the next one does not open it.
effect(() => {
  if (conflicts.value.length === 0) {
    reviewing.value = false;
  }
});

/** A modal dialog; Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
  class: name = "",
  role,
}: {
  title: string;
  onClose: () => void;
  children?: unknown;
  class?: string;
  /** An `alertdialog` is announced with its text, the element `dialog-text`. */
  role?: "alertdialog";
}) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current?.showModal();
    // Elements outside a modal dialog cannot take the focus until it is gone.
    return () =>
      queueMicrotask(() => {
        if (document.activeElement === document.body) {
          before?.focus?.({ preventScroll: true });
        }
      });
  }, []);
  const press = (event: Event) => event.target === element.current && onClose();
  return (
    <dialog
      ref={element}
      class={name}
      role={role}
      aria-labelledby="dialog-title"
      aria-describedby={role && "dialog-text"}
      onClose={onClose}
      onClick={press}
    >
      <div class="dialog-body">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button class="icon-button" aria-label={t.help.close} onClick={onClose}>
            ✕
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

export function Dialogs() {
  const conflict = conflicts.value[0];
  return (
    <>
      {helping.value && <Help />}
      {reviewing.value && conflict && <Conflict key={conflict.idem} op={conflict} />}
      {asking.value && <Ask question={asking.value} />}
    </>
  );
}

/** Cancel has the initial focus, so that one Enter too many does nothing. */
function Ask({ question: { title, text, yes, answer } }: { question: Question }) {
  return (
    <Dialog title={title} class="ask" role="alertdialog" onClose={() => answer(false)}>
      <p id="dialog-text">{text}</p>
      <span class="buttons">
        <button autofocus onClick={() => answer(false)}>
          {t.ask.cancel}
        </button>
        <button class="danger" onClick={() => answer(true)}>
          {yes}
        </button>
      </span>
    </Dialog>
  );
}

function Help() {
  return (
    <Dialog title={t.help.title} class="help" onClose={() => (helping.value = false)}>
      <p class="about">{hasShortcuts.value ? t.help.on : t.help.off}</p>
      <div class="keys">
        {t.help.groups.map(([name, keys]) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

function valueWords(field: string, text: string | null | undefined) {
  if (text === null || text === undefined || text === "") {
    return <em>{field === "due_date" ? t.due.none : t.conflict.empty}</em>;
  }
  switch (field) {
    case "due_date":
      return dueWords(text, now.value);
    case "status":
      return t.status[text as Task["status"]];
    case "priority":
      return t.priority[text as Task["priority"]];
    default:
      return text;
  }
}

const names: Record<string, string> = {
  title: t.task.title,
  description: t.task.notes,
  status: t.status.label,
  priority: t.priority.label,
  due_date: t.due.label,
};

/** Shows the values of one version in the fields that differ. */
function Version({ fields, of }: { fields: string[]; of: Patch }) {
  const values = of as Record<string, string | null | undefined>;
  return (
    <dl>
      {fields.map((field) => (
        <Fragment key={field}>
          <dt>{names[field]}</dt>
          <dd dir="auto">{valueWords(field, values[field])}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

function Conflict({ op }: { op: Op }) {
  const theirs = records.get(op.key)?.base ?? null;
  const title = theirs?.title ?? op.whole?.title ?? op.body.title ?? "";
  const close = () => (reviewing.value = false);
  const decide = (mine: boolean) => void settle(op, mine);
  const isDelete = op.kind === "delete";
  const lead =
    theirs === null
      ? t.conflict.gone(title)
      : isDelete
        ? t.conflict.removed(title)
        : t.conflict.lead(title);
  const fields =
    isDelete && theirs
      ? ["title", "description", "status", "priority", "due_date"]
      : Object.keys(op.body);
  return (
    <Dialog title={t.conflict.title} class="conflict" onClose={close}>
      <p>{lead}</p>
      <div class="versions">
        <section>
          <h3>{t.conflict.mine}</h3>
          {isDelete ? (
            <p>
              <em>{t.conflict.deleted}</em>
            </p>
          ) : (
            <Version fields={fields} of={op.body} />
          )}
          <button class="primary" onClick={() => decide(true)}>
            {theirs === null
              ? t.conflict.restore
              : isDelete
                ? t.conflict.deleteAnyway
                : t.conflict.keepMine}
          </button>
        </section>
        <section>
          <h3>{t.conflict.theirs}</h3>
          {theirs === null ? (
            <p>
              <em>{t.conflict.deleted}</em>
            </p>
          ) : (
            <Version fields={fields} of={theirs} />
          )}
          <button onClick={() => decide(false)}>
            {theirs === null
              ? t.conflict.letGo
              : isDelete
                ? t.conflict.keepIt
                : t.conflict.keepTheirs}
          </button>
        </section>
      </div>
    </Dialog>
  );
}
