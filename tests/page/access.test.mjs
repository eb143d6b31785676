// Accessibility of the web app: on paper, by touch, at 400 % zoom, in forced colors, with screen
// readers, and without JavaScript.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PASSWORD, becomes, row, stage, until } from "./support.mjs";

const access = stage({ MAIL: "log" });
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** A window of 1280 by 1024 at 400 % zoom. */
const ZOOMED = { viewport: { width: 320, height: 256 }, reducedMotion: "reduce" };
const PHONE = { viewport: { width: 390, height: 740 }, hasTouch: true, isMobile: true, reducedMotion: "reduce" };
const day = (n) => new Date(Date.now() + n * 86_400_000).toLocaleDateString("sv-SE");
const many = (count) => Array.from({ length: count }, (_, n) => ({
  title: `task ${n}`, due_date: n % 3 ? day(n % 9) : null, priority: ["low", "medium", "high", "urgent"][n % 4], status: ["pending", "in_progress", "completed"][n % 3],
}));

/**
 * Returns the contrast of an element's color with its background (WCAG 2.1, relative luminance).
 */
const contrast = (locator, property) => locator.evaluate((element, property) => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
  };
  const light = () => {
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const layers = [];
  for (let up = element.parentElement; up; up = up.parentElement) {
    layers.unshift(getComputedStyle(up).backgroundColor);
  }
  paint("#fff");
  layers.forEach(paint);
  const behind = light();
  paint(getComputedStyle(element)[property]);
  const own = light();
  return (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05);
}, property);

for (const colorScheme of ["light", "dark"]) {
  access(`fields and what is chosen are seen when it is ${colorScheme}`, async (stage, server) => {
    const person = await server.person(`edges${colorScheme}`);
    await person.add("first");
    const page = await stage.signedIn(person, { colorScheme, reducedMotion: "reduce" });
    await row(page, "first").click();
    await page.locator(".editor").waitFor();
    const seen = [["#search", "borderTopColor"], [".quick-add .line", "borderTopColor"], [".editor .title-field", "borderTopColor"], [".editor .notes-field", "borderTopColor"],
      [".editor input[type=date]", "borderTopColor"], [".toolbar .pick", "borderTopColor"], [".editor .segments", "borderTopColor"]];
    for (const [selector, property] of seen) {
      const found = await contrast(page.locator(selector).first(), property);
      assert.ok(found >= 3, `${selector}: ${found.toFixed(2)}`);
    }
    for (const name of ["To do", "Medium", "Urgent", "High", "Low"]) {
      const radio = page.getByRole("radio", { name });
      await radio.check();
      const found = await contrast(radio.locator("+ span"), "backgroundColor");
      assert.ok(found >= 3, `${name}: ${found.toFixed(2)}`);
    }
    await page.goto(`${server.url}/app/settings`);
    await page.locator("#current_password").waitFor();
    assert.ok(await contrast(page.locator("#current_password"), "borderTopColor") >= 3);
  });
}

access("forced colours show what is selected and chosen", async (stage, server) => {
  const person = await server.person("forced");
  await person.addAll([{ title: "a" }, { title: "b" }]);
  const page = await stage.signedIn(person, { forcedColors: "active", reducedMotion: "reduce" });
  const colour = (locator) => locator.evaluate((element) => getComputedStyle(element).backgroundColor);
  await row(page, "a").click({ modifiers: ["ControlOrMeta"] });
  await page.locator(".bulk").waitFor();
  assert.notEqual(await colour(row(page, "a")), await colour(row(page, "b")));
  await page.keyboard.press("Escape");
  await row(page, "a").click();
  const segment = (name) => page.getByRole("radio", { name }).locator("+ span");
  assert.notEqual(await colour(segment("To do")), await colour(segment("In progress")));
});

/** Returns axe's violations in every view. */
async function findings(page, server) {
  const found = [];
  for (const path of ["/", "/app/today", "/app/board", "/app/done", "/app/settings", "/app/people", "/app/audit"]) {
    await page.goto(server.url + path);
    await page.locator("h1").waitFor();
    await page.locator(".row:not(.probe), #current_password, .cards-list li, td, .empty").first().waitFor({ state: "attached" });
    await page.evaluate(AXE);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      const violations = await page.evaluate(async () => (await axe.run(document, { resultTypes: ["violations"] })).violations);
      found.push(...violations.flatMap(({ id, nodes }) => nodes.map((node) => `${path} ${scheme}: ${id} ${node.target.join(" ")}`)));
    }
    const wide = await page.evaluate(() => [...document.querySelectorAll("html, main, .board, .column-tasks")].filter((part) => getComputedStyle(part).overflowX !== "hidden" && part.scrollWidth > part.clientWidth + 1).map((part) => part.className || part.tagName));
    if (page.viewportSize().width === 320) {
      assert.deepEqual(wide, [], `${path} scrolls sideways`);
    }
  }
  return found;
}

