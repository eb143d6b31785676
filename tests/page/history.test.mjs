// The history: what Back, a reload and a copied URL show (view, search, filters, scroll position),
// and that Back first closes whatever is open.
import assert from "node:assert/strict";
import { becomes, card, reload, row, shown, signIn, stage, until } from "./support.mjs";

const history = stage();
const PHONE = { viewport: { width: 390, height: 740 }, hasTouch: true, isMobile: true };
const address = (page) => page.evaluate(() => location.pathname + location.search);
const at = (page, wanted) => becomes(wanted, () => address(page));
/** Waits until nothing is open and the view's own history entry is current. */
const closed = (page) => page.waitForFunction(() => history.state?.isOver !== true && !document.querySelector(".editor, dialog, .nav.open"));
const over = (page) => page.waitForFunction(() => history.state?.isOver === true);

history("the address holds search and filters, for a reload, a link and Back", async (stage, server) => {
  const person = await server.person("link");
  await person.addAll([{ title: "milk", priority: "high" }, { title: "milk again" }, { title: "old milk", status: "completed", priority: "high" }]);
  const page = await stage.signedIn(person);
  await becomes(2, () => page.locator(".list .row.task").count());
  const before = await page.evaluate(() => window.history.length);
  await page.locator("#search").pressSequentially("milk");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("high");
  await page.getByRole("combobox", { name: "Show" }).selectOption("all");
  await page.getByRole("combobox", { name: "Sort by" }).selectOption("title");
  await at(page, "/?q=milk&show=all&priority=high&sort=title");
  assert.equal(await page.evaluate(() => window.history.length), before, "what is typed is no step");
  await becomes(["milk", "old milk"], () => shown(page));
  await reload(page);
  await becomes(["milk", "old milk"], () => shown(page));
  assert.equal(await page.locator("#search").inputValue(), "milk");
  const link = await address(page);
  await page.getByRole("link", { name: "Done" }).click();
  await at(page, "/app/done?q=milk&priority=high");
  await page.getByRole("button", { name: "Clear filters" }).click();
  await at(page, "/app/done");
  await page.goBack();
  await at(page, link);
  await becomes(["milk", "old milk"], () => shown(page));
  await page.goForward();
  await becomes("", () => page.locator("#search").inputValue());

  const other = await stage.window(await stage.device());
  await other.goto(server.url + link);
  await other.getByRole("link", { name: "Sign in" }).click();
  await signIn(other, person.name);
  await becomes(["milk", "old milk"], () => shown(other));
  await at(other, link);
  const odd = await stage.tab(page, "/?show=nothing&priority=%00&sort=constructor");
  await becomes(["milk", "milk again"], async () => (await shown(odd)).sort());
});

history("whoever leaves a view leaves its selection and its editor", async (stage, server) => {
  const person = await server.person("leave");
  await person.addAll([{ title: "a" }, { title: "b", due_date: new Date().toISOString() }, { title: "c" }]);
  const page = await stage.signedIn(person);
  const bulk = page.locator(".bulk");
  const select = async () => {
    await row(page, "a").click({ modifiers: ["ControlOrMeta"] });
    await bulk.waitFor();
  };
  await page.getByRole("link", { name: /^Today/ }).click();
  await row(page, "b").waitFor();
  await page.getByRole("link", { name: /^Tasks/ }).click();
  await select();
  await page.goBack();
  await page.locator("h1", { hasText: "Today" }).waitFor();
  assert.equal(await bulk.count(), 0);
  await page.goForward();
  await row(page, "a").waitFor();
  assert.equal(await bulk.count(), 0, "nor does it come back");
  await select();
  await page.getByRole("link", { name: "Done" }).click();
  await bulk.waitFor({ state: "detached" });
  await page.getByRole("link", { name: /^Tasks/ }).click();
  await select();
  await page.locator("#search").fill("c");
  await becomes(["c"], () => shown(page));
  assert.equal(await bulk.count(), 0);
  await page.locator("#search").fill("");
  await select();
  // A task deleted elsewhere leaves the selection.
  await person.call("DELETE", `/tasks/${(await person.task("a")).uuid}`);
  await bulk.waitFor({ state: "detached" });

  await row(page, "c").click();
  await page.locator(".title-field").fill("typed");
  await page.evaluate(() => document.querySelector("#search").focus());
  await page.keyboard.type("typ");
  await page.locator(".editor").waitFor({ state: "detached" });
  await becomes(["typed"], () => shown(page));
  await becomes(["b", "typed"], () => person.titles());
  await at(page, "/?q=typ");
});

