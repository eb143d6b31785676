// Requests to `v1`: the bearer token, its renewal by one tab on behalf of all, and a single error
// type.
import type { FieldProblem, User } from "../base/types";
import type { Signal } from "@preact/signals";
import { batch, signal } from "@preact/signals";
import { alone, pause } from "../base/lib";
import { t } from "../texts";

const PLACE = "taskwell.session";
const KNOWN = "taskwell.known";
/** The account whose session the server ended. */
const ENDED = "taskwell.ended";
const TIMEOUT_MS = 20_000;

/** The response to a login or a renewal. */
interface Tokens {
  access_token: string;
  refresh_token: string;
}

export type Session = { access: string; refresh: string; user: User };

/** Whether the server answered the last request. */
export const isOnline = signal(navigator.onLine);

export const session: Signal<Session | null> = signal(stored());
/** Whether the session is missing because the server ended it, not because the user signed out. */
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

/** Returns whether anybody has signed in from this browser before. */
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

/** Signs out all tabs of this browser. */
export function endSession() {
  try {
    localStorage.removeItem(ENDED);
  } catch {
    // Storage is unavailable, so there is nothing to remove.
  }
  batch(() => {
    ended.value = false;
    keepSession(null);
  });
}

/** Ends the session because the server did, and lets other tabs know that nobody signed out. */
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

/** An error response of the server, or no response at all (status 0). */
export class Refusal extends Error {
  readonly fields: FieldProblem[];
  /** The server's own message, in English. */
  readonly detail: string;
  /** The cursor to continue from if the requested one is gone (410). */
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

  /** Returns the problem with a field, or null. */
  of(field: string) {
    const problem = this.fields.find((one) => one.field === field);
    return problem ? problemWords(problem) : null;
  }
}

/** Problem details (RFC 9457) as `v1` sends them. */
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

/** Returns `Retry-After` in seconds. Proxies may send a date instead. */
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
 * Sends a request and parses the response. Network failures and error responses are thrown as
 * `Refusal`. `path` is relative to `/api/v1` and includes the query.
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
    // Not JSON: the response may be a proxy's error page.
  }
  if (!response.ok) {
    throw new Refusal(response.status, data, retryAfter(response));
  }
  return { data: data as T, headers: response.headers };
}

/** Sends a request and returns the raw response. Renews the session once on 401. */
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
    // A proxy sends these if it cannot reach the server.
    isOnline.value = ![502, 504].includes(response.status);
    return response;
  } catch (error) {
    if (!(options.signal?.aborted ?? false)) {
      isOnline.value = false;
    }
    throw new Refusal(0, error, 1);
  }
}

/**
 * Exchanges used tokens for new ones, in one tab for all. Returns null if the session has ended.
 */
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
      // Other tabs see the change late. The next holder of the lock must find the new tokens.
      await pause(50);
      return next;
    }
    if (response.status === 401) {
      // Unless another tab has signed out in the meantime, which this tab sees late.
      if (stored() !== null || !isKnown()) {
        loseSession(now.user.uuid);
      }
      return null;
    }
    // The server is busy or limits requests, so the session may still be valid.
    throw new Refusal(response.status, null, retryAfter(response));
  });
}

/** Logs in and stores the session. */
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

/** Stores the account's new details in the session. */
export function keepUser(user: User) {
  // Another tab may just have stored newer tokens.
  const now = stored() ?? session.peek();
  if (now && now.user.uuid === user.uuid) {
    keepSession({ ...now, user });
  }
}
