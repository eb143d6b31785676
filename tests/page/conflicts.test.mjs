// Conflicts: a task changed in two places is merged if possible, otherwise the user decides, and
// nothing is lost.
import assert from "node:assert/strict";
import { becomes, offline, reload, row, settled, shown, stage, toast } from "./support.mjs";

const flow = stage();
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);

/** Responses to a write if another client was faster. */
const FASTER = [REFUSED(412), REFUSED(404)];

/** Opens these tasks for a new account, then goes offline. */
async function away(stage, server, name, tasks) {
  stage.expects(...offline, ...FASTER);
  const person = await server.person(name);
  const made = {};
  for (const task of tasks) {
    made[task.title] = await person.add(task.title, task);
  }
  const page = await stage.signedIn(person);
  await row(page, tasks[0].title).waitFor();
  await page.context().setOffline(true);
  return { person, page, made };
}

async function retitle(page, title, text) {
  await row(page, title).click();
  await page.locator(".title-field").fill(text);
  await page.locator(".title-field").press("Enter");
  await row(page, text).waitFor();
}

async function setPriority(page, title, name) {
  await row(page, title).click();
  await page.getByRole("radio", { name, exact: true }).check();
  await page.locator(".editor").getByRole("button", { name: "Close" }).click();
}

const elsewhere = async (person, task, change) => assert.equal((await person.call("PATCH", `/tasks/${task.uuid}`, change)).status, 200);
const goneElsewhere = async (person, task) => assert.equal((await person.call("DELETE", `/tasks/${task.uuid}`)).status, 204);
const badge = (page) => page.locator(".badge.conflict");
/** Returns the text of the two versions in the dialog. */
const versions = (page) => page.locator("dialog .versions section").evaluateAll((all) => all.map((one) => one.innerText.replace(/\n+/g, " ").trim()));
const choose = (page, name) => page.locator("dialog").getByRole("button", { name, exact: true }).click();
/** Waits until no conflict is left and nothing is pending. */
async function peace(page) {
  await badge(page).waitFor({ state: "detached" });
  await page.locator("dialog").waitFor({ state: "detached" });
  await settled(page);
}

flow("the same field changed in two places is asked, and each answer ends on the server", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "both", [{ title: "mine" }, { title: "theirs" }]);
  await retitle(page, "mine", "mine, here");
  await retitle(page, "theirs", "theirs, here");
  await elsewhere(person, made.mine, { title: "mine, there" });
  await elsewhere(person, made.theirs, { title: "theirs, there" });
  await page.context().setOffline(false);
  await badge(page).filter({ hasText: "2 conflicts" }).waitFor();
  assert.deepEqual((await shown(page)).sort(), ["mine, here", "theirs, here"], "until it is decided, what was done here is shown");
  assert.equal(await page.locator(".mark.conflict").count(), 2);
  assert.deepEqual(await person.titles(), ["mine, there", "theirs, there"]);
  await badge(page).click();
  assert.deepEqual(await versions(page), ["Your version Title mine, here Keep mine", "The other version Title mine, there Keep the other"]);
  await choose(page, "Keep mine");
  await page.locator("dialog dd", { hasText: "theirs, there" }).waitFor();
  assert.deepEqual(await versions(page), ["Your version Title theirs, here Keep mine", "The other version Title theirs, there Keep the other"]);
  await choose(page, "Keep the other");
  await peace(page);
  await becomes(["mine, here", "theirs, there"], () => person.titles());
  await becomes(["mine, here", "theirs, there"], async () => (await shown(page)).sort());
});

flow("a question can be put off, and outlives a reload", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "later", [{ title: "both" }]);
  await retitle(page, "both", "here");
  await elsewhere(person, made.both, { title: "there" });
  await page.context().setOffline(false);
  await badge(page).click();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await reload(page);
  await row(page, "here").waitFor();
  await badge(page).filter({ hasText: "1 conflict" }).click();
  await choose(page, "Keep mine");
  await peace(page);
  await becomes(["here"], () => person.titles());
});

flow("different fields are merged without a question", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "merge", [{ title: "title here" }, { title: "priority here" }, { title: "the same in both" }]);
  await retitle(page, "title here", "new title");
  await setPriority(page, "priority here", "Urgent");
  await retitle(page, "the same in both", "alike");
  await elsewhere(person, made["title here"], { description: "notes from there", priority: "low" });
  await elsewhere(person, made["priority here"], { title: "new title, there" });
  await elsewhere(person, made["the same in both"], { title: "alike" });
  await page.context().setOffline(false);
  await row(page, "new title, there").waitFor();
  await settled(page);
  await becomes(["alike", "new title", "new title, there"], () => person.titles());
  assert.equal(await badge(page).count(), 0);
  const { description, priority } = await person.task("new title");
  assert.deepEqual([description, priority], ["notes from there", "low"]);
  assert.equal((await person.task("new title, there")).priority, "urgent");
});

