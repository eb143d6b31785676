// Tasks in the list: add, find, change, complete, delete, and undo each.
import assert from "node:assert/strict";
import { becomes, clock, edit, outline, quickAdd, reload, row, settled, shown, stage, toast, until } from "./support.mjs";

const flow = stage();

/** Returns a day relative to the reader's today, in the API's format. */
const day = (n, from = new Date()) => new Date(Date.UTC(from.getFullYear(), from.getMonth(), from.getDate() + n)).toISOString().slice(0, 10);
const count = (page) => page.locator(".top .left").innerText();
const chips = (page) => page.locator(".chip").allInnerTexts().then((all) => all.map((text) => text.replace(/\s*✕\s*$/, "").trim()));
const pick = (page, label, value) => page.getByRole("combobox", { name: label }).selectOption(value);
const closed = (page) => page.locator(".editor").waitFor({ state: "detached" });
/** Waits until a task on the server has the wanted fields. */
const has = (person, title, wanted) => becomes(wanted, async () => {
  const task = (await person.tasks()).find((one) => one.title === title);
  return task && Object.fromEntries(Object.keys(wanted).map((field) => [field, task[field]]));
});

flow("quick add shows what it understands before Enter, and adds just that", async (stage, server) => {
  const person = await server.person("quick");
  const page = await stage.signedIn(person, { timezoneId: "UTC" });
  await clock(page, "2026-05-06T09:20:00Z");
  await page.keyboard.press("n");
  await page.keyboard.type("pay rent tomorrow 9:00 !high");
  await becomes(["Tomorrow 9:00", "High"], () => chips(page));
  assert.deepEqual(await person.titles(), []);
  await page.keyboard.press("Enter");
  await row(page, "pay rent").waitFor();
  await has(person, "pay rent", { due_date: "2026-05-07T09:00:00Z", priority: "high", status: "pending" });
  assert.equal(await page.locator("#add").inputValue(), "");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "add");
  assert.deepEqual(await outline(page), ["[Tomorrow]", "pay rent"]);
  assert.match(await row(page, "pay rent").innerText(), /High\s+Tomorrow 9:00/);
});

flow("a chip that is refused stays in the title", async (stage, server) => {
  const person = await server.person("refuse");
  const page = await stage.signedIn(person);
  await page.locator("#add").fill("Watch Friday Night Lights !high");
  await becomes(["High"], async () => (await chips(page)).slice(1));
  await page.getByRole("button", { name: "Take “Friday” as plain text" }).click();
  await becomes(["High"], () => chips(page));
  assert.equal(await page.evaluate(() => document.activeElement?.id), "add");
  await page.getByRole("button", { name: "Take “!high” as plain text" }).click();
  await becomes([], () => chips(page));
  await page.keyboard.press("Enter");
  await has(person, "Watch Friday Night Lights !high", { due_date: null, priority: "medium" });
  // The rejection applied to that line only.
  await page.locator("#add").fill("Swim Friday");
  await until("the word counts again", async () => (await chips(page)).length === 1);
  // In a view without the field, `n` opens one that has it.
  await page.locator("#add").press("Escape");
  await page.getByRole("link", { name: "Done" }).click();
  await page.getByText("Nothing done yet").waitFor();
  await page.keyboard.press("n");
  await until("the line has the focus", () => page.evaluate(() => location.pathname === "/" && document.activeElement?.id === "add"));
});

flow("a line that is empty or too long is refused with words, and kept", async (stage, server) => {
  const person = await server.person("length");
  const page = await stage.signedIn(person);
  await page.locator("#add").press("Enter");
  await page.locator("#add").fill("   ");
  await page.locator("#add").press("Enter");
  await page.locator("#add").fill("tomorrow !high");
  await page.locator("#add").press("Enter");
  await page.locator(".problem", { hasText: "A task needs a title" }).waitFor();
  assert.equal(await page.locator("#add").getAttribute("aria-invalid"), "true");
  const long = "🦀".repeat(201);
  await page.locator("#add").fill(long);
  await page.locator(".problem").waitFor({ state: "detached" });
  await page.locator("#add").press("Enter");
  await page.locator(".problem", { hasText: "201 characters; a title has 200 at most" }).waitFor();
  assert.equal(await page.locator("#add").inputValue(), long);
  await quickAdd(page, "🦀".repeat(200));
  await settled(page);
  assert.deepEqual(await person.titles(), ["🦀".repeat(200)]);
});

