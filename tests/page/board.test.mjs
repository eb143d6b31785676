// The board, the cursor, actions on several tasks, and changes from elsewhere shown within a
// second.
import assert from "node:assert/strict";
import { becomes, card, outline, quickAdd, row, settled, shown, stage, toast, until } from "./support.mjs";

const flow = stage();

const columns = (page) => page.locator(".column").evaluateAll((all) => all.map((column) => [...column.querySelectorAll(".card")]
  .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)).map((one) => one.querySelector(".text").textContent)));
const column = (page, name) => page.getByRole("region", { name });
const focused = (page) => page.evaluate(() => document.activeElement?.closest(".card, .row")?.querySelector(".text")?.textContent);
const bulk = (page) => page.getByRole("toolbar", { name: "Selected tasks" });
const selected = (page) => page.locator(".row.task.selected .text").allInnerTexts();
/** Waits until a field has the wanted values, by task title. */
const have = (person, field, wanted) => becomes(wanted, async () => Object.fromEntries((await person.tasks()).map((task) => [task.title, task[field]])));
/** Waits until the stream of changes reaches the page. */
async function listens(person, page) {
  await person.add("word");
  await page.locator(".text", { hasText: "word" }).waitFor();
  await person.call("DELETE", `/tasks/${(await person.task("word")).uuid}`);
  await page.locator(".text", { hasText: "word" }).waitFor({ state: "detached" });
}
/** Waits for a value for at most a second. */
const soon = (wanted, read) => becomes(wanted, read, 1_000);

flow("cards are moved by drag, and back by undo", async (stage, server) => {
  const person = await server.person("drag");
  await person.add("stone");
  await person.add("sand", { priority: "high" });
  const page = await stage.signedIn(person, { path: "/app/board" });
  await becomes([["sand", "stone"], [], []], () => columns(page));
  assert.equal(await column(page, "To do").locator(".count").innerText(), "2");
  await card(page, "stone").dragTo(column(page, "In progress"));
  await becomes([["sand"], ["stone"], []], () => columns(page));
  await have(person, "status", { sand: "pending", stone: "in_progress" });
  await card(page, "stone").dragTo(column(page, "Done"));
  await becomes([["sand"], [], ["stone"]], () => columns(page));
  await have(person, "status", { sand: "pending", stone: "completed" });
  await toast(page, "“stone” completed").getByRole("button", { name: "Undo" }).click();
  await becomes([["sand"], ["stone"], []], () => columns(page));
  await card(page, "sand").dragTo(column(page, "To do"));
  await settled(page);
  await have(person, "status", { sand: "pending", stone: "in_progress" });
  assert.equal(await page.locator(".column.over, .card.dragged").count(), 0);
});

flow("on the board arrows lead from card to card, and with shift move one", async (stage, server) => {
  const person = await server.person("keys");
  await person.addAll([{ title: "a", due_date: "2031-01-01" }, { title: "b", due_date: "2031-01-02" }, { title: "c", status: "completed" }]);
  const page = await stage.signedIn(person);
  await row(page, "a").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("b");
  await card(page, "a").focus();
  for (const [key, there] of [["ArrowDown", "b"], ["ArrowDown", "b"], ["ArrowRight", "c"], ["ArrowLeft", "a"], ["ArrowUp", "a"]]) {
    await page.keyboard.press(key);
    await becomes(there, () => focused(page));
  }
  await page.keyboard.press("Shift+ArrowRight");
  await becomes([["b"], ["a"], ["c"]], () => columns(page));
  await becomes("a", () => focused(page));
  await page.keyboard.press("Shift+ArrowRight");
  await becomes([["b"], [], ["a", "c"]], () => columns(page));
  await page.keyboard.press("Shift+ArrowRight");
  await becomes("a", () => focused(page));
  await have(person, "status", { a: "completed", b: "pending", c: "completed" });
  await page.keyboard.press("Shift+ArrowLeft");
  await becomes([["b"], ["a"], ["c"]], () => columns(page));
  await page.keyboard.press("z");
  await becomes([["b"], [], ["a", "c"]], () => columns(page));
  await card(page, "b").focus();
  await page.keyboard.press("Space");
  await becomes([[], [], ["a", "b", "c"]], async () => (await columns(page)).map((titles) => titles.sort()));
});

