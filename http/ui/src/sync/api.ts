// Requests to `v1`: the bearer token, its renewal by one tab for all, and what went wrong as one
// kind of error.
import type { FieldProblem, User } from "../base/types";
import type { Signal } from "@preact/signals";
import { batch, signal } from "@preact/signals";
import { alone, pause } from "../base/lib";
import { t } from "../texts";

const PLACE = "taskwell.session";
const KNOWN = "taskwell.known";
/** The account whose session ended without its wish. */
const ENDED = "taskwell.ended";
const TIMEOUT_MS = 20_000;

/** What a login and a renewal answer. */
interface Tokens {
  access_token: string;
  refresh_token: string;
}

export type Session = { access: string; refresh: string; user: User };

/** Whether the server answered when it was last asked. */
export const isOnline = signal(navigator.onLine);

export const session: Signal<Session | null> = signal(stored());
/** Why there is none, where it was not the person's wish. */
export const ended = signal(session.peek() === null && hasEnded());

function stored(): Session | null {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "null") as Partial<Session> | null;
    return found?.access && found.refresh && found.user?.uuid ? (found as Session) : null;
  } catch {
    return null;
  }
}

function hasEnded() {
  try {
    return localStorage.getItem(ENDED) !== null;
  } catch {
    return false;
  }
}

/** Whether somebody has signed in here before. */
export function isKnown() {
  try {
    return localStorage.getItem(KNOWN) !== null;
  } catch {
    return false;
  }
}

export function keepSession(next: Session | null) {
  session.value = next;
  try {
    if (next) {
      localStorage.setItem(KNOWN, "yes");
      localStorage.removeItem(ENDED);
      localStorage.setItem(PLACE, JSON.stringify(next));
    } else {
      localStorage.removeItem(PLACE);
    }
  } catch (error) {
    console.warn("the session lasts as long as this tab:", error);
  }
}

/** Signs out here, in all tabs. */
export function endSession() {
  try {
    localStorage.removeItem(ENDED);
  } catch {
    // Then it is not there.
  }
  batch(() => {
    ended.value = false;
    keepSession(null);
  });
}

/** The server has ended the session: other tabs are to know that nobody signed out. */
function loseSession(account: string) {
  try {
    localStorage.setItem(ENDED, account);
  } catch (error) {
    console.warn("other tabs are not told why the session ended:", error);
  }
  batch(() => {
    ended.value = true;
    keepSession(null);
  });
}

// Another tab signed in, out, or renewed its tokens.
addEventListener("storage", (event) => {
  if (event.key === PLACE || event.key === ENDED || event.key === null) {
    batch(() => {
      session.value = stored();
      ended.value = session.value === null && hasEnded();
    });
  }
});

/** What the server refused, or that it did not answer (status 0). */
export class Refusal extends Error {
  readonly fields: FieldProblem[];
  /** The server's own words, in English. */
  readonly detail: string;
  /** Where to go on, if what was asked for is gone. */
  readonly cursor: string;

  constructor(
    readonly status: number,
    answer: unknown,
    readonly retryAfterSeconds: number,
  ) {
    const problem = (answer ?? {}) as Partial<ProblemDetails>;
    super(refusalWords(status, problem, retryAfterSeconds));
    this.fields = Array.isArray(problem.errors) ? problem.errors : [];
    this.detail = typeof problem.detail === "string" ? problem.detail : "";
    this.cursor = typeof problem.cursor === "string" ? problem.cursor : "";
  }

  /** What is wrong with a field. */
  of(field: string) {
    const problem = this.fields.find((one) => one.field === field);
    return problem ? problemWords(problem) : null;
  }
}

/** RFC 9457, as `v1` sends it. */
interface ProblemDetails {
  detail: string;
  errors: FieldProblem[];
  cursor: string;
}

const problemWords = ({ code, message }: FieldProblem) => t.server.problems[code] ?? message;

function refusalWords(status: number, problem: Partial<ProblemDetails>, retryAfterSeconds: number) {
  if (status === 0) {
    return t.errors.offline;
  }
  if (status === 429) {
    return t.errors.tooMany(retryAfterSeconds);
  }
  if (Array.isArray(problem.errors) && problem.errors.length > 0) {
    const named = ({ field }: FieldProblem) => t.server.fields[field] ?? field;
    return problem.errors.map((one) => t.errors.atField(named(one), problemWords(one))).join("; ");
  }
  const { detail } = problem;
  return typeof detail === "string" ? (t.server.details[detail] ?? detail) : t.errors.unknown;
}

