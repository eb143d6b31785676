// Intended effects: typing, adding and filtering do what the user meant and nothing else.
import assert from "node:assert/strict";
import { becomes, card, clock, edit, outline, quickAdd, row, settled, shown, stage, toast, until } from "./support.mjs";

const flow = stage();
const many = (count, more = {}) => Array.from({ length: count }, (_, n) => ({ title: `task ${String(n).padStart(3, "0")}`, due_date: "2020-01-01", ...more }));
const scrolled = (page) => page.evaluate(() => document.querySelector("[data-scrolls]").scrollTop);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.tagName);
const paste = (page, text) => page.locator("#add").evaluate((field, text) => {
  field.focus();
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}, text);
/** Returns the fields of each task on the server that keys may change. */
const state = async (person) => (await person.tasks()).map(({ title, status, priority, due_date }) => [title, status, priority, due_date]).sort();

flow("adding to a long list leaves the field where it is, and says where the task went", async (stage, server) => {
  const person = await server.person("long");
  await person.addAll(many(60));
  const page = await stage.signedIn(person);
  await page.locator(".list .row.task").first().waitFor();
  await quickAdd(page, "far below");
  await toast(page, "Added to tasks without a date: “far below”").waitFor();
  assert.equal(await scrolled(page), 0);
  assert.equal(await focused(page), "add");
  await toast(page, "far below").getByRole("button", { name: "Show" }).click();
  await page.locator(".row.flash", { hasText: "far below" }).waitFor();
  await until("it is in sight", () => row(page, "far below").evaluate((element) => element.getBoundingClientRect().bottom <= innerHeight));
  await until("it has the focus", () => row(page, "far below").evaluate((element) => element === document.activeElement));
});

flow("a row that was added flashes where it is, also for who wants nothing to move", async (stage, server) => {
  const page = await stage.signedIn(await server.person("flash"), { reducedMotion: "reduce" });
  await quickAdd(page, "in sight");
  await page.locator(".row.flash", { hasText: "in sight" }).waitFor();
  assert.deepEqual(await page.evaluate(() => document.getAnimations().length), 0);
  assert.equal(await page.locator(".toast").count(), 0);
  await page.locator(".row.flash").waitFor({ state: "detached" });
});

flow("a task that the view does not show says where it went", async (stage, server) => {
  const person = await server.person("elsewhere");
  const page = await stage.signedIn(person, { path: "/app/today" });
  await quickAdd(page, "buy milk tomorrow");
  await toast(page, "Added to tomorrow: “buy milk”").getByRole("button", { name: "Show" }).click();
  await until("its row has the focus", () => row(page, "buy milk").evaluate((element) => element === document.activeElement));
  assert.equal(new URL(page.url()).pathname, "/");
  await page.locator("#search").fill("no such");
  await quickAdd(page, "hidden by a search");
  await toast(page, "hidden by a search").getByRole("button", { name: "Show" }).click();
  await row(page, "hidden by a search").waitFor();
  assert.equal(await page.locator("#search").inputValue(), "");
  await page.goto(`${server.url}/app/board`);
  await quickAdd(page, "on the board friday");
  await card(page, "on the board").waitFor();
});

flow("keys beside the list change nothing", async (stage, server) => {
  const person = await server.person("beside");
  await person.add("stays as it is");
  const page = await stage.signedIn(person);
  await row(page, "stays as it is").waitFor();
  const before = await state(person);
  await quickAdd(page, "just added");
  await settled(page);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Delete");
  await page.locator("h1").click();
  await page.keyboard.type("take some more code x1234 #z");
  assert.equal(await page.locator(".editor").count(), 0);
  assert.equal(await page.locator(".toast").count(), 0);
  assert.equal(await page.locator(".bulk").count(), 0);
  assert.deepEqual(await state(person), [...before, ["just added", "pending", "medium", null]].sort());
  // With the focus on the body, arrow keys still move into the list, where shortcuts work.
  await page.keyboard.press("Home");
  await until("a row has the focus", () => page.evaluate(() => document.activeElement.matches(".row.task")));
  await page.keyboard.press("1");
  await until("it is urgent", async () => (await person.tasks()).some((task) => task.priority === "urgent"));
});

flow("a key that removes a row leads to the next", async (stage, server) => {
  const person = await server.person("next");
  await person.addAll([{ title: "a", due_date: "2020-01-01" }, { title: "b", due_date: "2020-01-02" }, { title: "c", due_date: "2020-01-03" }]);
  const page = await stage.signedIn(person);
  await row(page, "a").hover();
  await row(page, "a").getByRole("button", { name: "Delete", exact: true }).click();
  await until("b has the focus", () => row(page, "b").evaluate((element) => element === document.activeElement));
  await page.keyboard.press("z");
  await row(page, "a").waitFor();
});

