// Typed text is never lost (rejected by the server, session ended, disk full, tab crashed) and
// never shown to another account.
import assert from "node:assert/strict";
import { becomes, edit, offline, quickAdd, reload, row, settled, signIn, stage, toast, until } from "./support.mjs";

const flow = stage();
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);
const line = (page) => page.locator("#add").inputValue();
const closed = (page) => page.locator(".editor").waitFor({ state: "detached" });

flow("line breaks of word processors and control characters are cleaned, not refused", async (stage, server) => {
  const person = await server.person("pasted");
  await person.add("old title");
  const page = await stage.signedIn(person);
  await edit(page, "old title");
  await page.locator(".notes-field").fill("a\u000bb\u000cc\u0085d\u2028e\u2029f\u001bg\u007fh\u0000i\tj");
  await page.locator(".title-field").fill("new\u000btitle\u0085of\u2028one\u2029line\u001b\u0000");
  await page.keyboard.press("Escape");
  await row(page, "new title of one line").waitFor();
  await settled(page);
  await becomes("a\nb\nc\nd\ne\nfghi\tj", async () => (await person.task("new title of one line")).description);
  await quickAdd(page, "added\u000bin\u0085one\u001b line\u0000");
  await settled(page);
  await becomes(["added in one line", "new title of one line"], () => person.titles());
  assert.equal(await page.locator(".toast.error").count(), 0);
});

for (const status of [403, 413, 422]) {
  flow(`a text that the server refuses with ${status} stays in the editor, with the reason`, async (stage, server) => {
    stage.expects(REFUSED(status));
    const person = await server.person(`refused${status}`);
    await person.add("title", { description: "old notes" });
    const page = await stage.signedIn(person);
    let isRefusing = true;
    await page.context().route(/\/api\/v1\/tasks(\/|$)/, (route) => {
      const isWrite = ["PATCH", "POST"].includes(route.request().method());
      return isRefusing && isWrite ? route.fulfill({ status, json: { detail: "for a reason" } }) : route.continue();
    });
    await edit(page, "title");
    await page.locator(".notes-field").fill("long notes");
    await page.keyboard.press("ControlOrMeta+Enter");
    await toast(page, "“title” could not be saved: for a reason").waitFor();
    await quickAdd(page, "new");
    await toast(page, "“new” could not be saved: for a reason").waitFor();
    await reload(page);
    for (const [title, field, text] of [["title", ".notes-field", "long notes"], ["new", ".title-field", "new"]]) {
      await row(page, title).getByText("Not saved: the server refused it").waitFor({ state: "attached" });
      const editor = await edit(page, title);
      assert.equal(await editor.locator(field).inputValue(), text);
      await editor.getByRole("alert").filter({ hasText: "Not saved: for a reason" }).waitFor();
      assert.equal(await editor.locator(field).getAttribute("aria-invalid"), "true");
      await page.keyboard.press("Escape");
      await closed(page);
    }
    assert.equal((await person.task("title")).description, "old notes");
    // Send one text again and replace the other.
    isRefusing = false;
    await edit(page, "title");
    await page.getByRole("button", { name: "Try again" }).click();
    await becomes("long notes", async () => (await person.task("title")).description);
    await page.keyboard.press("Escape");
    await edit(page, "new");
    await page.locator(".title-field").fill("newer");
    await page.keyboard.press("Enter");
    await becomes(["newer", "title"], () => person.titles());
    await settled(page);
    assert.equal(await page.locator(".mark.conflict, .badge.conflict").count(), 0);
  });
}

flow("a refused text can be discarded, and a task that was refused deleted", async (stage, server) => {
  stage.expects(REFUSED(422));
  const person = await server.person("discarded");
  await person.add("title", { description: "old notes" });
  const page = await stage.signedIn(person);
  await edit(page, "title");
  await page.locator(".notes-field").fill("x".repeat(20_001));
  await page.keyboard.press("ControlOrMeta+Enter");
  await toast(page, "could not be saved").waitFor();
  await edit(page, "title");
  assert.equal((await page.locator(".notes-field").inputValue()).length, 20_001);
  await page.getByRole("button", { name: "Discard my text" }).click();
  await becomes("old notes", () => page.locator(".notes-field").inputValue());
  await page.keyboard.press("Escape");
  await page.context().route("**/api/v1/tasks", (route) => (route.request().method() === "POST" ? route.fulfill({ status: 422, json: {} }) : route.continue()));
  await quickAdd(page, "refused");
  await toast(page, "“refused” could not be saved").waitFor();
  await row(page, "refused").focus();
  await page.keyboard.press("Delete");
  await row(page, "refused").waitFor({ state: "detached" });
  await page.evaluate(() => {
    const real = Date.now.bind(Date);
    Date.now = () => real() + 10_000;
    dispatchEvent(new Event("online"));
  });
  await settled(page);
  await reload(page);
  await row(page, "title").waitFor();
  assert.equal(await row(page, "refused").count(), 0);
});

