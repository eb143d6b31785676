// Browser storage: pending writes of sessions that end, browsers that refuse to store anything, and
// the cached web app.
import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { becomes, offline, quickAdd, reload, row, settled, shown, signIn, stage, toast } from "./support.mjs";

const flow = stage();
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);

/** Collects the token renewals from now on. */
function renewals(page) {
  const seen = [];
  page.context().on("request", (request) => request.url().endsWith("/auth/refresh") && seen.push(request));
  return seen;
}

/** Changes the stored session. */
const tamper = (page, change) => page.evaluate((change) => {
  const session = JSON.parse(localStorage.getItem("taskwell.session"));
  localStorage.setItem("taskwell.session", JSON.stringify({ ...session, ...change }));
}, change);

/** Ends the session of a new account while these writes are pending. */
async function endedWith(stage, server, name, ...lines) {
  stage.expects(...offline, REFUSED(401));
  const person = await server.person(name);
  await person.add(`secret of ${name}`);
  const page = await stage.signedIn(person);
  await row(page, `secret of ${name}`).waitFor();
  await page.context().setOffline(true);
  await quickAdd(page, ...lines);
  await page.locator(".badge.offline", { hasText: `${lines.length} change` }).waitFor();
  assert.equal((await person.call("DELETE", "/users/me/sessions")).status, 204);
  await page.context().setOffline(false);
  await page.locator("#login").waitFor();
  return { page };
}

flow("an access token that is too old is renewed unseen, by one tab for all", async (stage, server) => {
  stage.expects(REFUSED(401));
  const person = await server.person("renewed");
  const one = await stage.signedIn(person);
  const two = await stage.tab(one);
  const asked = renewals(one);
  for (let round = 1; round <= 3; round += 1) {
    // Otherwise the second tab might start a renewal just before it is reloaded.
    await two.goto("about:blank");
    await tamper(one, { access: `too old ${round}` });
    await Promise.all([reload(one), two.goto(one.url())]);
    await Promise.all([quickAdd(one, `one ${round}`), quickAdd(two, `two ${round}`)]);
    await Promise.all([settled(one), settled(two)]);
    await row(one, `two ${round}`).waitFor();
    await row(two, `one ${round}`).waitFor();
    assert.equal(asked.length, round);
  }
  assert.deepEqual(await person.titles(), ["one 1", "one 2", "one 3", "two 1", "two 2", "two 3"]);
  assert.equal(await one.locator(".toast.error").count(), 0);
});

flow("a renewal whose answer is lost ends nothing", async (stage, server) => {
  stage.expects(...offline, REFUSED(401));
  const page = await stage.signedIn(await server.person("unanswered"));
  await tamper(page, { access: "too old" });
  let isLost = false;
  await page.context().route("**/api/v1/auth/refresh", async (route) => {
    const response = await route.fetch();
    if (isLost) {
      return route.fulfill({ response });
    }
    isLost = true;
    return route.abort("connectionreset");
  });
  await reload(page);
  await quickAdd(page, "goes on");
  await settled(page);
  assert.ok(isLost);
  assert.equal(await page.locator("#login").count(), 0);
});

flow("a session that has ended says how many changes wait, and sends them after the next sign-in", async (stage, server) => {
  const { page } = await endedWith(stage, server, "ended", "first", "second");
  await page.getByText("Your session has ended. Sign in again: 2 changes wait to be sent.").waitFor();
  assert.ok(!(await page.content()).includes("secret of"));
  await signIn(page, "ended");
  await row(page, "second").waitFor();
  await settled(page);
  assert.deepEqual(await (await server.login("ended")).titles(), ["first", "second", "secret of ended"]);
});

flow("somebody else who signs in sees nothing of the first one, and sends nothing of theirs", async (stage, server) => {
  const other = await server.person("other");
  await other.add("of the other");
  const { page } = await endedWith(stage, server, "first", "waits for first");
  await page.evaluate(() => {
    window.everSeen = "";
    new MutationObserver(() => (window.everSeen += document.body.innerText)).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
  });
  await page.locator("#login").fill("other");
  await signIn(page, "other");
  await row(page, "of the other").waitFor();
  await quickAdd(page, "also of the other");
  await settled(page);
  const seen = await page.evaluate(() => window.everSeen);
  assert.ok(seen.includes("also of the other"), "the observer works");
  assert.doesNotMatch(seen, /.{0,80}(secret of|waits for) first.{0,80}/s);
  assert.deepEqual((await shown(page)).sort(), ["also of the other", "of the other"]);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await signIn(page, "first");
  await row(page, "waits for first").waitFor();
  await settled(page);
  assert.deepEqual(await (await server.login("first")).titles(), ["secret of first", "waits for first"]);
  assert.ok((await other.titles()).every((title) => title.endsWith("of the other")));
});

