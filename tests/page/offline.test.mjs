// Connection loss, server restarts and crashes, and closed tabs: each action takes effect exactly
// once.
import assert from "node:assert/strict";
import { AWAY, becomes, offline, quickAdd, reload, row, settled, shown, stage, toast, until } from "./support.mjs";

const flow = stage();
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);

/** Returns the tasks or the pending writes in the browser's storage. */
const kept = (page, shelf) => page.evaluate(async (name) => {
  const [{ name: database }] = await indexedDB.databases();
  const asked = (request) => new Promise((done, fail) => Object.assign(request, { onsuccess: () => done(request.result), onerror: () => fail(request.error) }));
  const db = await asked(indexedDB.open(database));
  const found = await asked(db.transaction(name).objectStore(name).getAll());
  db.close();
  return found.map((one) => one.title ?? one.body.title ?? one.kind);
}, shelf);

/** Waits until the page can open offline with these tasks. */
async function keeps(page, ...titles) {
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await becomes(titles.toSorted(), async () => (await kept(page, "tasks")).sort());
}

async function edit(page, title, text) {
  await row(page, title).click();
  await page.locator(".title-field").fill(text);
}

/** Advances the clock past the time in which a deletion can be undone. */
const hurry = (page) => page.evaluate(() => {
  const real = Date.now.bind(Date);
  Date.now = () => real() + 10_000;
  dispatchEvent(new Event("online"));
});

flow("offline, the page opens, reads and writes, and a reload keeps the queue", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("away");
  await person.addAll([{ title: "read" }, { title: "change" }, { title: "finish" }]);
  const page = await stage.signedIn(person);
  await row(page, "read").waitFor();
  await keeps(page, "read", "change", "finish");
  await page.context().setOffline(true);
  await page.goto(`${server.url}/app/board`);
  await page.locator(".card", { hasText: "read" }).waitFor();
  await page.goto(server.url);
  await row(page, "read").waitFor();
  assert.deepEqual((await shown(page)).sort(), ["change", "finish", "read"]);
  await quickAdd(page, "write", "write more tomorrow !high");
  await edit(page, "change", "changed");
  await page.locator(".title-field").press("Enter");
  await row(page, "finish").getByRole("checkbox").click();
  await page.locator(".badge.offline", { hasText: "4 changes wait" }).waitFor();
  await becomes(4, async () => (await kept(page, "queue")).length);
  await reload(page);
  await page.locator(".badge.offline", { hasText: "4 changes wait" }).waitFor();
  assert.deepEqual((await shown(page)).sort(), ["changed", "read", "write", "write more"]);
  assert.deepEqual(await person.titles(), ["change", "finish", "read"]);
  await page.context().setOffline(false);
  await settled(page);
  await page.locator(".badge.offline").waitFor({ state: "detached" });
  await becomes(["changed", "finish", "read", "write", "write more"], () => person.titles());
  await becomes([], () => kept(page, "queue"));
  assert.equal((await person.task("finish")).status, "completed");
  assert.equal((await person.task("write more")).priority, "high");
});

flow("tasks that are made, changed and deleted offline come to what they were in the end", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("made");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  await page.context().setOffline(true);
  await quickAdd(page, "first", "second", "third");
  await edit(page, "first", "first, changed");
  await page.locator(".title-field").press("Enter");
  await row(page, "second").getByRole("checkbox").click();
  await row(page, "third").getByRole("button", { name: /^Delete/ }).click();
  await page.locator(".badge.offline", { hasText: "6 changes wait" }).waitFor();
  await hurry(page);
  await page.context().setOffline(false);
  await becomes([], () => kept(page, "queue"));
  assert.deepEqual(await person.titles(), ["first, changed", "second"]);
  assert.equal((await person.task("second")).status, "completed");
  await becomes(["first, changed"], () => shown(page));
});

flow("what is being typed when the tab goes away is kept", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("leaving");
  await person.add("title");
  const page = await stage.signedIn(person);
  await row(page, "title").waitFor();
  await keeps(page, "title");
  await page.context().setOffline(true);
  await edit(page, "title", "title, half ty");
  await page.goto("about:blank");
  await page.close();
  const other = await stage.tab({ context: () => stage.contexts[0] });
  await row(other, "title, half ty").waitFor();
  await quickAdd(other, "the last word");
  await other.close();
  await stage.contexts[0].setOffline(false);
  const third = await stage.tab({ context: () => stage.contexts[0] });
  await row(third, "the last word").waitFor();
  await becomes(["the last word", "title, half ty"], () => person.titles());
});

flow("what is typed while the server is stopped is kept, and sent when it starts again", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("stopped");
  await person.add("before");
  const page = await stage.signedIn(person);
  await edit(page, "before", "typed in the");
  await server.stop();
  await page.locator(".title-field").pressSequentially(" editor");
  await page.locator(".title-field").press("Enter");
  await row(page, "typed in the editor").waitFor();
  await page.locator("#add").pressSequentially("typed above the list");
  await page.keyboard.press("Enter");
  await page.locator(".badge.offline", { hasText: "2 changes wait" }).waitFor();
  await reload(page);
  await row(page, "typed above the list").waitFor();
  await server.start();
  // The page also retries by itself and may be faster than the click.
  const badge = page.locator(".badge.offline");
  await Promise.any([badge.click(), badge.waitFor({ state: "detached" })]);
  await settled(page);
  await becomes(["typed above the list", "typed in the editor"], () => person.titles());
});