flow("a card opens in a dialog with its title and notes, and gives the focus back", async (stage, server) => {
  const person = await server.person("sheet");
  await person.add("short", { description: "The notes." });
  await person.add("long ".repeat(39).trim());
  const page = await stage.signedIn(person, { path: "/app/board" });
  await card(page, "short").click();
  const dialog = page.getByRole("dialog", { name: "Edit “short”" });
  const title = dialog.getByLabel("Title");
  await title.waitFor();
  assert.ok(await title.evaluate((field) => field === document.activeElement));
  assert.ok(await dialog.getByLabel("Notes").isVisible());
  assert.equal(await dialog.getByLabel("Notes").inputValue(), "The notes.");
  await page.keyboard.type("er");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await card(page, "shorter").waitFor();
  await becomes("shorter", () => focused(page));
  await page.keyboard.press("Enter");
  const again = page.getByRole("dialog", { name: "Edit “shorter”" });
  await again.getByLabel("Notes").fill("Other notes.");
  await again.getByLabel("In progress").check();
  // Click outside the dialog.
  await page.mouse.click(5, 5);
  await again.waitFor({ state: "detached" });
  await becomes({ description: "Other notes.", status: "in_progress" }, async () => {
    const { description, status } = await person.task("shorter");
    return { description, status };
  });
  await card(page, "long ".repeat(39).trim()).click();
  const high = page.locator("dialog .title-field");
  await high.waitFor();
  assert.ok(await high.evaluate((field) => field.scrollHeight <= field.clientHeight + 1), "all of a long title is in sight");
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await becomes([[], ["shorter"], []], () => columns(page));
});

flow("the cursor stays in the list when its row leaves", async (stage, server) => {
  const person = await server.person("cursor");
  await person.addAll(["a", "b", "c"].map((title, i) => ({ title, due_date: `2031-01-0${i + 1}` })));
  const page = await stage.signedIn(person);
  const completed = async (focus) => {
    await becomes(focus, () => focused(page));
    await page.keyboard.press("c");
    await page.locator(".row.completed").waitFor();
    await page.clock.runFor(1_400);
  };
  await page.clock.install();
  await row(page, "b").focus();
  await completed("b");
  await becomes(["a", "c"], () => shown(page));
  await completed("c");
  await becomes(["a"], () => shown(page));
  await completed("a");
  await page.getByText("A clear list").waitFor();
  // No task is visible that these keys could affect.
  await page.keyboard.press("c");
  await page.keyboard.press("Delete");
  await settled(page);
  await becomes(["completed", "completed", "completed"], async () => (await person.tasks()).map((task) => task.status));
  assert.equal(await toast(page, "deleted").count(), 0);
});

flow("rows are selected by x, shift and ctrl", async (stage, server) => {
  const person = await server.person("select");
  await person.addAll(["a", "b", "c", "d", "e"].map((title, i) => ({ title, due_date: `2031-01-0${i + 1}` })));
  const page = await stage.signedIn(person);
  const says = (n) => bulk(page).getByText(`${n} ${n === 1 ? "task" : "tasks"} selected`).waitFor();
  await row(page, "a").focus();
  await page.keyboard.press("x");
  await says(1);
  await page.keyboard.press("j");
  await page.keyboard.press("Shift+ArrowDown");
  await becomes(["a", "b", "c"], () => selected(page));
  await says(3);
  await row(page, "b").click({ modifiers: ["ControlOrMeta"] });
  await becomes(["a", "c"], () => selected(page));
  await row(page, "e").click({ modifiers: ["Shift"] });
  await becomes(["a", "b", "c", "d", "e"], () => selected(page));
  await row(page, "d").click();
  await becomes(["a", "b", "c", "e"], () => selected(page));
  assert.equal(await page.locator(".editor").count(), 0, "while some are selected a click selects");
  assert.equal(await page.locator(".row[aria-selected=true]").count(), 4);
  await page.keyboard.press("Escape");
  await bulk(page).waitFor({ state: "detached" });
  await page.keyboard.press("ControlOrMeta+a");
  await says(5);
  await bulk(page).getByRole("button", { name: "Clear selection" }).click();
  await becomes([], () => selected(page));
});

