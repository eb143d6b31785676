// Actions: a press hits what is under the pointer, an action affects only what is shown, and undo
// reverts the last action.
import assert from "node:assert/strict";
import { AWAY, becomes, edit, offline, quickAdd, reload, row, settled, shown, stage, toast, until } from "./support.mjs";

const flow = stage();

const middle = async (locator) => {
  const { x, y, width, height } = await locator.boundingBox();
  return [x + width / 2, y + height / 2];
};
const box = (page, title) => row(page, title).getByRole("checkbox");
const closed = (page) => page.locator(".editor").waitFor({ state: "detached" });
const statuses = async (person) => Object.fromEntries((await person.tasks()).map((task) => [task.title, task.status]));

const PRESSES = {
  "a tap": { options: { hasTouch: true, viewport: { width: 390, height: 1400 } }, press: async (page, at) => page.touchscreen.tap(...await middle(at)) },
  "a click": { options: {}, press: async (page, at) => page.mouse.click(...await middle(at)) },
};
for (const [what, { options, press }] of Object.entries(PRESSES)) {
  flow(`with an editor open, ${what} completes the task that it points at`, async (stage, server) => {
    const person = await server.person(what.replace(" ", ""));
    const titles = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const title of titles) {
      await person.add(title, { due_date: "2031-01-01" });
    }
    const page = await stage.signedIn(person, options);
    await page.getByLabel("Sort by").selectOption("title");
    const wanted = Object.fromEntries(titles.map((title) => [title, "pending"]));
    let first = "a";
    for (const title of ["c", "d", "h", "f", "b"]) {
      const editor = await edit(page, first);
      // Saving this title moves the task to the end of the list.
      await editor.locator(".title-field").fill(`z${first}`);
      await press(page, box(page, title));
      await closed(page);
      delete wanted[first];
      first = `z${first}`;
      Object.assign(wanted, { [first]: "pending", [title]: "completed" });
      await becomes(wanted, () => statuses(person));
      await row(page, title).waitFor({ state: "detached" });
    }
  });

  flow(`with an editor open, ${what} opens another row, and reaches a field`, async (stage, server) => {
    const person = await server.person(`opens${what.replace(" ", "")}`);
    for (const title of ["a", "b", "c"]) {
      await person.add(title, { due_date: "2031-01-01" });
    }
    const page = await stage.signedIn(person, options);
    await page.getByLabel("Sort by").selectOption("title");
    await edit(page, "a");
    await press(page, row(page, "c").locator(".title"));
    await becomes("c", () => page.locator(".title-field").inputValue());
    assert.equal(await page.locator(".editor").count(), 1);
    await page.locator(".notes-field").fill("typed");
    await press(page, page.locator("#search"));
    await closed(page);
    await becomes("typed", async () => (await person.task("c")).description);
    await page.keyboard.type("b");
    await becomes("b", () => page.locator("#search").inputValue());
  });
}

flow("what is pressed stays in its place until it is released, whatever happens elsewhere", async (stage, server) => {
  const person = await server.person("pressed");
  const tasks = {};
  for (const title of ["a", "b", "c", "d"]) {
    tasks[title] = await person.add(title);
  }
  const page = await stage.signedIn(person);
  await page.getByLabel("Sort by").selectOption("title");
  await page.clock.install();
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await page.mouse.move(...await middle(box(page, "c")));
  await page.mouse.down();
  await person.call("DELETE", `/tasks/${tasks.a.uuid}`);
  await page.locator(".left", { hasText: "3 tasks left" }).waitFor();
  assert.deepEqual(await shown(page), ["a", "b", "c", "d"]);
  await page.clock.resume();
  await page.mouse.up();
  await becomes({ b: "pending", c: "completed", d: "pending" }, () => statuses(person));
  await becomes(["b", "d"], () => shown(page));
});

flow("search and filters narrow what is selected: nothing else is acted on", async (stage, server) => {
  const person = await server.person("narrowed");
  await person.addAll(["milk", "bread", "butter", "eggs", "salt"].map((title) => ({ title, priority: title === "salt" ? "low" : "medium" })));
  const page = await stage.signedIn(person);
  const selectAll = async (count) => {
    await row(page, "salt").focus();
    await page.keyboard.press("ControlOrMeta+a");
    await page.locator(".bulk", { hasText: `${count} tasks selected` }).waitFor();
  };
  await row(page, "milk").waitFor();
  await becomes(5, async () => (await shown(page)).length);
  await selectAll(5);
  await page.locator("#search").fill("milk");
  await page.locator(".bulk", { hasText: "1 task selected" }).waitFor();
  await row(page, "milk").focus();
  await page.keyboard.press("Delete");
  await toast(page, "“milk” deleted").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await becomes(["bread", "butter", "eggs", "salt"], async () => (await shown(page)).sort());
  await selectAll(4);
  await page.getByLabel("Priority", { exact: true }).first().selectOption("low");
  await page.locator(".bulk", { hasText: "1 task selected" }).waitFor();
  await page.locator(".bulk").getByRole("button", { name: "Complete" }).click();
  await becomes("completed", async () => (await person.task("salt")).status);
  await becomes(["bread", "butter", "eggs"], async () => (await person.tasks()).filter((task) => task.status === "pending" && task.title !== "milk").map((task) => task.title).sort());
});