flow("what waits is not sent as somebody else who signs in in another tab", async (stage, server) => {
  stage.expects(...offline);
  await server.person("next");
  const person = await server.person("slowly");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  const two = await stage.tab(page);
  let answer = () => {};
  const held = new Promise((done) => (answer = done));
  await page.context().route("**/api/v1/tasks", async (route) => {
    await held;
    await route.continue();
  });
  await quickAdd(page, "one", "two", "three");
  const { access, refresh, user } = await two.evaluate(async (password) => {
    const ask = async (path, options) => (await fetch(`/api/v1${path}`, options)).json();
    const tokens = await ask("/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ username: "next", password }) });
    const user = await ask("/users/me", { headers: { authorization: `Bearer ${tokens.access_token}` } });
    return { access: tokens.access_token, refresh: tokens.refresh_token, user };
  }, "analytical engine 1843");
  await tamper(two, { access, refresh, user });
  await page.locator(".who", { hasText: "next" }).waitFor();
  answer();
  await page.getByText("A clear list").waitFor();
  await quickAdd(page, "of the next");
  await settled(page);
  const next = await server.login("next");
  await becomes(["of the next"], () => next.titles());
  assert.deepEqual(await shown(page), ["of the next"]);
});

flow("signing out with changes that wait asks first", async (stage, server) => {
  stage.expects(...offline, /was not told of the sign-out/);
  const person = await server.person("asked");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  await page.context().setOffline(true);
  await quickAdd(page, "not sent");
  await page.locator(".badge.offline", { hasText: "1 change waits" }).waitFor();
  const out = page.getByRole("button", { name: "Sign out", exact: true });
  const question = page.getByRole("alertdialog", { name: "Sign out and lose changes?" });
  for (const answer of ["Cancel", "Sign out"]) {
    await out.click();
    await question.getByText("1 change has not been sent yet and will be lost.").waitFor();
    await row(page, "not sent").waitFor();
    await question.getByRole("button", { name: answer, exact: true }).click();
    await question.waitFor({ state: "detached" });
  }
  await page.locator("#login").waitFor();
  await page.context().setOffline(false);
  await signIn(page, "asked");
  await page.getByText("A clear list").waitFor();
  assert.deepEqual(await person.titles(), []);
});

flow("signing out with a conflict that is not decided asks first", async (stage, server) => {
  stage.expects(...offline, REFUSED(412));
  const person = await server.person("undecided");
  const task = await person.add("both");
  const page = await stage.signedIn(person);
  await row(page, "both").waitFor();
  await page.context().setOffline(true);
  await row(page, "both").click();
  await page.locator(".title-field").fill("here");
  await page.locator(".title-field").press("Enter");
  await person.call("PATCH", `/tasks/${task.uuid}`, { title: "there" });
  await page.context().setOffline(false);
  await page.locator(".badge.conflict").waitFor();
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Cancel" }).click();
  await row(page, "here").waitFor();
});

flow("another account starts without the search and the filters of the last one", async (stage, server) => {
  stage.expects(REFUSED(401), /the stream of changes broke/);
  const other = await server.person("startsclean");
  await other.add("theirs");
  const names = ["signsout", "isended"];
  for (const name of names) {
    const person = await server.person(name);
    await person.add("mine");
    const page = await stage.signedIn(person, { path: "/?q=mine&show=all&priority=medium&sort=title" });
    await row(page, "mine").waitFor();
    if (name === "signsout") {
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
    } else {
      await person.call("DELETE", "/users/me/sessions");
      await page.reload();
    }
    await page.locator("#login").waitFor();
    await signIn(page, "startsclean");
    await row(page, "theirs").waitFor();
    await becomes(["", "open", "any", "due"], () => page.evaluate(() => [...document.querySelectorAll(".toolbar input, .toolbar select")].map((field) => field.value)));
    await becomes("", () => page.evaluate(() => location.search));
  }
});

const REFUSALS = {
  "IndexedDB that does not open": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("not here", "SecurityError");
    };
  },
  "IndexedDB that is full": () => {
    IDBObjectStore.prototype.put = IDBObjectStore.prototype.add = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
};
for (const [what, refuse] of Object.entries(REFUSALS)) {
  flow(`with ${what} the page works online, and says so once`, async (stage, server) => {
    stage.expects(...offline, REFUSED(401), /nothing is kept offline/, /did not keep a change/);
    const person = await server.person(`refused${what.length}`);
    await person.add("there");
    const context = await stage.device();
    await context.addInitScript(refuse);
    const page = await stage.window(context);
    await page.goto(`${server.url}/app/sign-in`);
    await signIn(page, person.name);
    const said = toast(page, "This browser keeps nothing more");
    await said.waitFor();
    assert.equal(await said.count(), 1);
    await said.getByRole("button", { name: "Dismiss" }).click();
    await quickAdd(page, "made");
    await row(page, "there").click();
    await page.locator(".title-field").fill("changed");
    await page.locator(".title-field").press("Enter");
    await settled(page);
    await becomes(["changed", "made"], () => person.titles());
    // While the tab is open, it holds the pending writes, even for the next sign-in.
    await context.setOffline(true);
    await quickAdd(page, "waits");
    await page.locator(".badge.offline", { hasText: "1 change waits" }).waitFor();
    await person.call("DELETE", "/users/me/sessions");
    await context.setOffline(false);
    await page.getByText("1 change waits to be sent.").waitFor();
    await signIn(page, person.name);
    await row(page, "waits").waitFor();
    await settled(page);
    await becomes(["changed", "made", "waits"], async () => (await server.login(person.name)).titles());
    assert.equal(await said.count(), 0);
  });
}

