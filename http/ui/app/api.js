// Requests to `v1`: the bearer token, its renewal by one tab for all, and what went wrong as one kind of error.
import { alone, pause, signal } from "./lib.js";
import { t } from "./texts.js";

const PLACE = "taskwell.session";
const KNOWN = "taskwell.known";
const TIMEOUT_MS = 20_000;

/** @typedef {import("./types.d.ts").User} User */
/** @typedef {{ access: string, refresh: string, user: User }} Session */

/** Whether the server answered when it was last asked. */
export const isOnline = signal(navigator.onLine);

/** @type {import("@preact/signals").Signal<Session | null>} */
export const session = signal(stored());
/** Why there is none, where it was not the person's wish. */
export const ended = signal(false);

/** @returns {Session | null} */
function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "null");
    return found?.access && found?.refresh && found?.user?.uuid ? found : null;
  } catch {
    return null;
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

/** @param {Session | null} next */
export function keepSession(next) {
  session.value = next;
  try {
    if (next) {
      localStorage.setItem(KNOWN, "yes");
      localStorage.setItem(PLACE, JSON.stringify(next));
    } else {
      localStorage.removeItem(PLACE);
    }
  } catch (error) {
    console.warn("the session lasts as long as this tab:", error);
  }
}

// Another tab signed in, out, or renewed its tokens.
addEventListener("storage", (event) => {
  if (event.key === PLACE || event.key === null) {
    session.value = stored();
  }
});

/** What the server refused, or that it did not answer (status 0). */
export class Refusal extends Error {
  /** @param {number} status @param {any} problem @param {number} retryAfter seconds */
  constructor(status, problem, retryAfter) {
    super(refusalWords(status, problem, retryAfter));
    this.status = status;
    /** @type {import("./types.d.ts").FieldProblem[]} */
    this.fields = Array.isArray(problem?.errors) ? problem.errors : [];
    /** @type {string} */
    this.detail = typeof problem?.detail === "string" ? problem.detail : "";
    this.retryAfter = retryAfter;
    /** Where to go on, if what was asked for is gone. @type {string} */
    this.cursor = typeof problem?.cursor === "string" ? problem.cursor : "";
  }

  /** What is wrong with a field. @param {string} field */
  of(field) {
    return this.fields.find((problem) => problem.field === field)?.message ?? null;
  }
}

/** @param {number} status @param {any} problem @param {number} retryAfter */
function refusalWords(status, problem, retryAfter) {
  if (status === 0) {
    return t.errors.offline;
  }
  if (status === 429) {
    return t.errors.tooMany(retryAfter);
  }
  const fields = Array.isArray(problem?.errors) ? problem.errors : [];
  if (fields.length > 0) {
    return fields.map((/** @type {any} */ one) => `${one.field} ${one.message}`).join("; ");
  }
  return typeof problem?.detail === "string" ? problem.detail : t.errors.unknown;
}

/** `Retry-After` in seconds; proxies may name a moment instead. @param {Response} response */
export function retryAfter(response) {
  const said = response.headers.get("retry-after") ?? "";
  const seconds = /^\d+$/.test(said) ? Number(said) : Math.ceil((Date.parse(said) - Date.now()) / 1000);
  return seconds > 0 ? seconds : 1;
}

/** @typedef {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal, bare?: boolean }} Options */

/** Asks the server. Network failures and refusals are thrown as `Refusal`.
 * @param {string} method @param {string} path below `/api/v1`, with its query
 * @param {Options} options
 * @returns {Promise<{ data: any, headers: Headers }>} */
export async function call(method, path, options = {}) {
  const response = await send(method, path, options);
  const text = response.status === 204 ? "" : await response.text().catch(() => "");
  let data = null;
  try {
    data = text === "" ? null : JSON.parse(text);
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  if (!response.ok) {
    throw new Refusal(response.status, data, retryAfter(response));
  }
  return { data, headers: response.headers };
}

/** The answer itself, once its session is sure.
 * @param {string} method @param {string} path @param {Options} options
 * @returns {Promise<Response>} */
export async function send(method, path, options = {}) {
  const used = session.peek();
  const response = await reach(method, path, options, used?.access);
  if (response.status !== 401 || options.bare || !used) {
    return response;
  }
  const renewed = await renew(used);
  return renewed ? reach(method, path, options, renewed.access) : response;
}

/** @param {string} method @param {string} path @param {Options} options @param {string | undefined} token */
async function reach(method, path, options, token) {
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
    const response = await fetch(`/api/v1${path}`, { method, headers, body, signal, cache: "no-store" });
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

/** New tokens for used ones; null where the session has ended. One tab does it for all.
 * @param {Session} used
 * @returns {Promise<Session | null>} */
function renew(used) {
  return alone("taskwell-renewal", async () => {
    const now = stored() ?? session.peek();
    if (!now) {
      return null;
    }
    if (now.access !== used.access) {
      session.value = now;
      return now;
    }
    const response = await reach("POST", "/auth/refresh", { body: { refresh_token: now.refresh }, bare: true }, undefined);
    if (response.ok) {
      const tokens = await response.json();
      const next = { ...now, access: tokens.access_token, refresh: tokens.refresh_token };
      keepSession(next);
      // What other tabs see of it lags; who has the lock next is to find it.
      await pause(50);
      return next;
    }
    if (response.status === 401) {
      ended.value = true;
      keepSession(null);
      return null;
    }
    // Busy, or a limit: the session may well live.
    throw new Refusal(response.status, null, retryAfter(response));
  });
}

/** Logs in and remembers it. @param {Record<string, string>} body */
export async function signIn(body) {
  const { data } = await call("POST", "/auth/login", { body, bare: true });
  const me = await call("GET", "/users/me", { bare: true, headers: { authorization: `Bearer ${data.access_token}` } });
  ended.value = false;
  keepSession({ access: data.access_token, refresh: data.refresh_token, user: me.data });
  return /** @type {User} */ (me.data);
}

/** What the page shows of the account, kept up to date. @param {User} user */
export function keepUser(user) {
  // Another tab may just have stored newer tokens.
  const now = stored() ?? session.peek();
  if (now && now.user.uuid === user.uuid) {
    keepSession({ ...now, user });
  }
}
