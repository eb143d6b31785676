// Keyboard only: no clicks, the focus is always set and visible, and every action is announced.
import assert from "node:assert/strict";
import { PASSWORD, becomes, card, row, settled, shown, stage, until } from "./support.mjs";

const keys = stage();
/** Returns the focused element and whether its focus is visible. */
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const frame = getComputedStyle(element.closest(".line, .segments label") ?? element);
  const ring = style.outlineStyle !== "none" || frame.boxShadow !== "none" || frame.borderColor !== "";
  return { name: element.tagName === "BODY" ? "body" : `${element.tagName}.${element.className}#${element.id}`, ring };
});
const kept = async (page, after) => {
  await page.waitForTimeout(50);
  const { name, ring } = await focused(page);
  assert.notEqual(name, "body", `the focus is lost after ${after}`);
  assert.ok(ring, `the focus does not show after ${after}: ${name}`);
};
const said = (page, text) => until(`“${text}” is read out`, async () => (await page.locator("[role=status].visually-hidden").innerText()).includes(text));
/** Presses Tab until a selector has the focus. */
async function tabTo(page, wanted, most = 40) {
  for (let tries = 0; tries < most; tries += 1) {
    if (await page.evaluate((selector) => document.activeElement.matches(selector), wanted)) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`${wanted} is not reached by Tab`);
}

keys("from the sign-up to many at once without a mouse", async (stage, server) => {
  const page = await stage.window(await stage.device());
  await page.goto(server.url);
  await page.locator("#email").waitFor();
  await tabTo(page, "#email");
  await page.keyboard.type("keys@example.org");
  await tabTo(page, "#password");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator(".nav").waitFor();
  await page.keyboard.press("n");
  for (const line of ["Pay rent tomorrow 9:00 !high", "Water the plants today", "Buy milk today", "Read a book"]) {
    await page.keyboard.type(line);
    await page.keyboard.press("Enter");
  }
  await kept(page, "adding");
  await said(page, "“Read a book” added");
  await becomes(4, () => page.locator(".list .row.task").count());
  await page.keyboard.press("Escape");
  await page.keyboard.press("Home");
  await kept(page, "Home");
  await becomes("Buy milk", () => page.evaluate(() => document.activeElement.querySelector(".text")?.innerText));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await said(page, "“Water the plants” completed");
  await becomes(["Buy milk", "Pay rent", "Read a book"], () => shown(page));
  await kept(page, "completing");
  await page.keyboard.press("z");
  await said(page, "Undone");
  await becomes(4, () => page.locator(".list .row.task").count());
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.locator(".editor").waitFor();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Buy oat milk");
  await tabTo(page, ".editor input[type=date]");
  await tabTo(page, ".editor .choice input[type=radio]");
  await kept(page, "Tab in the editor");
  await page.keyboard.press("Escape");
  await row(page, "Buy oat milk").waitFor();
  await kept(page, "closing the editor");
  await page.keyboard.press("Delete");
  await said(page, "“Buy oat milk” deleted");
  await kept(page, "deleting");
  await page.keyboard.press("z");
  await row(page, "Buy oat milk").waitFor();
  await page.keyboard.press("End");
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowUp");
  await page.locator(".bulk", { hasText: "2 tasks selected" }).waitFor();
  await page.keyboard.press("1");
  await said(page, "2 tasks changed");
  await page.keyboard.press("Escape");
  await page.locator(".bulk").waitFor({ state: "detached" });
  await kept(page, "the end of the selection");
});

keys("the board, the help and the settings by keys", async (stage, server) => {
  const person = await server.person("boardkeys");
  await person.add("first");
  const page = await stage.signedIn(person);
  await row(page, "first").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("b");
  await card(page, "first").waitFor();
  await tabTo(page, ".card");
  await page.keyboard.press("Shift+ArrowRight");
  await page.locator(".column.in_progress .card").waitFor();
  await kept(page, "moving a card");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open] .editor").waitFor();
  await kept(page, "opening a card");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await kept(page, "closing a card");
  await settled(page);
  assert.equal((await person.task("first")).status, "in_progress");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await kept(page, "the help");
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.locator("#current_password").waitFor();
  await tabTo(page, "#current_password");
  await kept(page, "Tab to a field");
});

keys("who wants it still sees nothing move", async (stage, server) => {
  const person = await server.person("still");
  await person.add("first");
  const page = await stage.signedIn(person, { reducedMotion: "reduce" });
  await row(page, "first").press("c");
  await page.locator(".toast").waitFor();
  assert.deepEqual(await page.evaluate(() => document.getAnimations().map((one) => one.effect?.getTiming().duration)), []);
});