/** `Retry-After` in seconds; proxies may name a moment instead. */
export function retryAfter(response: Response) {
  const said = response.headers.get("retry-after") ?? "";
  const seconds = /^\d+$/.test(said)
    ? Number(said)
    : Math.ceil((Date.parse(said) - Date.now()) / 1000);
  return seconds > 0 ? seconds : 1;
}

export type Options = {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  bare?: boolean;
};

/**
 * Asks the server. Network failures and refusals are thrown as `Refusal`. `path`: below `/api/v1`,
 * with its query.
 */
export async function call<T = unknown>(
  method: string,
  path: string,
  options: Options = {},
): Promise<{ data: T; headers: Headers }> {
  const response = await send(method, path, options);
  const text = response.status === 204 ? "" : await response.text().catch(() => "");
  let data: unknown = null;
  try {
    data = text === "" ? null : (JSON.parse(text) as unknown);
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  if (!response.ok) {
    throw new Refusal(response.status, data, retryAfter(response));
  }
  return { data: data as T, headers: response.headers };
}

/** The answer itself, once its session is sure. */
export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  const used = session.peek();
  const response = await reach(method, path, options, used?.access);
  if (response.status !== 401 || options.bare || !used) {
    return response;
  }
  const renewed = await renew(used);
  return renewed ? reach(method, path, options, renewed.access) : response;
}

async function reach(method: string, path: string, options: Options, token: string | undefined) {
  const headers = { ...options.headers };
  if (token && !options.bare) {
    headers["authorization"] = `Bearer ${token}`;
  }
  if (options.body !== undefined) {
    headers["content-type"] = "application/json";
  }
  const body = options.body === undefined ? null : JSON.stringify(options.body);
  try {
    const signal = options.signal ?? AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body,
      signal,
      cache: "no-store",
    });
    // A proxy that answers for a server that is away.
    isOnline.value = ![502, 504].includes(response.status);
    return response;
  } catch (error) {
    if (!(options.signal?.aborted ?? false)) {
      isOnline.value = false;
    }
    throw new Refusal(0, error, 1);
  }
}

/** New tokens for used ones; null where the session has ended. One tab does it for all. */
function renew(used: Session): Promise<Session | null> {
  return alone("taskwell-renewal", async () => {
    const now = stored() ?? session.peek();
    if (!now) {
      return null;
    }
    if (now.access !== used.access) {
      session.value = now;
      return now;
    }
    const response = await reach(
      "POST",
      "/auth/refresh",
      { body: { refresh_token: now.refresh }, bare: true },
      undefined,
    );
    if (response.ok) {
      const tokens = (await response.json()) as Tokens;
      const next = { ...now, access: tokens.access_token, refresh: tokens.refresh_token };
      keepSession(next);
      // What other tabs see of it lags; who has the lock next is to find it.
      await pause(50);
      return next;
    }
    if (response.status === 401) {
      // Unless another tab has signed out meanwhile; what this one sees of it lags.
      if (stored() !== null || !isKnown()) {
        loseSession(now.user.uuid);
      }
      return null;
    }
    // Busy, or a limit: the session may well live.
    throw new Refusal(response.status, null, retryAfter(response));
  });
}

/** Logs in and remembers it. */
export async function signIn(body: Record<string, string>) {
  const { data } = await call<Tokens>("POST", "/auth/login", { body, bare: true });
  const me = await call<User>("GET", "/users/me", {
    bare: true,
    headers: { authorization: `Bearer ${data.access_token}` },
  });
  batch(() => {
    ended.value = false;
    keepSession({ access: data.access_token, refresh: data.refresh_token, user: me.data });
  });
  return me.data;
}

/** What the page shows of the account, kept up to date. */
export function keepUser(user: User) {
  // Another tab may just have stored newer tokens.
  const now = stored() ?? session.peek();
  if (now && now.user.uuid === user.uuid) {
    keepSession({ ...now, user });
  }
}