flow("titles are shown as they are, in any script", async (stage, server) => {
  const person = await server.person("script");
  const titles = ["<b>bold</b> <img src=x onerror=alert(1)>", "&amp; {{x}} ${y} \"quoted\" 'too'", "👩‍👩‍👧‍👦 family 🏳️‍🌈", "لا تنس الحليب", "עברית and English", "‮reversed", "x".repeat(200), "汉字とかな"];
  const page = await stage.signedIn(person);
  await quickAdd(page, ...titles);
  await settled(page);
  assert.deepEqual(await person.titles(), [...titles].sort());
  const texts = () => page.locator(".list .row.task .text").evaluateAll((all) => all.map((one) => one.textContent).sort());
  assert.deepEqual(await texts(), [...titles].sort());
  assert.equal(await page.locator(".list img, .list b").count(), 0);
  const direction = (title) => row(page, title).locator(".text").evaluate((one) => getComputedStyle(one).direction);
  assert.equal(await direction("لا تنس الحليب"), "rtl");
  assert.equal(await direction("汉字とかな"), "ltr");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing overflows");
  await reload(page);
  await becomes([...titles].sort(), texts);
});

flow("every field is edited in its place", async (stage, server) => {
  const person = await server.person("edit");
  await person.add("old title", { due_date: day(3) });
  const page = await stage.signedIn(person);
  const editor = await edit(page, "old title");
  assert.ok(await editor.locator(".title-field").evaluate((field) => field === document.activeElement));
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("  new   title ");
  await editor.getByLabel("Notes").fill("First line.\nSecond: tomorrow !high\n");
  await editor.getByLabel("Due date").fill("2031-02-28");
  await has(person, "new title", { description: "First line.\nSecond: tomorrow !high\n", due_date: "2031-02-28T00:00:00Z" });
  await editor.getByLabel("Time").fill("23:15");
  await has(person, "new title", { due_date: "2031-02-28T22:15:00Z" });
  await editor.getByLabel("In progress").check();
  await editor.getByLabel("Urgent").check();
  await has(person, "new title", { status: "in_progress", priority: "urgent" });
  assert.equal(await editor.count(), 1, "it stays open meanwhile");
  await editor.getByLabel("Time").fill("");
  await has(person, "new title", { due_date: "2031-02-28T00:00:00Z" });
  await editor.getByRole("button", { name: "Tomorrow" }).click();
  await has(person, "new title", { due_date: `${day(1)}T00:00:00Z` });
  await editor.getByRole("button", { name: "Today" }).click();
  await has(person, "new title", { due_date: `${day(0)}T00:00:00Z` });
  await editor.getByRole("button", { name: "Next week" }).click();
  await until("it is a Monday", async () => {
    const due = new Date((await person.task("new title")).due_date);
    return due.getUTCDay() === 1 && due > new Date() && due < Date.now() + 8 * 86_400_000;
  });
  await editor.getByRole("button", { name: "No date" }).click();
  await has(person, "new title", { due_date: null });
  await editor.getByRole("button", { name: "Close" }).click();
  await closed(page);
  assert.ok(await row(page, "new title").evaluate((element) => element === document.activeElement), "the row has the focus");
  await row(page, "new title").getByText("Has notes").waitFor({ state: "attached" });
});