flow("a task that was changed here and deleted elsewhere is added again whole, or let go", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "gone", [{ title: "again", description: "its notes", priority: "high" }, { title: "go" }]);
  await retitle(page, "again", "once more");
  await setPriority(page, "once more", "Urgent");
  await retitle(page, "go", "gone");
  await setPriority(page, "gone", "Low");
  await goneElsewhere(person, made.again);
  await goneElsewhere(person, made.go);
  await page.context().setOffline(false);
  await badge(page).filter({ hasText: "2 conflicts" }).click();
  await page.locator("dialog", { hasText: /was deleted elsewhere while your change waited/ }).waitFor();
  await choose(page, "Add it again");
  await page.locator("dialog dd", { hasText: "gone" }).waitFor();
  await choose(page, "Let it go");
  await peace(page);
  await becomes(["once more"], () => person.titles());
  const { description, priority } = await person.task("once more");
  assert.deepEqual([description, priority], ["its notes", "urgent"]);
  await becomes(["once more"], () => shown(page));
});

flow("a task that was deleted here and changed elsewhere is deleted only if that is wished still", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "removed", [{ title: "delete" }, { title: "keep" }, { title: "untouched" }]);
  for (const title of ["delete", "keep", "untouched"]) {
    await row(page, title).getByRole("button", { name: /^Delete/ }).click();
    await row(page, title).waitFor({ state: "detached" });
  }
  await elsewhere(person, made.delete, { title: "delete, changed" });
  await elsewhere(person, made.keep, { description: "with notes now" });
  await page.evaluate(() => {
    const real = Date.now.bind(Date);
    Date.now = () => real() + 10_000;
  });
  await page.context().setOffline(false);
  await badge(page).filter({ hasText: "2 conflicts" }).click();
  await page.locator("dialog", { hasText: "“delete, changed” was changed elsewhere since you deleted it." }).waitFor();
  assert.match((await versions(page))[0], /Deleted Delete it anyway/);
  await choose(page, "Delete it anyway");
  await page.locator("dialog dd", { hasText: "with notes now" }).waitFor();
  await choose(page, "Keep it");
  await peace(page);
  await becomes(["keep"], () => person.titles());
  await becomes(["keep"], () => shown(page));
});

flow("two tabs that change a title at once ask which holds, once", async (stage, server) => {
  stage.expects(...FASTER);
  const person = await server.person("tabs");
  await person.add("shared");
  const one = await stage.signedIn(person);
  const two = await stage.tab(one);
  for (const [page, text] of [[one, "from the first"], [two, "from the second"]]) {
    await row(page, "shared").click();
    await page.locator(".title-field").fill(text);
  }
  await one.locator(".title-field").press("Enter");
  await becomes(["from the first"], () => person.titles());
  await row(one, "from the first").waitFor();
  assert.equal(await two.locator(".title-field").inputValue(), "from the second", "what is being typed is not overwritten");
  await two.locator(".title-field").press("Enter");
  await badge(one).filter({ hasText: "1 conflict" }).waitFor();
  await badge(two).filter({ hasText: "1 conflict" }).click();
  assert.deepEqual(await versions(two), ["Your version Title from the second Keep mine", "The other version Title from the first Keep the other"]);
  await choose(two, "Keep mine");
  await peace(two);
  await peace(one);
  await becomes(["from the second"], () => person.titles());
  await row(one, "from the second").waitFor();
});

flow("a question that is answered in another tab is gone, and the next one waits to be asked for", async (stage, server) => {
  const { person, page, made } = await away(stage, server, "answered", [{ title: "first" }, { title: "second" }]);
  await retitle(page, "first", "first, here");
  await elsewhere(person, made.first, { title: "first, there" });
  await page.context().setOffline(false);
  await badge(page).click();
  const two = await stage.tab(page);
  await badge(two).click();
  await choose(two, "Keep the other");
  await peace(two);
  await peace(page);
  await page.context().setOffline(true);
  await retitle(page, "second", "second, here");
  await elsewhere(person, made.second, { title: "second, there" });
  await page.context().setOffline(false);
  await badge(page).waitFor();
  await badge(two).waitFor();
  assert.equal((await page.locator("dialog").count()) + (await two.locator("dialog").count()), 0);
});