for (const [name, options] of [["at a zoom of 400 %", ZOOMED], ["in forced colours", { forcedColors: "active", reducedMotion: "reduce" }], ["by touch", PHONE]]) {
  access(`axe finds nothing ${name}`, async (stage, server) => {
    const who = `axe${name.replace(/\W/g, "")}`;
    const person = await server.person(who);
    server.command("user", "set-role", who, "admin");
    await person.addAll(many(9));
    assert.deepEqual(await findings(await stage.signedIn(person, options), server), []);
  });
}

access("at 400 % the board shows one column at a time, whole and by keys", async (stage, server) => {
  const person = await server.person("zoom");
  await person.addAll(many(60));
  const page = await stage.signedIn(person, { ...ZOOMED, path: "/app/board" });
  const visible = () => page.locator(".column:visible h2").evaluateAll((all) => all.map((one) => one.textContent.replace(/\W*\d+$/, "")));
  await page.locator(".card:visible").first().waitFor();
  assert.deepEqual(await visible(), ["To do"]);
  const box = await page.locator(".card:visible").first().boundingBox();
  assert.ok(box.width > 250 && box.height >= 60, JSON.stringify(box));
  await page.getByRole("radio", { name: /^Done/ }).check();
  await becomes(["Done"], visible);
  await until("few cards are in the document", async () => (await page.locator(".column.completed .card").count()) < 20);
  // The whole view scrolls down to the last card.
  await page.locator("h1").click();
  await page.locator(".card:visible").first().focus();
  await page.keyboard.press("End");
  await until("the last card has the focus and is in sight", () => page.evaluate(() => {
    const card = document.activeElement.closest(".card");
    const { top, bottom } = card?.getBoundingClientRect() ?? { top: -1, bottom: 0 };
    return card?.getAttribute("aria-rowindex") === "20" && top >= 0 && bottom <= document.querySelector("main").getBoundingClientRect().bottom;
  }));
  await page.keyboard.press("h");
  await becomes(["In progress"], visible);
  await until("the card there has the focus", () => page.evaluate(() => document.activeElement.closest(".column.in_progress .card") !== null));
});

access("all tasks are printed, and none over another", async (stage, server) => {
  const person = await server.person("paper");
  await person.addAll([...many(55), { title: "long ".repeat(39).trim() }]);
  const page = await stage.signedIn(person, { path: "/?show=all" });
  await page.getByText("56 tasks").waitFor();
  await page.evaluate(() => addEventListener("beforeprint", () => queueMicrotask(() => (window.printed = document.querySelectorAll(".row.task").length))));
  assert.ok(await page.locator(".row.task").count() < 56);
  await page.pdf();
  assert.equal(await page.evaluate("printed"), 56);
  for (const [path, rows] of [["/?show=all", ".list .row.task"], ["/app/board", ".card"]]) {
    await page.goto(server.url + path);
    await page.locator(rows).first().waitFor();
    await page.emulateMedia({ media: "print" });
    await becomes(56, () => page.locator(rows).count());
    const overlaps = await page.evaluate((rows) => {
      const boxes = [...document.querySelectorAll(`${rows}, .head:not(.probe)`)].map((one) => one.getBoundingClientRect()).sort((a, b) => a.top - b.top);
      return boxes.filter((box, n) => n > 0 && (box.height < 20 || box.top < boxes[n - 1].bottom - 1)).length;
    }, rows);
    assert.equal(overlaps, 0, path);
    assert.ok(await page.evaluate(() => document.documentElement.scrollHeight > 1_500), "more than one sheet");
    await page.emulateMedia({ media: "screen" });
    await until("few rows again", async () => (await page.locator(rows).count()) < 56);
  }
});