flow("what is done to many is one step, and undone as one", async (stage, server) => {
  const person = await server.person("bulk");
  await person.addAll([{ title: "a", priority: "low" }, { title: "b", priority: "high", due_date: "2031-05-06T10:00:00Z" }, { title: "c" }]);
  await person.add("untouched", { status: "in_progress", due_date: "2031-01-01" });
  const page = await stage.signedIn(person, { timezoneId: "UTC" });
  const undo = (text) => toast(page, text).getByRole("button", { name: "Undo" }).click();
  const today = await page.evaluate(() => `${new Date().toISOString().slice(0, 10)}T00:00:00Z`);
  for (const title of ["a", "b", "c"]) {
    await row(page, title).click({ modifiers: ["ControlOrMeta"] });
  }
  const rest = { untouched: "medium" };
  await bulk(page).getByRole("combobox", { name: "Priority" }).selectOption("urgent");
  await have(person, "priority", { a: "urgent", b: "urgent", c: "urgent", ...rest });
  assert.equal(await bulk(page).getByRole("combobox", { name: "Priority" }).inputValue(), "", "the same can be picked again");
  await undo("3 tasks changed");
  await have(person, "priority", { a: "low", b: "high", c: "medium", ...rest });

  const before = { a: null, b: "2031-05-06T10:00:00Z", c: null, untouched: "2031-01-01T00:00:00Z" };
  await bulk(page).getByRole("combobox", { name: "Due" }).selectOption("today");
  await have(person, "due_date", { a: today, b: today, c: today, untouched: "2031-01-01T00:00:00Z" });
  await bulk(page).getByRole("combobox", { name: "Due" }).selectOption("none");
  await have(person, "due_date", { a: null, b: null, c: null, untouched: "2031-01-01T00:00:00Z" });
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("ControlOrMeta+z");
  await page.keyboard.press("ControlOrMeta+z");
  await have(person, "due_date", before);

  const all = (status) => ({ a: status, b: status, c: status, untouched: "in_progress" });
  for (const title of ["a", "b", "c"]) {
    await row(page, title).click({ modifiers: ["ControlOrMeta"] });
  }
  await bulk(page).getByRole("button", { name: "Complete" }).click();
  await have(person, "status", all("completed"));
  await becomes(["untouched"], () => shown(page));
  await undo("3 tasks completed");
  await have(person, "status", all("pending"));
  await becomes(4, async () => (await shown(page)).length);

  await page.clock.install();
  await page.keyboard.press("ControlOrMeta+a");
  await bulk(page).getByRole("button", { name: "Delete" }).click();
  await page.getByText("A clear list").waitFor();
  await undo("4 tasks deleted");
  await becomes(4, async () => (await shown(page)).length);
  await row(page, "a").click({ modifiers: ["ControlOrMeta"] });
  await row(page, "c").click({ modifiers: ["ControlOrMeta"] });
  await page.keyboard.press("Delete");
  await page.clock.runFor(8_100);
  await becomes(["b", "untouched"], () => person.titles());
});

flow("done tasks are reopened together", async (stage, server) => {
  const person = await server.person("reopen");
  await person.addAll([{ title: "a", status: "completed" }, { title: "b", status: "completed" }]);
  const page = await stage.signedIn(person, { path: "/app/done" });
  await row(page, "a").click({ modifiers: ["ControlOrMeta"] });
  await row(page, "b").click({ modifiers: ["ControlOrMeta"] });
  await bulk(page).getByRole("button", { name: "Reopen" }).click();
  await have(person, "status", { a: "pending", b: "pending" });
  await page.getByText("Nothing done yet").waitFor();
});

flow("the count of what is left follows every change", async (stage, server) => {
  const person = await server.person("count");
  const page = await stage.signedIn(person);
  const left = (text) => becomes(text, () => page.locator(".top .left").innerText());
  const nav = (name) => page.locator(".places li", { hasText: name }).locator(".count");
  await left("Nothing left");
  await quickAdd(page, "one today", "two");
  await left("2 tasks left");
  assert.deepEqual([await nav("Today").innerText(), await nav("Tasks").innerText()], ["1", "2"]);
  await row(page, "two").getByRole("checkbox").click();
  await left("1 task left");
  await page.getByRole("link", { name: /^Today/ }).click();
  await left("1 task left");
  await quickAdd(page, "three");
  await left("2 tasks left");
  await page.getByRole("link", { name: "Done" }).click();
  await left("1 task found");
  await settled(page);
  assert.match((await person.task("three")).due_date, /T00:00:00Z$/, "what is added to today is due today");
});

flow("two tabs of one browser show the same within a second", async (stage, server) => {
  const person = await server.person("tabs");
  const one = await stage.signedIn(person);
  const two = await stage.tab(one);
  await listens(person, one);
  await listens(person, two);
  await quickAdd(one, "made here");
  await soon(["made here"], () => shown(two));
  await row(two, "made here").focus();
  await two.keyboard.press("1");
  await soon(["Urgent"], () => row(one, "made here").locator(".mark.priority .word").allInnerTexts());
  await row(one, "made here").click();
  await one.locator(".title-field").fill("named anew");
  await one.keyboard.press("Enter");
  await soon(["named anew"], () => shown(two));
  await row(two, "named anew").focus();
  await two.keyboard.press("Delete");
  await soon([], () => shown(one));
  await two.keyboard.press("z");
  await soon(["named anew"], () => shown(one));
  await settled(one);
  assert.deepEqual(await person.titles(), ["named anew"]);
});