flow("a server that is killed amid writes loses none, and does none twice", async (stage, server) => {
  stage.expects(...offline, REFUSED(409));
  const person = await server.person("killed");
  const page = await stage.signedIn(person);
  const lines = Array.from({ length: 90 }, (_, i) => `task ${String(i).padStart(2, "0")}`);
  const adding = quickAdd(page, ...lines);
  for (const count of [10, 30, 50]) {
    await until(`${count} tasks have arrived`, async () => (await person.titles()).length >= count);
    await server.stop("SIGKILL");
    await server.start();
    await page.evaluate(() => dispatchEvent(new Event("online")));
  }
  await adding;
  await becomes(lines, () => person.titles(), 20_000);
  await becomes([], () => kept(page, "queue"));
  await becomes(90, async () => Number((await page.locator(".left").innerText()).match(/\d+/)[0]));
});

flow("an answer that is lost doubles nothing", async (stage, server) => {
  stage.expects(AWAY);
  const person = await server.person("lost");
  await person.addAll([{ title: "change" }, { title: "drop" }]);
  const page = await stage.signedIn(person);
  await row(page, "change").waitFor();
  const keys = [];
  const lost = new Set();
  await page.context().route(/\/api\/v1\/tasks(\/|$)/, async (route) => {
    const method = route.request().method();
    if (method === "GET") {
      return route.continue();
    }
    keys.push(`${method} ${route.request().headers()["idempotency-key"]}`);
    const response = await route.fetch();
    if (lost.has(method)) {
      return route.fulfill({ response });
    }
    lost.add(method);
    return route.abort("connectionreset");
  });
  await quickAdd(page, "make");
  await becomes(["change", "drop", "make"], async () => (await shown(page)).sort());
  await settled(page);
  await edit(page, "change", "changed");
  await page.locator(".title-field").press("Enter");
  await settled(page);
  await row(page, "drop").getByRole("button", { name: /^Delete/ }).click();
  await toast(page, "deleted").waitFor();
  await hurry(page);
  await until("the task is deleted", () => lost.has("DELETE"));
  await becomes([], () => kept(page, "queue"));
  assert.deepEqual(await person.titles(), ["changed", "make"]);
  assert.deepEqual((await shown(page)).sort(), ["changed", "make"]);
  assert.ok(keys.filter((key) => key.startsWith("POST")).length === 2 && keys.filter((key) => key.startsWith("PATCH")).length === 2, keys.join());
  assert.equal(new Set(keys).size, 3, "a repeat has the key of the first");
});

flow("a deletion that is undone at once is not done", async (stage, server) => {
  const person = await server.person("undone");
  await person.add("stays");
  const page = await stage.signedIn(person);
  await row(page, "stays").focus();
  await page.evaluate(() => {
    for (const key of ["Delete", "z"]) {
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    }
  });
  await quickAdd(page, "another");
  await settled(page);
  await becomes([], () => kept(page, "queue"));
  await hurry(page);
  await reload(page);
  await row(page, "stays").waitFor();
  assert.deepEqual(await person.titles(), ["another", "stays"]);
});

flow("what the server refuses is told, and stays to be typed anew", async (stage, server) => {
  stage.expects(REFUSED(422));
  const person = await server.person("refused");
  await person.add("as it was");
  const page = await stage.signedIn(person);
  await row(page, "as it was").waitFor();
  const tooLong = JSON.stringify({ title: "x".repeat(201) });
  await page.context().route(/\/api\/v1\/tasks(\/|$)/, (route) => (route.request().method() === "GET" ? route.continue() : route.continue({ postData: tooLong })));
  await quickAdd(page, "too much");
  await toast(page, /“too much” could not be saved: title .*200/).waitFor();
  await edit(page, "as it was", "as it cannot be");
  await page.locator(".title-field").press("Enter");
  await toast(page, /“as it cannot be” could not be saved: title/).waitFor();
  await becomes(["as it cannot be", "too much"], async () => (await shown(page)).sort());
  await becomes(["as it cannot be", "too much"], async () => (await kept(page, "queue")).sort());
  assert.deepEqual(await person.titles(), ["as it was"]);
});

flow("a slow server does not slow the page", async (stage, server) => {
  const person = await server.person("slow");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  let answered = 0;
  await page.context().route(/\/api\/v1\/tasks(\/|$)/, async (route) => {
    await new Promise((done) => setTimeout(done, 400));
    await route.continue();
    answered += 1;
  });
  await quickAdd(page, "one", "two", "three");
  await row(page, "two").getByRole("checkbox").click();
  await edit(page, "three", "drei");
  await page.locator(".title-field").press("Enter");
  await row(page, "drei").waitFor();
  assert.ok(answered < 3, "all this was shown before the server knew");
  assert.ok((await page.locator(".mark.waiting").count()) > 0);
  await becomes(["drei", "one", "two"], () => person.titles());
  assert.equal((await person.task("two")).status, "completed");
});

const SOON = { 429: () => "2", 503: () => new Date(Date.now() + 2_500).toUTCString() };
for (const [code, soon] of Object.entries(SOON)) {
  flow(`a write that is put off by ${code} goes out when the server says`, async (stage, server) => {
    const status = Number(code);
    stage.expects(REFUSED(status));
    const person = await server.person(`busy${status}`);
    const page = await stage.signedIn(person);
    const at = [];
    await page.context().route("**/api/v1/tasks", (route) => {
      at.push(Date.now());
      return at.length <= 1 ? route.fulfill({ status, headers: { "retry-after": soon() }, json: { detail: "busy" } }) : route.continue();
    });
    await quickAdd(page, "patient");
    await settled(page);
    assert.deepEqual(await person.titles(), ["patient"]);
    assert.equal(at.length, 2);
    assert.ok(at[1] - at[0] >= 2_000, at.join());
    assert.equal(await page.locator(".toast.error").count(), 0);
  });
}