flow("shortcuts of one character are turned off in this browser, and all are in the help", async (stage, server) => {
  const person = await server.person("nokeys");
  await person.add("only one");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  const box = page.getByRole("checkbox", { name: "Single-character shortcuts" });
  assert.equal(await box.isChecked(), true);
  await box.uncheck();
  await page.goto(server.url);
  const before = await state(person);
  await row(page, "only one").focus();
  await page.keyboard.type("csotmx1234#z?nq/gb");
  assert.equal(await page.locator("dialog, .editor, .bulk").count(), 0);
  assert.ok(await row(page, "only one").evaluate((element) => element === document.activeElement));
  assert.deepEqual(await state(person), before);
  // Keys that are not characters still work.
  await page.keyboard.press("Enter");
  await page.locator(".editor").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Delete");
  await row(page, "only one").waitFor({ state: "detached" });
  await page.keyboard.press("ControlOrMeta+z");
  await row(page, "only one").waitFor();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).click();
  const help = page.locator("dialog.help");
  await help.getByText("Single-character shortcuts are off.").waitFor();
  const keys = await help.locator("kbd").allInnerTexts();
  const all = keys.join(" ").split(/[\s,]+/);
  const wanted = ["n", "q", "/", "g", "t", "a", "b", "d", "s", "z", "?", "Esc", "↑", "↓", "k", "j", "Home", "End", "Space", "c", "Enter", "e", "o", "1", "2", "3", "4", "m", "x", "Delete", "Backspace", "#", "Ctrl", "Shift", "←", "→"];
  assert.deepEqual(wanted.filter((key) => !all.includes(key)), []);
});

flow("next week is the next Monday everywhere", async (stage, server) => {
  const person = await server.person("monday");
  await person.add("by hand");
  await person.add("by the bar");
  const page = await stage.signedIn(person, { timezoneId: "UTC" });
  await clock(page, "2026-05-06T12:00:00Z");
  await quickAdd(page, "by words next week");
  const editor = await edit(page, "by hand");
  await editor.getByRole("button", { name: "Next week" }).click();
  await page.keyboard.press("Escape");
  await row(page, "by the bar").click({ modifiers: ["ControlOrMeta"] });
  await page.locator(".bulk").getByRole("combobox", { name: "Due" }).selectOption("week");
  await becomes(["2026-05-11T00:00:00Z"], async () => [...new Set((await person.tasks()).map((task) => task.due_date))]);
});

