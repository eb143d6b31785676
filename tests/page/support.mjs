// Support for the browser tests: a real server in its own folder, accounts created over the API,
// and a browser whose unexpected console messages fail the test.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

// The tests and the browser use the same time zone.
process.env.TZ = "Europe/Vienna";

export const PASSWORD = "analytical engine 1843";
/** Chromium's messages while the server is unreachable. */
export const AWAY = /net::ERR_(INTERNET_DISCONNECTED|CONNECTION_REFUSED|CONNECTION_RESET|FAILED|EMPTY_RESPONSE|NETWORK_CHANGED|INCOMPLETE_CHUNKED_ENCODING)/;
/** The web app's message in that case. */
const BROKE = /the stream of changes broke/;

/** A server in its own temporary folder. */
export class Server {
  constructor(settings = {}) {
    this.folder = mkdtempSync(join(tmpdir(), "taskwell-page-"));
    this.env = { PATH: process.env.PATH, BCRYPT_COST: "4", RATE_LIMITS: "off", RUST_LOG: "warn", ...settings };
    this.port = "0";
    this.printed = "";
  }

  static async start(settings = {}) {
    const server = new Server(settings);
    await server.start();
    return server;
  }

  /** Starts the server, on the previous port if there is one. */
  async start() {
    this.child = spawn(process.env.TASKWELL, ["--port", this.port], { cwd: this.folder, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.on("data", (text) => (this.printed += text));
    const lines = createInterface({ input: this.child.stdout });
    this.ended = new Promise((done) => this.child.once("exit", done));
    const url = await new Promise((done, fail) => {
      lines.on("line", (line) => {
        this.printed += `${line}\n`;
        const found = line.match(/^Taskwell listens on (http:.*)$/);
        if (found) {
          done(found[1]);
        }
      });
      this.child.once("exit", () => fail(new Error(`the server did not start: ${this.printed}`)));
    });
    this.port = new URL(url).port;
    // Use the host name, because browsers trust localhost as they trust HTTPS.
    this.url = `http://localhost:${this.port}`;
  }

  /** @param {NodeJS.Signals} signal */
  async stop(signal = "SIGTERM") {
    this.child.kill(signal);
    await this.ended;
  }

  async end() {
    await this.stop("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of the command line while the server runs. */
  command(...args) {
    const done = spawnSync(process.env.TASKWELL, args, { cwd: this.folder, env: this.env, encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  }

  /** Sends one request to `v1`. */
  async api(method, path, { body, token, headers = {} } = {}) {
    const all = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers };
    const response = await fetch(`${this.url}/api/v1${path}`, { method, headers: all, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, data: text === "" ? null : JSON.parse(text) };
  }

  /** Creates an account and logs in. */
  async person(name) {
    const email = `${name}@example.org`;
    const made = await this.api("POST", "/auth/signup", { body: { email, username: name, password: PASSWORD } });
    assert.equal(made.status, 201, JSON.stringify(made.data));
    return this.login(name);
  }

  async login(name, password = PASSWORD, more = {}) {
    const { status, data } = await this.api("POST", "/auth/login", { body: { username: name, password, ...more } });
    assert.equal(status, 200, JSON.stringify(data));
    return new Person(this, name, data.access_token, data.refresh_token);
  }
}

/** An account and its API requests, which bypass the web app. */
export class Person {
  constructor(server, name, token, refresh) {
    Object.assign(this, { server, name, token, refresh, email: `${name}@example.org` });
  }

  async call(method, path, body, headers) {
    return this.server.api(method, path, { body, token: this.token, headers });
  }

  async add(title, more = {}) {
    const { status, data } = await this.call("POST", "/tasks", { title, ...more });
    assert.equal(status, 201, JSON.stringify(data));
    return data;
  }

  /** Adds many tasks in parallel. */
  async addAll(tasks) {
    const rest = [...tasks];
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let task = rest.shift(); task; task = rest.shift()) {
        await this.add(task.title, task);
      }
    }));
  }

  async tasks() {
    return (await this.call("GET", "/tasks")).data;
  }

  /** Returns the titles of all tasks in alphabetical order. */
  async titles() {
    return (await this.tasks()).map((task) => task.title).sort();
  }

  async task(title) {
    const found = (await this.tasks()).filter((task) => task.title === title);
    assert.equal(found.length, 1, `${found.length} tasks are called ${title}`);
    return found[0];
  }
}

/** Waits until a condition holds. */
export async function until(what, holds, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const found = await holds();
    if (found) {
      return found;
    }
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Waits until an expression has the wanted value. */
export async function becomes(wanted, read, ms = 10_000) {
  const end = Date.now() + ms;
  let found;
  do {
    found = await read();
    try {
      assert.deepEqual(found, wanted);
      return;
    } catch {
      await new Promise((done) => setTimeout(done, 25));
    }
  } while (Date.now() < end);
  assert.deepEqual(found, wanted);
}

/** Reloads the page once the view's own history entry is current. */
export async function reload(page) {
  const isThere = () => !history.state?.isOver || document.querySelector(".editor, dialog[open], .nav.open") !== null;
  await until("the browser is back at the view", () => page.evaluate(isThere));
  await page.reload();
}

/** Returns an authenticator's code (RFC 6238) for a base32 key. */
export function totp(secret, at = Date.now()) {
  const bits = [...secret.replace(/[\s=]/g, "").toUpperCase()].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const from = hash[19] & 15;
  return String((hash.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** The browser contexts and console messages of one test. */
class Stage {
  constructor(browser, server) {
    Object.assign(this, { browser, server, contexts: [], complaints: [], expected: [] });
  }

  /** Declares console messages that the test expects. */
  expects(...patterns) {
    this.expected.push(...patterns);
  }

  /** Opens a browser context with its own cookies, storage and settings. */
  async device(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1200, height: 800 }, locale: "en-GB", timezoneId: "Europe/Vienna", ...options });
    context.setDefaultTimeout(15_000);
    this.contexts.push(context);
    return context;
  }

  /** Opens a page that records its console messages and errors. */
  async window(context) {
    const page = await context.newPage();
    await page.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
    const complain = (text) => this.complaints.push(text);
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complain(`${message.type()}: ${message.text()} @ ${message.location().url}`));
    page.on("pageerror", (error) => complain(`uncaught: ${error.stack}`));
    page.on("crash", () => complain("the tab crashed"));
    return page;
  }

  /** Signs in on a new device and opens `path`. */
  async signedIn(person, { path = "/", ...options } = {}) {
    const page = await this.window(await this.device(options));
    await page.goto(`${this.server.url}/app/sign-in`);
    await signIn(page, person.name);
    if (path !== "/") {
      await page.goto(this.server.url + path);
    }
    await page.locator(".nav").waitFor();
    return page;
  }

  /** Opens another tab on the same device. */
  async tab(page, path = "/") {
    const other = await this.window(page.context());
    await other.goto(this.server.url + path);
    await other.locator(".nav").waitFor();
    return other;
  }

  check() {
    const wrong = this.complaints.filter((text) => !this.expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(wrong, [], "the browser complained");
  }

  async close() {
    await Promise.all(this.contexts.map((context) => context.close()));
  }
}

/** Declares the tests of a file, which share one server and one browser.
 * @returns {(name: string, work: (stage: Stage, server: Server) => Promise<void>) => void} */
export function stage(settings = {}) {
  let browser, server;
  before(async () => {
    server = await Server.start(settings);
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    await server?.end();
  });
  return (name, work) => test(name, { timeout: 120_000 }, async () => {
    const own = new Stage(browser, server);
    try {
      await work(own, server);
      own.check();
    } catch (error) {
      const pages = own.contexts.flatMap((context) => context.pages());
      if (process.env.SHOTS) {
        await Promise.all(pages.map((page, i) => page.screenshot({ path: join(process.env.SHOTS, `${name.replace(/\W+/g, "-")}-${i}.png`) }).catch(() => {})));
      }
      if (own.complaints.length > 0 && !String(error.message).includes("complained")) {
        error.message += `\nthe browser said: ${own.complaints.join("\n")}`;
      }
      throw error;
    } finally {
      await own.close();
    }
  });
}

export async function signIn(page, name, password = PASSWORD) {
  await page.locator("#login").fill(name);
  await page.locator("#password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator(".nav").waitFor();
}

/** Adds tasks by quick add. */
export async function quickAdd(page, ...lines) {
  for (const line of lines) {
    await page.locator("#add").fill(line);
    await page.locator("#add").press("Enter");
    await page.waitForFunction(() => document.querySelector("#add").value === "");
  }
}

/** Returns the visible titles from top to bottom. */
export const shown = (page) => page.locator(".list .row.task .text").allInnerTexts();
/** Returns the list as text: headings in brackets, followed by their titles. */
export const outline = (page) => page.evaluate(() => [...document.querySelectorAll(".list > .head, .list > .task")]
  .filter((row) => !row.classList.contains("probe"))
  .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
  .map((row) => (row.matches(".head") ? `[${row.querySelector("h2").innerText.replace(/\s+\d[\d,.]*$/, "")}]` : row.querySelector(".text").innerText)));
export const row = (page, title) => page.locator(".list .row.task", { has: page.getByText(title, { exact: true }) });
export const card = (page, title) => page.locator(".card", { has: page.getByText(title, { exact: true }) });
export const toast = (page, text) => page.locator(".toast", { hasText: text });
/** Waits until the server has all changes. */
export const settled = (page) => page.waitForFunction(() => document.querySelectorAll(".mark.waiting").length === 0);
/** The console messages while the server is unreachable or shutting down. */
export const offline = [AWAY, BROKE, /status of 503/];
/** Sets the page's clock and lets the web app notice. */
export async function clock(page, time) {
  await page.clock.setFixedTime(time);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
}
/** Opens the editor of a task. */
export async function edit(page, title) {
  await row(page, title).click();
  await page.locator(".editor .title-field").waitFor();
  return page.locator(".editor");
}