flow("a session that ends takes nothing that is typed, in any tab, and shows it to nobody else", async (stage, server) => {
  stage.expects(...offline, REFUSED(401));
  const [person] = [await server.person("typing"), await server.person("somebody")];
  await person.addAll([{ title: "first" }, { title: "second" }]);
  const one = await stage.signedIn(person);
  const two = await stage.tab(one);
  const pages = { first: one, second: two };
  for (const [title, page] of Object.entries(pages)) {
    await page.locator("#add").fill(`draft of ${title}`);
    await edit(page, title);
    await page.locator(".notes-field").fill(`notes of ${title}`);
  }
  assert.equal((await person.call("DELETE", "/users/me/sessions")).status, 204);
  for (const page of [one, two]) {
    await page.getByText("Your session has ended.").waitFor();
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /first|second|deleted/);
    assert.equal(await page.locator(".toast").count(), 0);
  }
  await signIn(one, "somebody");
  await one.getByText("A clear list").waitFor();
  await two.locator(".nav").waitFor();
  for (const page of [one, two]) {
    assert.equal(await line(page), "");
    assert.doesNotMatch(await page.content(), /of first|of second/);
  }
  await one.getByRole("button", { name: "Sign out", exact: true }).click();
  await signIn(one, "typing");
  await becomes("draft of first", () => line(one));
  await becomes("draft of second", () => line(two));
  const again = await server.login("typing");
  for (const title of ["first", "second"]) {
    await becomes(`notes of ${title}`, async () => (await again.task(title)).description);
  }
});

flow("what only the tab holds is told, and asked about before it goes", async (stage, server) => {
  stage.expects(...offline, /did not keep a change/);
  const person = await server.person("full");
  const context = await stage.device();
  await context.addInitScript(() => {
    IDBObjectStore.prototype.put = IDBObjectStore.prototype.add = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  });
  const page = await stage.window(context);
  await page.goto(`${server.url}/app/sign-in`);
  await signIn(page, "full");
  await page.getByText("A clear list").waitFor();
  await context.setOffline(true);
  await quickAdd(page, "only here");
  await page.locator(".badge.risk", { hasText: "1 change is only in this tab" }).waitFor();
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    return dialog.dismiss();
  });
  await page.evaluate(() => setTimeout(() => location.reload(), 0));
  await until("it asks", () => asked.length > 0);
  assert.deepEqual(asked, ["beforeunload"]);
  await row(page, "only here").waitFor();
  await context.setOffline(false);
  await becomes(["only here"], () => person.titles());
  await page.locator(".badge.risk").waitFor({ state: "detached" });
  await reload(page);
  await row(page, "only here").waitFor();
  assert.equal(asked.length, 1);
});

flow("a line that is half typed survives Escape and a reload", async (stage, server) => {
  const person = await server.person("half");
  const page = await stage.signedIn(person);
  await page.locator("#add").fill("half a line !high");
  await page.locator(".chip").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await line(page), "half a line !high");
  await page.locator("#search").waitFor();
  await reload(page);
  await becomes("half a line !high", () => line(page));
  await page.locator("#add").press("Enter");
  await becomes(["half a line"], () => person.titles());
  await reload(page);
  await row(page, "half a line").waitFor();
  assert.equal(await line(page), "");
});

flow("what was typed in a tab that crashed is there in the next", async (stage, server) => {
  stage.expects(/the tab crashed/);
  const person = await server.person("crashed");
  await person.add("title");
  const page = await stage.signedIn(person);
  await page.locator("#add").fill("a line");
  await edit(page, "title");
  await page.locator(".notes-field").fill("half the no");
  const crashed = page.waitForEvent("crash");
  page.goto("chrome://crash").catch(() => {});
  await crashed;
  const next = await stage.tab({ context: () => stage.contexts[0] });
  await becomes("half the no", async () => (await person.task("title")).description, 30_000);
  await becomes("a line", () => line(next));
  assert.equal(await next.locator(".badge.conflict").count(), 0);
});

/** Returns everything that the browser stores, as text. */
const kept = (page) => page.evaluate(async () => {
  const names = (await indexedDB.databases()).map((one) => one.name);
  return JSON.stringify([names, { ...localStorage }, { ...sessionStorage }, document.body.innerText]);
});

for (const how of ["Sign out", "Sign out everywhere"]) {
  flow(`“${how}” leaves nothing of the account, in any tab`, async (stage, server) => {
    stage.expects(REFUSED(401), ...offline);
    await server.person(`after${how.length}`);
    const person = await server.person(`leaves${how.length}`);
    await person.addAll([{ title: "secret one" }, { title: "secret two" }]);
    const page = await stage.signedIn(person, { path: "/app/settings" });
    const other = await stage.tab(page);
    await edit(other, "secret one");
    await other.locator(".title-field").fill("secret one, changed");
    await row(other, "secret two").focus();
    await other.locator("#add").fill("secret line");
    await page.getByRole("button", { name: how, exact: true }).click();
    if (how === "Sign out everywhere") {
      await page.getByRole("alertdialog").getByRole("button", { name: how }).click();
    }
    // The quick-add text was not added.
    const loses = page.getByRole("alertdialog", { name: "Sign out and lose changes?" });
    await loses.getByRole("button", { name: "Sign out", exact: true }).click();
    for (const one of [page, other]) {
      await one.locator("#login").waitFor();
      await until("nothing is left", async () => !/secret|taskwell-[0-9a-f]{8}-/.test(await kept(one)));
      assert.equal(await one.locator(".toast").count(), 0);
    }
    await becomes(["secret one, changed", "secret two"], async () => (await server.login(person.name)).titles());
    await signIn(other, `after${how.length}`);
    await other.getByText("A clear list").waitFor();
    assert.equal(await line(other), "");
  });
}