flow("a due date is typed digit by digit, and its parts anew", async (stage, server) => {
  const person = await server.person("digits");
  await person.add("typed");
  const page = await stage.signedIn(person, { timezoneId: "UTC" });
  const due = (wanted) => becomes(wanted, async () => (await person.task("typed")).due_date);
  await edit(page, "typed");
  const [date, time] = [page.getByLabel("Due date"), page.getByLabel("Time", { exact: true })];
  await date.focus();
  await page.keyboard.type("11112031");
  await due("2031-11-11T00:00:00Z");
  await time.focus();
  await page.keyboard.type("1111a");
  assert.match(await time.inputValue(), /11$/);
  await due(`2031-11-11T${await time.inputValue()}:00Z`);
  const at = await time.inputValue();
  await date.focus();
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Backspace");
  assert.equal(await date.inputValue(), "");
  // Two changes in a row: 1, then 12.
  await page.keyboard.type("12");
  await due(`2031-${(await date.inputValue()).slice(5)}T${at}:00Z`);
  await page.keyboard.press("Backspace");
  const held = (await person.task("typed")).due_date;
  await page.getByLabel("Notes").focus();
  await becomes(held.slice(0, 10), () => date.inputValue());
  assert.equal(await page.locator(".badge.conflict").count(), 0);
});

flow("Escape, Enter, a click outside and another view all keep what was typed", async (stage, server) => {
  const person = await server.person("commit");
  await person.add("title 0");
  await person.add("another");
  const page = await stage.signedIn(person);
  const ways = [() => page.keyboard.press("Escape"), () => page.keyboard.press("Enter"), () => page.locator("h1").click(), () => page.keyboard.press("ControlOrMeta+Enter"),
    () => row(page, "another").locator(".text").click(), () => page.getByRole("link", { name: "Done" }).click()];
  for (const [i, leave] of ways.entries()) {
    const editor = await edit(page, `title ${i}`);
    await editor.locator(".title-field").fill(`title ${i + 1}`);
    await leave();
    await has(person, `title ${i + 1}`, { status: "pending" });
    if (i === 4) {
      await becomes("another", () => page.locator(".title-field").inputValue());
      await page.keyboard.press("Escape");
    }
    await closed(page);
  }
});

flow("an empty title is refused with words, and the old one stays", async (stage, server) => {
  const person = await server.person("empty");
  await person.add("keeps its title");
  const page = await stage.signedIn(person);
  const editor = await edit(page, "keeps its title");
  await editor.locator(".title-field").fill("  ");
  await page.keyboard.press("Enter");
  await toast(page, "A task needs a title.").waitFor();
  await row(page, "keeps its title").waitFor();
  assert.deepEqual(await person.titles(), ["keeps its title"]);
});

flow("a completed task lingers, then leaves; both ways of undoing bring it back", async (stage, server) => {
  const person = await server.person("done");
  await person.add("by click");
  await person.add("by key");
  const page = await stage.signedIn(person);
  await row(page, "by key").waitFor();
  assert.equal(await count(page), "2 tasks left");
  await page.clock.install();
  await row(page, "by click").getByRole("checkbox").click();
  await page.locator(".row.completed", { hasText: "by click" }).waitFor();
  assert.equal(await count(page), "1 task left");
  await page.clock.runFor(1_400);
  await row(page, "by click").waitFor({ state: "detached" });
  await has(person, "by click", { status: "completed" });
  await toast(page, "“by click” completed").getByRole("button", { name: "Undo" }).click();
  await row(page, "by click").waitFor();
  await has(person, "by click", { status: "pending", completed_at: null });

  await row(page, "by key").focus();
  await page.keyboard.press("Space");
  await has(person, "by key", { status: "completed" });
  await page.clock.runFor(1_400);
  await row(page, "by key").waitFor({ state: "detached" });
  await page.keyboard.press("z");
  await row(page, "by key").waitFor();
  await has(person, "by key", { status: "pending" });
  // Completed and reopened before it leaves the list.
  await row(page, "by key").focus();
  await page.keyboard.press("c");
  await page.keyboard.press("c");
  await settled(page);
  await has(person, "by key", { status: "pending" });
  assert.equal(await count(page), "2 tasks left");
  // Reopen a task from the view of completed tasks.
  await row(page, "by click").getByRole("checkbox").click();
  await page.getByRole("link", { name: "Done" }).click();
  await becomes(["by click"], () => shown(page));
  await row(page, "by click").getByRole("checkbox").click();
  await page.getByText("Nothing done yet").waitFor();
});

