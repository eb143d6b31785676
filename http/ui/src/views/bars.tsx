// The bar above the list and the selection bar.
import type { Priority } from "../base/types";
import type { Filters } from "../state/state";
import { removeAll, set, setDay, toggle } from "../state/acts";
import { isOnline } from "../sync/api";
import { Icon } from "./icons";

import { resume } from "../sync/queue";
import {
  NO_FILTERS,
  filters,
  hiddenMatches,
  isFiltered,
  left,
  search,
  selection,
  showHiddenMatches,
  shownCount,
  view,
} from "../state/state";
import { conflicts, homeless, known, waiting } from "../sync/store";
import { retry } from "../sync/sync";
import { t } from "../texts";
import { localDay, nextWeek, now } from "../base/when";
import { reviewing } from "./dialogs";

export function Pick<T extends string>({
  label,
  value,
  choices,
  onPick,
  isSet = false,
}: {
  label: string;
  value: T;
  choices: [T, string][];
  onPick: (value: T) => void;
  isSet?: boolean;
}) {
  const pick = (event: Event) => {
    const field = event.currentTarget as HTMLSelectElement;
    const picked = field.value as T;
    // The field shows the actual value, not the picked one.
    field.value = value;
    onPick(picked);
  };
  return (
    <select class={isSet ? "pick set" : "pick"} aria-label={label} value={value} onChange={pick}>
      {choices.map(([key, word]) => (
        <option key={key} value={key} selected={key === value}>
          {word}
        </option>
      ))}
    </select>
  );
}

const priorityChoices: [Priority, string][] = [
  ["urgent", t.priority.urgent],
  ["high", t.priority.high],
  ["medium", t.priority.medium],
  ["low", t.priority.low],
];

function SearchField() {
  return (
    <label class="search">
      <Icon name="search" />
      <span class="visually-hidden">{t.filter.search}</span>
      <input
        id="search"
        type="search"
        autocomplete="off"
        placeholder={t.filter.search}
        value={search}
        onInput={(event: Event) => (search.value = (event.currentTarget as HTMLInputElement).value)}
      />
    </label>
  );
}

export function Toolbar() {
  const isList = view.value === "tasks";
  const put = (change: Partial<Filters>) => (filters.value = { ...filters.value, ...change });
  return (
    <div class="toolbar" role="search">
      <SearchField />
      {isList && (
        <Pick
          label={t.filter.status}
          value={filters.value.status}
          isSet={filters.value.status !== "open"}
          onPick={(status) => put({ status })}
          choices={[
            ["open", t.filter.open],
            ["pending", t.status.pending],
            ["in_progress", t.status.in_progress],
            ["completed", t.status.completed],
            ["all", t.filter.all],
          ]}
        />
      )}
      <Pick
        label={t.filter.priority}
        value={filters.value.priority}
        isSet={filters.value.priority !== "any"}
        onPick={(priority) => put({ priority })}
        choices={[["any", t.filter.any], ...priorityChoices]}
      />
      {isList && (
        <Pick
          label={t.sort.label}
          value={filters.value.sort}
          isSet={filters.value.sort !== "due"}
          onPick={(sort) => put({ sort })}
          choices={[
            ["due", t.sort.due],
            ["priority", t.sort.priority],
            ["newest", t.sort.newest],
            ["oldest", t.sort.oldest],
            ["title", t.sort.title],
            ["updated", t.sort.updated],
          ]}
        />
      )}
      {isFiltered.value && (
        <button
          class="link"
          onClick={() => {
            search.value = "";
            filters.value = { ...NO_FILTERS, sort: filters.value.sort };
          }}
        >
          {t.filter.clear}
        </button>
      )}
    </div>
  );
}

/** Shows how many hidden completed tasks match the search. */
export function HiddenMatches() {
  const count = hiddenMatches.value;
  return (
    <p class="also" role="status">
      {count > 0 && (
        <>
          {t.list.hidden(count)} ·
          <button class="link" onClick={showHiddenMatches}>
            {t.toast.show}
          </button>
        </>
      )}
    </p>
  );
}

/** Shows how many tasks are open, or were found. */
export function Count() {
  if (known.value === "nothing") {
    return <span class="left"></span>;
  }
  const text =
    isFiltered.value || view.value === "done"
      ? t.list.shown(shownCount.value)
      : t.list.left((view.value === "today" ? left.today : left.all).value);
  return (
    <span class="left" aria-live="off">
      {text}
    </span>
  );
}

/** Shows whether the server is reachable, and which writes are unsent or in conflict. */
export function NetState() {
  const [count, clashes] = [waiting.value, conflicts.value.length];
  const again = () => {
    retry();
    resume();
  };
  return (
    <div class="net">
      {clashes > 0 && (
        <button class="badge conflict" onClick={() => (reviewing.value = true)}>
          <Icon name="conflict" />
          {t.conflict.badge(clashes)}
        </button>
      )}
      {homeless.value > 0 && (!isOnline.value || count === 0) && (
        <span class="badge risk" role="status">
          <Icon name="conflict" />
          {t.net.homeless(homeless.value)}
        </span>
      )}
      {!isOnline.value && (
        <button class="badge offline" title={t.net.retry} onClick={again}>
          <Icon name="offline" />
          <span role="status">{t.net.waiting(count)}</span>
        </button>
      )}
    </div>
  );
}

/** Sets the due date of tasks. */
function setDue(keys: string[], name: string) {
  const today = localDay(now.peek());
  const days: Record<string, number | null> = {
    today,
    tomorrow: today + 1,
    week: nextWeek(today),
    none: null,
  };
  const day = days[name];
  if (typeof day === "number") {
    setDay(keys, day);
  } else if (day === null) {
    set(keys, { due_date: null });
  }
}

export function Bulk() {
  const keys = [...selection.value];
  if (keys.length === 0) {
    return null;
  }
  return (
    <section aria-label={t.bulk.label}>
      <div class="bulk" role="toolbar" aria-label={t.bulk.label}>
        <strong>{t.bulk.selected(keys.length)}</strong>
        <button
          onClick={() => {
            toggle(keys);
            selection.value = new Set();
          }}
        >
          <Icon name="done" />
          {view.value === "done" ? t.bulk.reopen : t.bulk.complete}
        </button>
        <Pick
          label={t.due.label}
          value=""
          onPick={(name) => setDue(keys, name)}
          choices={[
            ["", t.bulk.due],
            ["today", t.due.today],
            ["tomorrow", t.due.tomorrow],
            ["week", t.due.nextWeek],
            ["none", t.due.none],
          ]}
        />
        <Pick
          label={t.priority.label}
          value=""
          onPick={(priority) => priority && set(keys, { priority })}
          choices={[["", t.bulk.priority], ...priorityChoices]}
        />
        <button class="danger" onClick={() => removeAll(keys)}>
          <Icon name="trash" />
          {t.bulk.remove}
        </button>
        <button
          class="icon-button"
          aria-label={t.bulk.clear}
          onClick={() => (selection.value = new Set())}
        >
          <Icon name="close" />
        </button>
      </div>
    </section>
  );
}