access("what a finger presses is 44 pixels wide and high", async (stage, server) => {
  const person = await server.person("finger");
  await person.addAll(many(6));
  const page = await stage.signedIn(person, PHONE);
  const small = (seen) => seen.evaluate(() => [...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button, input, select, textarea, a, [role=checkbox]")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest(".skip, .visually-hidden") && !(one.tagName === "A" && one.closest("p:not(.other), dd, small")))
    .map((one) => ({ one, box: (one.closest("label") && one.matches("[type=checkbox], [type=radio]") ? one.closest("label") : one).getBoundingClientRect() }))
    .filter(({ box }) => box.width > 0 && (box.width < 43.5 || box.height < 43.5))
    .map(({ one, box }) => `${one.tagName}.${one.className}#${one.id} “${one.textContent.slice(0, 20)}” ${Math.round(box.width)}×${Math.round(box.height)}`));
  const found = [];
  const see = async (what, seen = page) => found.push(...(await small(seen)).map((text) => `${what}: ${text}`));
  await row(page, "task 1").waitFor();
  await see("tasks");
  await page.locator("#add").fill("Dentist friday 9:00 !high");
  await page.locator(".chip").first().waitFor();
  await see("what is understood");
  await page.locator("#add").fill("");
  await row(page, "task 1").click();
  await page.locator(".editor").waitFor();
  await see("editor");
  await page.locator(".title-field").press("Escape");
  await row(page, "task 1").press("x");
  await page.locator(".bulk").waitFor();
  await see("selection");
  await page.keyboard.press("Escape");
  await row(page, "task 1").getByRole("checkbox").click();
  await page.locator(".toast button").first().waitFor();
  await see("toast");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await see("help");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Menu" }).click();
  await page.locator(".nav.open").waitFor();
  await see("menu");
  await page.goto(`${server.url}/app/board`);
  await page.locator(".card").first().waitFor();
  await see("board");
  await page.goto(`${server.url}/app/settings`);
  await page.locator("#current_password").waitFor();
  await see("settings");
  await page.getByRole("button", { name: "Sign out everywhere" }).first().click();
  await page.locator("dialog[open]").waitFor();
  await see("question");
  const outside = await stage.window(await stage.device(PHONE));
  for (const path of ["/app/sign-up", "/app/sign-in", "/app/forgot"]) {
    await outside.goto(server.url + path);
    await outside.locator("h1").waitFor();
    await see(path, outside);
  }
  assert.deepEqual([...new Set(found)], []);
});

access("the focus follows from one account page to the next, and to what was refused", async (stage, server) => {
  stage.expects(/status of (4\d\d)/);
  await server.person("taken");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/sign-up`);
  await page.locator("#email").waitFor();
  const on = (text) => becomes(text, () => page.evaluate(() => document.activeElement.tagName === "H1" ? document.activeElement.textContent : document.activeElement.id));
  for (const [link, heading] of [["Sign in", "Sign in to Taskwell"], ["Forgot your password?", "Reset your password"], ["Back to sign in", "Sign in to Taskwell"], ["Sign up", "Create your account"]]) {
    await page.getByRole("link", { name: link }).click();
    await on(heading);
  }
  await page.locator("#email").fill("taken@example.org");
  await page.locator("#password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.locator(".problem").first().waitFor();
  await until("the focus is where the problem is", () => page.evaluate(() => document.activeElement.matches("[aria-invalid=true], .problem")));
  await page.locator("#email").fill("free@example.org");
  await page.locator("#username").fill("free");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.locator(".nav").waitFor();
  await on("Tasks");
});

access("a title is read once in a row and on a card", async (stage, server) => {
  const person = await server.person("once");
  await person.add("Pay rent", { due_date: day(0), priority: "high" });
  const page = await stage.signedIn(person);
  await row(page, "Pay rent").waitFor();
  for (const path of ["/", "/app/board"]) {
    await page.goto(server.url + path);
    const line = page.getByRole("row", { name: "Pay rent High Today" });
    await line.waitFor();
    assert.equal(await line.getByRole("rowheader", { name: "Pay rent" }).count(), 1);
    for (const role of ["checkbox", "button"]) {
      assert.equal(await line.getByRole(role, { name: "Pay rent" }).count(), 0, `${path}: ${role}`);
    }
    assert.equal(await line.getByRole("checkbox", { name: "Done" }).count(), 1);
    assert.ok(await line.evaluate((element) => element.closest("[role=grid]") !== null && element.hasAttribute("aria-selected")));
  }
});