flow("z after the time to undo a deletion says that there is nothing to undo", async (stage, server) => {
  const person = await server.person("toolate");
  await person.add("goes");
  await person.add("stays");
  const page = await stage.signedIn(person);
  await row(page, "goes").focus();
  await page.clock.install();
  await page.keyboard.press("Delete");
  await row(page, "goes").waitFor({ state: "detached" });
  await page.clock.runFor(9_500);
  await becomes(["stays"], () => person.titles());
  await page.keyboard.press("z");
  await toast(page, "Nothing to undo").waitFor();
  assert.deepEqual(await shown(page), ["stays"]);
});

flow("an edit of title or notes is undone in its turn", async (stage, server) => {
  const person = await server.person("inturn");
  await person.add("old", { description: "old notes" });
  await person.add("other");
  const page = await stage.signedIn(person);
  await row(page, "other").focus();
  await page.keyboard.press("1");
  const editor = await edit(page, "old");
  await editor.locator(".title-field").fill("new");
  await editor.locator(".notes-field").fill("new notes");
  await page.keyboard.press("Escape");
  await row(page, "new").waitFor();
  await settled(page);
  assert.equal((await person.task("new")).description, "new notes");
  await page.keyboard.press("z");
  await becomes("old notes", async () => (await person.task("new")).description);
  await page.keyboard.press("z");
  await row(page, "old").waitFor();
  assert.equal((await person.task("other")).priority, "urgent");
  await page.keyboard.press("z");
  await becomes("medium", async () => (await person.task("other")).priority);
  await becomes(["old", "other"], () => person.titles());
});

flow("what was undone by key is not undone again by its notice", async (stage, server) => {
  const person = await server.person("twice");
  await person.add("once");
  const page = await stage.signedIn(person);
  await row(page, "once").focus();
  await page.keyboard.press("c");
  const undo = toast(page, "“once” completed").getByRole("button", { name: "Undo" });
  await undo.waitFor();
  await page.keyboard.press("z");
  await settled(page);
  await undo.click();
  await toast(page, "Nothing to undo").waitFor();
  assert.equal((await person.task("once")).status, "pending");
});

flow("a task whose answer is lost is one row, which can be edited meanwhile", async (stage, server) => {
  stage.expects(AWAY);
  const person = await server.person("twin");
  const page = await stage.signedIn(person);
  await page.getByText("A clear list").waitFor();
  let isAway = true;
  let isMade = false;
  await page.context().route("**/api/v1/tasks", async (route) => {
    if (route.request().method() !== "POST" || !isAway) {
      return route.continue();
    }
    if (!isMade) {
      await route.fetch();
      isMade = true;
    }
    return route.abort("connectionreset");
  });
  await quickAdd(page, "made");
  await until("the server has it", () => isMade);
  await becomes(["made"], () => person.titles());
  await person.add("later");
  await row(page, "later").waitFor();
  assert.deepEqual((await shown(page)).sort(), ["later", "made"]);
  await edit(page, "made");
  await page.locator(".title-field").fill("made, changed");
  await page.locator(".title-field").press("Enter");
  await reload(page);
  await row(page, "made, changed").waitFor();
  await row(page, "later").waitFor();
  assert.deepEqual((await shown(page)).sort(), ["later", "made, changed"]);
  isAway = false;
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await becomes(["later", "made, changed"], () => person.titles());
  await settled(page);
  assert.deepEqual((await shown(page)).sort(), ["later", "made, changed"]);
  assert.equal(await page.locator(".badge.conflict").count(), 0);
});

flow("decomposed letters are no conflict of a device with itself", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("letters");
  await person.add("resume");
  const page = await stage.signedIn(person);
  await row(page, "resume").waitFor();
  await page.context().setOffline(true);
  await quickAdd(page, "Cafe\u0301");
  await edit(page, "Caf\u00e9");
  await page.locator(".title-field").fill("Cafe\u0301 Ele\u0301gant");
  await page.locator(".title-field").press("Enter");
  await edit(page, "resume");
  for (const notes of ["re\u0301sume\u0301", "re\u0301sume\u0301 2"]) {
    await page.locator(".notes-field").fill(notes);
    await page.locator(".title-field").focus();
  }
  await page.keyboard.press("Escape");
  await page.locator(".badge.offline", { hasText: "4 changes wait" }).waitFor();
  await page.context().setOffline(false);
  await becomes(["Caf\u00e9 El\u00e9gant", "resume"], () => person.titles());
  await becomes("r\u00e9sum\u00e9 2", async () => (await person.task("resume")).description);
  await settled(page);
  assert.equal(await page.locator(".badge.conflict").count(), 0);
});

for (const path of ["/", "/app/board"]) {
  flow(`a choice right after typing is made, and so is the text, at ${path}`, async (stage, server) => {
    const person = await server.person(`choice${path.length}`);
    await person.add("title");
    const page = await stage.signedIn(person, { path });
    await page.locator(".row:not(.probe)", { hasText: "title" }).click();
    const editor = page.locator(".editor");
    for (const [i, name] of ["Urgent", "Low", "High"].entries()) {
      await editor.locator(".notes-field").fill(`notes ${i}`);
      await page.mouse.click(...await middle(editor.getByText(name, { exact: true })));
      await becomes([`notes ${i}`, name.toLowerCase()], async () => {
        const { description, priority } = await person.task("title");
        return [description, priority];
      });
      assert.ok(await editor.getByLabel(name, { exact: true }).isChecked());
    }
  });
}