flow("a task stays open while it is edited, whatever that makes of it", async (stage, server) => {
  const person = await server.person("open");
  await person.add("due", { due_date: day(0), priority: "high" });
  const page = await stage.signedIn(person, { path: "/app/today" });
  await pick(page, "Priority", "high");
  const editor = await edit(page, "due");
  await editor.getByLabel("Low").check();
  await editor.getByRole("button", { name: "Next week" }).click();
  await editor.getByLabel("Done", { exact: true }).check();
  await has(person, "due", { status: "completed", priority: "low" });
  await editor.locator(".notes-field").fill("still here");
  await page.keyboard.press("Escape");
  await has(person, "due", { description: "still here" });
  await page.getByText("Nothing matches").waitFor();
});

flow("z undoes one step after the other, and says when there is none", async (stage, server) => {
  const person = await server.person("steps");
  const page = await stage.signedIn(person);
  await page.locator("#add").waitFor();
  await quickAdd(page, "step");
  await page.keyboard.press("Escape");
  await row(page, "step").focus();
  await page.keyboard.press("1");
  await page.keyboard.press("t");
  await page.keyboard.press("s");
  await has(person, "step", { priority: "urgent", due_date: `${day(0)}T00:00:00Z`, status: "in_progress" });
  await page.keyboard.press("z");
  await has(person, "step", { priority: "urgent", due_date: `${day(0)}T00:00:00Z`, status: "pending" });
  await page.keyboard.press("ControlOrMeta+z");
  await has(person, "step", { priority: "urgent", due_date: null });
  await page.keyboard.press("z");
  await has(person, "step", { priority: "medium" });
  await page.keyboard.press("z");
  await row(page, "step").waitFor({ state: "detached" });
  await page.keyboard.press("z");
  await page.locator("[role=status]", { hasText: "Nothing to undo" }).waitFor({ state: "attached" });
});

flow("a deleted task comes back by undo; the server is told only after that time", async (stage, server) => {
  const person = await server.person("delete");
  await person.add("by mistake");
  await person.add("on purpose");
  const page = await stage.signedIn(person);
  const told = [];
  page.on("request", (request) => request.method() === "DELETE" && told.push(request.url()));
  await row(page, "by mistake").focus();
  await page.clock.install();
  await page.keyboard.press("Delete");
  await row(page, "by mistake").waitFor({ state: "detached" });
  await page.clock.runFor(7_000);
  await toast(page, "“by mistake” deleted").getByRole("button", { name: "Undo" }).click();
  await row(page, "by mistake").waitFor();
  await row(page, "on purpose").hover();
  await row(page, "on purpose").getByRole("button", { name: "Delete" }).click();
  await row(page, "on purpose").waitFor({ state: "detached" });
  await page.clock.runFor(7_900);
  assert.deepEqual([told, await person.titles()], [[], ["by mistake", "on purpose"]]);
  await page.clock.runFor(200);
  await becomes(["by mistake"], () => person.titles());
  assert.equal(told.length, 1);
  await page.keyboard.press("z");
  await settled(page);
  assert.deepEqual(await shown(page), ["by mistake"], "what is gone stays gone");
});

flow("a task that was deleted before a reload is deleted on the server all the same", async (stage, server) => {
  const person = await server.person("reload");
  await person.add("goes");
  await person.add("stays");
  const page = await stage.signedIn(person);
  await page.clock.install();
  await row(page, "goes").focus();
  await page.keyboard.press("#");
  await row(page, "goes").waitFor({ state: "detached" });
  await reload(page);
  await row(page, "stays").waitFor();
  assert.deepEqual(await shown(page), ["stays"]);
  assert.deepEqual(await person.titles(), ["goes", "stays"]);
  await page.clock.runFor(8_100);
  await becomes(["stays"], () => person.titles());
  assert.deepEqual(await shown(page), ["stays"]);
});