flow("a filter for the status narrows no view that does not show it", async (stage, server) => {
  const person = await server.person("status");
  await person.add("due", { due_date: new Date().toISOString().slice(0, 10) });
  const page = await stage.signedIn(person);
  await row(page, "due").waitFor();
  await page.getByRole("combobox", { name: "Show" }).selectOption("in_progress");
  await page.getByText("Nothing matches").waitFor();
  for (const name of ["Today", "Board"]) {
    await page.getByRole("link", { name: new RegExp(`^${name}`) }).click();
    await page.locator("[data-key]", { hasText: "due" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Clear filters" }).count(), 0, name);
    assert.equal(await page.locator(".top .left").innerText(), "1 task left", name);
  }
});

flow("a draft leaves the search and the filters in reach", async (stage, server) => {
  const person = await server.person("draft");
  await person.add("findable");
  const page = await stage.signedIn(person);
  await row(page, "findable").waitFor();
  await page.locator("#add").fill("a draft tomorrow");
  await page.locator(".chip").waitFor();
  assert.ok(await page.locator("#search").isVisible());
  assert.ok(await page.getByRole("combobox", { name: "Priority" }).isVisible());
  await row(page, "findable").focus();
  await page.keyboard.press("/");
  await becomes("search", () => focused(page));
  await page.keyboard.type("find");
  await becomes(["findable"], () => shown(page));
  assert.equal(await page.locator("#add").inputValue(), "a draft tomorrow");
});

flow("a search says which completed tasks it hides, and shows them", async (stage, server) => {
  const person = await server.person("hidden");
  await person.addAll([{ title: "report open" }, { title: "report one", status: "completed" }, { title: "report two", status: "completed" }, { title: "other", status: "completed" }]);
  const page = await stage.signedIn(person);
  await row(page, "report open").waitFor();
  for (const path of ["/", "/app/today"]) {
    await page.goto(server.url + path);
    await page.locator("#search").fill("report");
    const also = page.getByText("2 completed tasks match");
    await also.waitFor();
    await also.getByRole("button", { name: "Show" }).click();
    await becomes(["report one", "report open", "report two"], async () => (await shown(page)).sort());
    assert.equal(await also.count(), 0);
  }
});

flow("lines that are pasted together can be tasks of their own", async (stage, server) => {
  const person = await server.person("lines");
  const page = await stage.signedIn(person);
  await paste(page, "- buy milk tomorrow\r\n- call Bob !high\n\n* read\n");
  assert.equal(await page.locator("#add").inputValue(), "buy milk tomorrow call Bob !high read");
  await page.getByRole("button", { name: "Add 3 tasks" }).click();
  await becomes(["buy milk", "call Bob", "read"], () => person.titles());
  assert.equal((await person.task("call Bob")).priority, "high");
  assert.equal(await page.locator("#add").inputValue(), "");
  assert.equal(await focused(page), "add");
  await toast(page, "3 tasks added").getByRole("button", { name: "Undo" }).click();
  await becomes(0, () => page.locator(".list .row.task").count());
  // Enter adds the pasted lines as one task, also after more typing.
  await paste(page, "one\ntwo");
  await page.getByRole("button", { name: "Add 2 tasks" }).waitFor();
  await page.keyboard.press("End");
  await page.keyboard.type(" more");
  await page.getByRole("button", { name: "Add 2 tasks" }).waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await row(page, "one two more").waitFor();
  await paste(page, `fine\n${"x".repeat(201)}\nfine too`);
  await page.getByRole("button", { name: "Add 3 tasks" }).click();
  await page.locator(".problem", { hasText: "over 200 characters" }).waitFor();
  assert.equal(await page.locator("#add").inputValue(), "x".repeat(201));
  await becomes(["fine", "fine too"], async () => (await shown(page)).filter((title) => title.startsWith("fine")).sort());
});

flow("lengths are counted as the server counts, and shown near the limit", async (stage, server) => {
  const person = await server.person("counter");
  await person.add("grows");
  const page = await stage.signedIn(person);
  await page.locator("#add").fill("🦀".repeat(179));
  await page.locator(".understood").waitFor();
  assert.equal(await page.getByText("of 200 characters").count(), 0);
  await page.locator("#add").fill("🦀".repeat(185));
  await page.getByText("185 of 200 characters").waitFor();
  await page.locator("#add").fill("");
  const editor = await edit(page, "grows");
  await editor.locator(".title-field").fill("🦀".repeat(201));
  await editor.getByText("201 of 200 characters").waitFor();
  await editor.locator(".title-field").fill("🦀".repeat(200));
  await editor.getByText("200 of 200 characters").waitFor();
  await page.keyboard.press("Escape");
  await becomes(["🦀".repeat(200)], () => person.titles());
});

flow("a notice of a long title shows all of it, and its button", async (stage, server) => {
  const person = await server.person("notice");
  const title = `${"a title of many words ".repeat(8)}that ends`;
  await person.add(title);
  const page = await stage.signedIn(person, { viewport: { width: 360, height: 740 } });
  await row(page, title).getByRole("checkbox").click();
  const notice = toast(page, "completed");
  await notice.waitFor();
  await until("it stands still", () => page.evaluate(() => document.getAnimations().every((one) => one.playState === "finished")));
  const sizes = await notice.evaluate((element) => {
    const text = element.querySelector("span");
    const inside = (box) => box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight;
    return { cut: text.scrollHeight > text.clientHeight || text.scrollWidth > text.clientWidth, all: [...element.querySelectorAll("button, span")].every((one) => inside(one.getBoundingClientRect())) };
  });
  assert.deepEqual(sizes, { cut: false, all: true });
  await notice.getByRole("button", { name: "Undo" }).click();
  await becomes(["[No date]", title.trim()], () => outline(page));
});

flow("mail is not offered by a server that sends none", async (stage, server) => {
  await server.person("nomail");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/sign-in`);
  await page.locator("#login").waitFor();
  assert.equal(await page.getByRole("link", { name: "Forgot your password?" }).count(), 0);
  await page.goto(`${server.url}/app/forgot`);
  await page.getByText("This server sends no mail.").waitFor();
  const other = await stage.signedIn({ name: "nomail" }, { path: "/app/settings" });
  await other.getByRole("heading", { name: "Settings" }).first().waitFor();
  assert.equal(await other.getByRole("button", { name: "Send a link to verify it" }).count(), 0);
});