flow("tasks that did not fit are read again after the next start", async (stage, server) => {
  stage.expects(/did not keep a change/);
  const person = await server.person("fits");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  await page.evaluate(() => {
    const { put } = IDBObjectStore.prototype;
    window.fits = () => (IDBObjectStore.prototype.put = put);
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  await person.add("did not fit");
  await row(page, "did not fit").waitFor();
  await toast(page, "This browser keeps nothing more").waitFor();
  await page.evaluate(() => window.fits());
  await person.add("fits");
  await row(page, "fits").waitFor();
  await page.waitForFunction(async () => {
    const [{ name }] = await indexedDB.databases();
    const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (event) => done(event.target.result)));
    const all = await new Promise((done) => (db.transaction("tasks").objectStore("tasks").getAll().onsuccess = (event) => done(event.target.result)));
    db.close();
    return all.some((task) => task.title === "fits");
  });
  await reload(page);
  await row(page, "fits").waitFor();
  await row(page, "did not fit").waitFor();
});

flow("with localStorage refused the session lasts as long as the tab", async (stage, server) => {
  stage.expects(/the session lasts as long as this tab/, REFUSED(401));
  const person = await server.person("tabonly");
  const context = await stage.device();
  await context.addInitScript(() => {
    Object.defineProperty(window, "localStorage", { get() {
      throw new DOMException("not here", "SecurityError");
    } });
  });
  const page = await stage.window(context);
  await page.goto(`${server.url}/app/sign-in`);
  await signIn(page, "tabonly");
  await quickAdd(page, "works");
  await settled(page);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await page.getByRole("link", { name: "Board" }).click();
  await page.locator(".card", { hasText: "works" }).waitFor();
  assert.deepEqual(await person.titles(), ["works"]);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.locator("#login").waitFor();
});

/**
 * Starts a proxy that changes the body of one response. Playwright cannot intercept the browser's
 * request for a new version of the worker.
 */
async function passing(server, path, change) {
  const proxy = createServer((asked, answer) => {
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const onward = request(server.url + asked.url, { method: asked.method, headers }, async (given) => {
      if (asked.url !== path) {
        answer.writeHead(given.statusCode, given.headers);
        given.pipe(answer);
        return;
      }
      const { "content-length": _, ...rest } = given.headers;
      answer.writeHead(given.statusCode, rest).end(change(Buffer.concat(await given.toArray()).toString()));
    });
    onward.on("error", () => answer.destroy());
    answer.on("close", () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((done) => proxy.listen(0, "localhost", done));
  return { url: `http://localhost:${proxy.address().port}`, close: () => (proxy.close(), proxy.closeAllConnections()) };
}

flow("a new version is offered, and takes over when it is told to", async (stage, server) => {
  stage.expects(...offline);
  await server.person("newer");
  let isNew = false;
  const proxy = await passing(server, "/assets/sw.js", (text) => (isNew ? text.replace(/const PLACE = ".*"/, 'const PLACE = "/assets/newer"') : text));
  try {
    const page = await stage.window(await stage.device());
    await page.goto(`${proxy.url}/app/sign-in`);
    await signIn(page, "newer");
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    isNew = true;
    await reload(page);
    await toast(page, "A new version of Taskwell is ready").waitFor();
    await quickAdd(page, "before the new one");
    await settled(page);
    await row(page, "before the new one").getByRole("checkbox").click();
    await toast(page, "completed").waitFor();
    await page.evaluate(() => (window.isOld = true));
    await page.getByRole("button", { name: "Reload" }).click();
    await page.waitForFunction(() => window.isOld === undefined && document.querySelector(".nav"));
    await becomes(["/assets/newer"], () => page.evaluate(() => caches.keys()));
    await page.goto(`${proxy.url}/app/done`);
    await row(page, "before the new one").waitFor();
    assert.equal(await page.locator(".toast").count(), 0);
  } finally {
    proxy.close();
  }
});