flow("filters narrow the list, and are cleared at once", async (stage, server) => {
  const person = await server.person("filters");
  await person.addAll([{ title: "a", priority: "low" }, { title: "b", priority: "urgent" }, { title: "c", status: "in_progress" }, { title: "d", status: "completed", priority: "urgent" }]);
  const page = await stage.signedIn(person);
  const see = (titles) => becomes(titles, async () => (await shown(page)).sort());
  await see(["a", "b", "c"]);
  assert.equal(await count(page), "3 tasks left");
  for (const [value, titles] of [["pending", ["a", "b"]], ["in_progress", ["c"]], ["completed", ["d"]], ["all", ["a", "b", "c", "d"]], ["open", ["a", "b", "c"]]]) {
    await pick(page, "Show", value);
    await see(titles);
  }
  await pick(page, "Show", "all");
  await pick(page, "Priority", "urgent");
  await see(["b", "d"]);
  assert.equal(await count(page), "2 tasks found");
  await page.locator("#search").fill("nothing of it");
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await see(["a", "b", "c"]);
  assert.equal(await page.getByRole("button", { name: "Clear filters" }).count(), 0);
});

flow("search finds words in titles and notes, in any case, with and without accents", async (stage, server) => {
  const person = await server.person("search");
  await person.addAll([{ title: "Café Élan" }, { title: "Straße fegen" }, { title: "groceries", description: "Crème brûlée, MILK" }, { title: "ÅNGSTRÖM und Müll" }]);
  const page = await stage.signedIn(person);
  await row(page, "groceries").waitFor();
  await page.keyboard.press("/");
  await until("the field has the focus", () => page.evaluate(() => document.activeElement?.id === "search"));
  for (const [words, titles] of [["cafe", ["Café Élan"]], ["ELAN caf", ["Café Élan"]], ["creme milk", ["groceries"]], ["angstrom", ["ÅNGSTRÖM und Müll"]], ["MÜLL", ["ÅNGSTRÖM und Müll"]], ["straße", ["Straße fegen"]], ["é x", []]]) {
    await page.locator("#search").fill(words);
    await becomes(titles, () => shown(page));
    assert.equal(await count(page), `${titles.length} ${titles.length === 1 ? "task" : "tasks"} found`);
  }
  await page.keyboard.press("Escape");
  await becomes(4, async () => (await shown(page)).length);
});

flow("each sort puts the list in its order", async (stage, server) => {
  const person = await server.person("sort");
  for (const task of [{ title: "task 10", priority: "low", due_date: day(1) }, { title: "task 9", priority: "urgent" }, { title: "Émile", priority: "high", due_date: day(9) }, { title: "zebra", due_date: day(1) }, { title: "Frank" }]) {
    await person.add(task.title, task);
  }
  await person.call("PATCH", `/tasks/${(await person.task("Émile")).uuid}`, { description: "touched" });
  const page = await stage.signedIn(person);
  await row(page, "Frank").waitFor();
  for (const [sort, titles] of [
    ["title", ["Émile", "Frank", "task 9", "task 10", "zebra"]], ["newest", ["Frank", "zebra", "Émile", "task 9", "task 10"]], ["oldest", ["task 10", "task 9", "Émile", "zebra", "Frank"]],
    ["priority", ["task 9", "Émile", "zebra", "Frank", "task 10"]], ["updated", ["Émile", "Frank", "zebra", "task 9", "task 10"]],
  ]) {
    await pick(page, "Sort by", sort);
    await becomes(titles, () => outline(page));
  }
  await pick(page, "Sort by", "due");
  await becomes(["[Tomorrow]", "zebra", "task 10", "[Later]", "Émile", "[No date]", "task 9", "Frank"], () => outline(page));
});
