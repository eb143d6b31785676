// Administration: users and the audit log. Everybody can read their own audit entries.
import type { User } from "../base/types";
import { call, session } from "../sync/api";
import { useEffect, useState } from "preact/hooks";
import { t } from "../texts";
import { dateWords, momentWords } from "../base/when";
import { Problem, asked } from "./forms";
import { Refusal } from "../sync/api";

const a = t.admin;

/** Reads a list page by page. */
function usePages<T>(path: string) {
  const [items, setItems] = useState([] as T[]);
  const [next, setNext] = useState(null as string | null);
  const [refusal, setRefusal] = useState(null as Refusal | null);
  const [isRead, setRead] = useState(false);
  const read = async (from: string, before: T[]) => {
    try {
      const { data, headers } = await call<T[]>("GET", from);
      setItems([...before, ...data]);
      const target = headers.get("link")?.match(/<([^>]+)>\s*;\s*rel="?next"?/)?.[1];
      const url = target ? new URL(target, location.origin) : null;
      setNext(url ? url.pathname.replace(/^\/api\/v1/, "") + url.search : null);
      setRefusal(null);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      setRefusal(error);
    }
    setRead(true);
  };
  useEffect(() => {
    const timer = setTimeout(() => void read(path, []), isRead ? 200 : 0);
    return () => clearTimeout(timer);
  }, [path]);
  return {
    items,
    refusal,
    isRead,
    more: next === null ? null : () => void read(next, items),
    again: () => read(path, []),
  };
}

type AccountChange = "makeAdmin" | "makeUser" | "deactivate" | "activate";
const changes: Record<AccountChange, Partial<User>> = {
  makeAdmin: { role: "admin" },
  makeUser: { role: "user" },
  deactivate: { is_active: false },
  activate: { is_active: true },
};

/** Returns the confirmation for a change of an account. */
function questionOf(user: User, change: AccountChange) {
  const account = `${user.username} (${user.email})`;
  return { title: `${a[change]}?`, text: t.ask[change](account), yes: a[change] };
}

export function People() {
  const [words, setWords] = useState("");
  const pages = usePages<User>(
    `/users?limit=50${words.trim() ? `&q=${encodeURIComponent(words.trim())}` : ""}`,
  );
  const me = session.value?.user;
  const change = (user: User, change: AccountChange) =>
    asked(questionOf(user, change), async () => {
      await call("PATCH", `/users/${user.id}`, { body: changes[change] });
      await pages.again();
    });
  return (
    <div class="page">
      <h1>{a.people}</h1>
      <label class="search">
        <span class="visually-hidden">{a.search}</span>
        <input
          type="search"
          placeholder={a.search}
          value={words}
          onInput={(event: Event) => setWords((event.currentTarget as HTMLInputElement).value)}
        />
      </label>
      <Problem refusal={pages.refusal} text={pages.refusal?.status === 403 ? a.denied : null} />
      {pages.isRead && pages.items.length === 0 && !pages.refusal && (
        <p class="nothing">{a.none}</p>
      )}
      <ul class="cards-list">
        {pages.items.map((user) => (
          <li key={user.id} class={user.is_active ? "" : "inactive"}>
            <div>
              <strong>{user.name ?? user.username}</strong>{" "}
              {user.role === "admin" && <span class="tag">{a.admin}</span>}{" "}
              {!user.is_active && <span class="tag off">{a.inactive}</span>}{" "}
              {user.uuid === me?.uuid && <span class="tag">{a.you}</span>}
              <small>
                {user.username} · {user.email} · {a.joined(dateWords(user.created_at))}
              </small>
            </div>
            {user.uuid !== me?.uuid && (
              <span class="buttons">
                {[
                  user.role === "admin" ? ("makeUser" as const) : ("makeAdmin" as const),
                  user.is_active ? ("deactivate" as const) : ("activate" as const),
                ].map((name) => (
                  <button class="quiet" key={name} onClick={change(user, name)}>
                    {a[name]}
                  </button>
                ))}
              </span>
            )}
          </li>
        ))}
      </ul>
      {pages.more && <button onClick={pages.more}>{a.more}</button>}
    </div>
  );
}

export type Entry = {
  id: number;
  at: string;
  action: string;
  actor_id: number | null;
  user_id: number | null;
  client: string | null;
  detail: string | null;
};

export function Audit() {
  const pages = usePages<Entry>("/audit?limit=50");
  return (
    <div class="page wide">
      <h1>{a.audit}</h1>
      <Problem refusal={pages.refusal} />
      {pages.isRead && pages.items.length === 0 && !pages.refusal && (
        <p class="nothing">{a.noEntries}</p>
      )}
      <div class="table" tabindex={0} role="region" aria-label={a.audit}>
        <table>
          <thead>
            <tr>
              <th>{a.when}</th>
              <th>{a.what}</th>
              <th>{a.whom}</th>
              <th>{a.who}</th>
              <th>{a.from}</th>
            </tr>
          </thead>
          <tbody>
            {pages.items.map((entry) => (
              <tr key={entry.id}>
                <td>{momentWords(entry.at)}</td>
                <td>
                  {a.actions[entry.action] ?? entry.action.replaceAll("_", " ")}
                  {entry.detail && <small> {entry.detail}</small>}
                </td>
                <td>{entry.user_id ?? "–"}</td>
                <td>{entry.actor_id ?? "–"}</td>
                <td>{entry.client ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {pages.more && <button onClick={pages.more}>{a.more}</button>}
    </div>
  );
}