for (const [name, device] of [["phone", PHONE], ["desk", {}]]) {
  history(`Back closes what is open first, at a ${name}`, async (stage, server) => {
    const person = await server.person(`back${name}`);
    await person.add("first");
    const page = await stage.signedIn(person, device);
    await page.getByRole("link", { name: "Board" }).click();
    await card(page, "first").click();
    await page.locator("dialog .editor").waitFor();
    await over(page);
    await page.locator(".title-field").fill("second");
    await page.goBack();
    await closed(page);
    await card(page, "second").waitFor();
    assert.equal(await address(page), "/app/board");
    await becomes(["second"], () => person.titles());
    await page.goBack();
    await page.locator("h1", { hasText: "Tasks" }).waitFor();

    await row(page, "second").click();
    await page.locator(".editor").waitFor();
    await over(page);
    await page.goBack();
    await closed(page);
    await row(page, "second").waitFor();
    assert.equal(await address(page), "/");
    // Closing it another way leaves no history entry.
    await row(page, "second").click();
    await over(page);
    await page.locator(".editor").press("Escape");
    await closed(page);
    await page.locator("h1").click();
    await page.keyboard.press("?");
    await page.locator("dialog.help").waitFor();
    await over(page);
    await page.goBack();
    await closed(page);
    assert.equal(await address(page), "/");
    if (name === "phone") {
      await page.getByRole("button", { name: "Menu" }).click();
      await over(page);
      await page.goBack();
      await closed(page);
      await page.getByRole("button", { name: "Menu" }).click();
      await page.getByRole("link", { name: "Settings" }).click();
      await page.locator("#current_password").waitFor();
      await page.goBack();
      await page.locator("h1", { hasText: "Tasks" }).waitFor();
      await closed(page);
    }
    await page.goForward();
    await page.locator("h1").waitFor();
    await closed(page);
  });
}

history("keys that close and lead elsewhere at once get there", async (stage, server) => {
  const person = await server.person("quick");
  await person.add("first");
  const page = await stage.signedIn(person);
  await row(page, "first").click();
  await over(page);
  await page.evaluate(() => {
    const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    press("Escape");
    return new Promise((done) => setTimeout(() => (press("g"), press("b"), done()), 0));
  });
  await page.locator("h1", { hasText: "Board" }).waitFor();
  await at(page, "/app/board");
  await page.goBack();
  await page.locator("h1", { hasText: "Tasks" }).waitFor();
  await at(page, "/");
});

history("Back comes to where the list was scrolled to", async (stage, server) => {
  const person = await server.person("scroll");
  await person.addAll(Array.from({ length: 120 }, (_, n) => ({ title: `task ${String(n).padStart(3, "0")}`, due_date: "2031-01-01" })));
  const page = await stage.signedIn(person);
  await page.getByText("120 tasks left").waitFor();
  const top = () => page.evaluate(() => Math.round(document.querySelector("main").scrollTop));
  await page.evaluate(() => (document.querySelector("main").scrollTop = 2_345));
  await becomes(2_345, top);
  await page.getByRole("link", { name: "Settings" }).click();
  await page.locator("#current_password").waitFor();
  await becomes(0, top);
  await page.goBack();
  await page.locator("h1", { hasText: "Tasks" }).waitFor();
  await becomes(2_345, top);
  await page.getByRole("link", { name: "Board" }).click();
  await page.locator(".card").first().waitFor();
  const column = () => page.evaluate(() => Math.round(document.querySelector(".column.pending .column-tasks").scrollTop));
  await page.evaluate(() => (document.querySelector(".column.pending .column-tasks").scrollTop = 1_234));
  await becomes(1_234, column);
  await page.getByRole("link", { name: /^Today/ }).click();
  await page.getByText("Nothing due today").waitFor();
  await page.goBack();
  await page.locator(".card").first().waitFor();
  await becomes(1_234, column);
  await page.goBack();
  await page.locator("h1", { hasText: "Tasks" }).waitFor();
  await becomes(2_345, top);
  await until("rows are there", () => page.locator(".list .row.task").count());
});