flow("two devices show the same within a second", async (stage, server) => {
  const person = await server.person("devices");
  const one = await stage.signedIn(person);
  const two = await stage.signedIn(person, { path: "/app/board" });
  await listens(person, one);
  await listens(person, two);
  await quickAdd(one, "made here !high");
  await soon([["made here"], [], []], () => columns(two));
  await card(two, "made here").focus();
  await two.keyboard.press("Shift+ArrowRight");
  await soon("mixed", () => row(one, "made here").getByRole("checkbox").getAttribute("aria-checked"));
  await row(one, "made here").getByRole("checkbox").click();
  await soon([[], [], ["made here"]], () => columns(two));
  await one.keyboard.press("z");
  await soon([[], ["made here"], []], () => columns(two));
});

flow("changes made over other contracts are shown within a second", async (stage, server) => {
  const person = await server.person("contracts");
  const page = await stage.signedIn(person);
  await listens(person, page);
  const call = async (method, path, body) => {
    const response = await fetch(server.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer ${person.token}` }, body: body && JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  };
  await call("POST", "/tasks", { title: "by 002", description: "Sample" });
  await soon(["by 002"], () => shown(page));
  const { uuid } = await person.task("by 002");
  await call("PUT", `/api/tasks/${uuid}`, { title: "by 001", due_date: "2031-01-01" });
  await soon(["[Later]", "by 001"], () => outline(page));
  await call("PATCH", `/api/tasks/${uuid}/complete`, { completed: true });
  await soon([], () => shown(page));
  await call("PATCH", `/api/tasks/${uuid}/complete`, { completed: false });
  await soon(["by 001"], () => shown(page));
  await call("DELETE", `/api/tasks/${uuid}`);
  await soon([], () => shown(page));
});

flow("what somebody else sees stays theirs", async (stage, server) => {
  const [ann, bob] = [await server.person("ann"), await server.person("bob")];
  const page = await stage.signedIn(ann);
  await listens(ann, page);
  await bob.add("bob's");
  await ann.add("ann's");
  await soon(["ann's"], () => shown(page));
});

flow("a task that is typed in here and changed elsewhere keeps both changes", async (stage, server) => {
  const person = await server.person("both");
  const task = await person.add("draft");
  const page = await stage.signedIn(person);
  await row(page, "draft").click();
  await page.locator(".title-field").fill("draft, typed here");
  await page.locator(".notes-field").focus();
  // The title is already saved.
  await becomes("draft, typed here", async () => (await person.tasks())[0].title);
  await page.locator(".notes-field").fill("half a sen");
  await person.call("PATCH", `/tasks/${task.uuid}`, { priority: "urgent" });
  await until("the editor shows it", () => page.getByLabel("Urgent").isChecked());
  assert.equal(await page.locator(".notes-field").inputValue(), "half a sen");
  assert.ok(await page.locator(".notes-field").evaluate((field) => field === document.activeElement));
  await page.keyboard.type("tence");
  await page.keyboard.press("Escape");
  await becomes(["draft, typed here", "half a sentence", "urgent"], async () => {
    const now = (await person.call("GET", `/tasks/${task.uuid}`)).data;
    return [now.title, now.description, now.priority];
  });
});

flow("more tabs than a browser has connections all hear of a change", async (stage, server) => {
  const person = await server.person("manytabs");
  const page = await stage.signedIn(person);
  const tabs = [page];
  for (let n = 1; n < 9; n += 1) {
    tabs.push(await stage.tab(page));
  }
  await person.add("heard by all");
  await Promise.all(tabs.map((tab) => row(tab, "heard by all").waitFor({ timeout: 20_000 })));
  // After the listening tab closes, another takes over and no change is missed.
  await page.close();
  await person.add("heard by the others");
  await Promise.all(tabs.slice(1).map((tab) => row(tab, "heard by the others").waitFor({ timeout: 20_000 })));
});

flow("between a phone and a wide window, no column of the board is cut", async (stage, server) => {
  const person = await server.person("middling");
  await person.addAll(["pending", "in_progress", "completed"].map((status) => ({ title: `a title of some length that is ${status}`, status })));
  const page = await stage.signedIn(person, { path: "/app/board", viewport: { width: 768, height: 1024 } });
  await page.locator(".card .text").nth(2).waitFor();
  for (const width of [704, 768, 900, 1024, 1100]) {
    await page.setViewportSize({ width, height: 800 });
    const { hidden, narrowest, right } = await page.evaluate(() => {
      const board = document.querySelector(".board");
      const columns = [...document.querySelectorAll(".column")].map((column) => column.getBoundingClientRect());
      return { hidden: board.scrollWidth - board.clientWidth, narrowest: Math.min(...columns.map((box) => box.width)), right: Math.max(...columns.map((box) => box.right)) };
    });
    assert.equal(hidden, 0, `${width}: ${hidden} px are hidden`);
    assert.ok(right <= width && narrowest >= 136, `${width}: up to ${right}, ${narrowest} px wide`);
  }
});