flow("what is done in one tab is seen in the other, before the server knows", async (stage, server) => {
  stage.expects(...offline, ...FASTER);
  const person = await server.person("beside");
  await person.add("shared");
  const one = await stage.signedIn(person);
  const two = await stage.tab(one);
  await row(two, "shared").waitFor();
  await one.context().setOffline(true);
  await retitle(one, "shared", "changed in one");
  await row(two, "changed in one").waitFor();
  await row(two, "changed in one").getByRole("checkbox").click();
  await two.locator("#add").fill("made in two");
  await two.keyboard.press("Enter");
  await row(one, "made in two").waitFor();
  await one.context().setOffline(false);
  await becomes(["changed in one", "made in two"], () => person.titles());
  await becomes("completed", async () => (await person.task("changed in one")).status);
  for (const page of [one, two]) {
    await settled(page);
    await becomes(["made in two"], () => shown(page));
    assert.equal(await badge(page).count(), 0);
  }
});

flow("an open editor takes over what is changed elsewhere, except what is being typed", async (stage, server) => {
  stage.expects(...FASTER);
  const person = await server.person("editor");
  const task = await person.add("title", { description: "notes" });
  const page = await stage.signedIn(person);
  await row(page, "title").click();
  await page.locator(".notes-field").fill("notes, typed here");
  await elsewhere(person, task, { title: "title, from there", description: "notes, from there", priority: "urgent" });
  await becomes("title, from there", () => page.locator(".title-field").inputValue());
  assert.ok(await page.locator("input[type=radio]").last().isChecked());
  assert.equal(await page.locator(".notes-field").inputValue(), "notes, typed here");
  await page.keyboard.press("Escape");
  await badge(page).filter({ hasText: "1 conflict" }).click();
  assert.deepEqual(await versions(page), ["Your version Notes notes, typed here Keep mine", "The other version Notes notes, from there Keep the other"]);
  await choose(page, "Keep mine");
  await peace(page);
  await becomes("notes, typed here", async () => (await person.task("title, from there")).description);
});

flow("a task that is deleted elsewhere while it is edited can be added again with what was typed", async (stage, server) => {
  const person = await server.person("typed");
  const task = await person.add("title", { description: "notes", priority: "high", due_date: "2030-01-01T00:00:00Z" });
  const page = await stage.signedIn(person);
  await row(page, "title").click();
  await page.locator(".title-field").fill("a long title that was typed");
  await goneElsewhere(person, task);
  await page.locator(".editor").waitFor({ state: "detached" });
  await toast(page, "deleted elsewhere").getByRole("button", { name: "Add it again" }).click();
  await becomes(["a long title that was typed"], () => person.titles());
  const { description, priority, due_date } = await person.task("a long title that was typed");
  assert.deepEqual([description, priority, due_date?.slice(0, 10)], ["notes", "high", "2030-01-01"]);
});

flow("a write that meets a faster one is merged or asked at once", async (stage, server) => {
  stage.expects(REFUSED(412));
  const person = await server.person("faster");
  const [merged, asked] = [await person.add("merged"), await person.add("asked")];
  const page = await stage.signedIn(person);
  await row(page, "asked").waitFor();
  let isFirst = true;
  await page.context().route(`**/api/v1/tasks/${merged.uuid}`, async (route) => {
    if (isFirst && route.request().method() === "PATCH") {
      isFirst = false;
      await elsewhere(person, merged, { priority: "low" });
    }
    await route.continue();
  });
  await retitle(page, "merged", "merged, with both");
  await settled(page);
  await becomes("low", async () => (await person.task("merged, with both")).priority);
  isFirst = true;
  await page.context().route(`**/api/v1/tasks/${asked.uuid}`, async (route) => {
    if (isFirst && route.request().method() === "PATCH") {
      isFirst = false;
      await elsewhere(person, asked, { title: "there" });
    }
    await route.continue();
  });
  await retitle(page, "asked", "here");
  await badge(page).filter({ hasText: "1 conflict" }).click();
  await choose(page, "Keep the other");
  await peace(page);
  await becomes(["merged, with both", "there"], async () => (await shown(page)).sort());
});

flow("a server that came back from a backup shows what it has, and takes changes again", async (stage, server) => {
  stage.expects(REFUSED(410), REFUSED(412));
  const person = await server.person("restored");
  const kept = await person.add("kept");
  await person.add("changed later");
  const page = await stage.signedIn(person);
  await row(page, "changed later").waitFor();
  server.command("backup", "backup.db");
  await elsewhere(person, kept, { title: "of the future" });
  await person.add("lost");
  await row(page, "lost").waitFor();
  await row(page, "of the future").waitFor();
  server.command("restore", "backup.db");
  await becomes(["changed later", "kept"], async () => (await shown(page)).sort(), 30_000);
  await retitle(page, "kept", "kept, and changed");
  await settled(page);
  await becomes(["changed later", "kept, and changed"], () => person.titles());
  await person.add("new");
  await row(page, "new").waitFor();
});
