// Appearance and accessibility: axe's rules in every view on wide and narrow screens, large type,
// reduced motion, keyboard use and announcements.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { PASSWORD, becomes, card, offline, quickAdd, row, settled, shown, stage, toast, until } from "./support.mjs";

const look = stage({ MAIL: "log" });
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** The rules whose result depends on the color scheme. */
const COLOURS = ["color-contrast", "link-in-text-block"];
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 360, height: 740 };
const day = (n) => new Date(Date.now() + n * 86_400_000).toLocaleDateString("sv-SE");
const TASKS = [
  { title: "Renew the passport", due_date: day(-2), priority: "urgent" },
  { title: "Release notes for version 2", due_date: day(0), priority: "high", status: "in_progress", description: "See the changelog." },
  { title: "Pay rent", due_date: day(0) },
  { title: "Water the plants", due_date: day(1), priority: "low" },
  { title: `A title of many words that ${"goes on and ".repeat(8)}ends`, due_date: day(40) },
  { title: "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen".repeat(2) },
  { title: "Buy oat milk", status: "completed" },
];

/** Returns axe's violations, wide and narrow, light and dark. */
async function findings(page, what, sizes = [WIDE, PHONE]) {
  if (!await page.evaluate("typeof axe === 'object'")) {
    await page.evaluate(AXE);
  }
  const found = [];
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(done)))));
      const runOnly = colorScheme === "light" ? { type: "tag", values: TAGS } : { type: "rule", values: COLOURS };
      const violations = await page.evaluate(async (runOnly) => (await axe.run(document, { runOnly, resultTypes: ["violations"] })).violations, runOnly);
      for (const { id, nodes } of violations) {
        found.push(...nodes.map((node) => `${what}, ${size.width} ${colorScheme}: ${id} ${node.target.join(" ")} ${node.html.slice(0, 200)} ${node.failureSummary}`));
      }
    }
  }
  return found;
}

/** Collects the violations in several views and reports them together. */
function audit(page) {
  const found = [];
  return {
    view: async (what, sizes) => found.push(...await findings(page, what, sizes)),
    end: () => assert.equal(found.join("\n\n"), ""),
  };
}

const STILL = { reducedMotion: "reduce", viewport: WIDE };

look("axe finds nothing where one signs in", async (stage, server) => {
  const page = await stage.window(await stage.device(STILL));
  const { view, end } = audit(page);
  await page.goto(server.url);
  await page.locator("#email").waitFor();
  await view("sign up");
  for (const [path, what] of [["/app/sign-in", "sign in"], ["/app/forgot", "forgot"], ["/verify-email?token=t", "verify"], ["/reset-password?token=t", "reset"], ["/change-password", "change"]]) {
    await page.goto(server.url + path);
    await page.locator("h1").waitFor();
    await view(what);
  }
  end();
});

look("axe finds nothing among tasks", async (stage, server) => {
  const person = await server.person("axe");
  const page = await stage.signedIn(person, STILL);
  const { view, end } = audit(page);
  await page.getByText("A clear list").waitFor();
  await view("empty");
  await person.addAll(TASKS);
  await row(page, "Pay rent").waitFor();
  await becomes(6, () => page.locator(".list .row.task").count());
  await view("tasks");
  await page.locator("#add").fill("Dentist friday 9:00 !high");
  await page.locator(".chip").first().waitFor();
  await view("what is understood");
  await page.locator("#add").press("Escape");
  await row(page, "Release notes for version 2").click();
  await page.locator(".editor").waitFor();
  await view("editor");
  await page.keyboard.press("Escape");
  await page.keyboard.press("x");
  await page.locator(".bulk").waitFor();
  await view("selection");
  await page.keyboard.press("Escape");
  await row(page, "Pay rent").press("c");
  await toast(page, "completed").waitFor();
  await view("toast");
  await page.keyboard.press("z");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await view("keys");
  await page.keyboard.press("Escape");
  await page.setViewportSize(PHONE);
  await page.getByRole("button", { name: "Menu" }).click();
  await page.locator(".nav.open").waitFor();
  await view("menu", [PHONE]);
  end();
});

look("axe finds nothing in the other views", async (stage, server) => {
  const person = await server.person("views");
  server.command("user", "set-role", "views", "admin");
  await person.addAll(TASKS);
  const page = await stage.signedIn(person, STILL);
  const { view, end } = audit(page);
  for (const [key, what] of [["t", "Today"], ["d", "Done"], ["b", "Board"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.locator("h1", { hasText: what }).waitFor();
    await page.locator(".row:not(.probe)").first().waitFor();
    await view(what);
  }
  await card(page, "Pay rent").click();
  await page.locator("dialog[open] .editor").waitFor();
  await view("card");
  await page.keyboard.press("Escape");
  await page.goto(`${server.url}/app/people`);
  await page.locator(".cards-list li").first().waitFor();
  await view("people");
  await page.goto(`${server.url}/app/audit`);
  await page.locator("td").first().waitFor();
  await view("audit");
  await page.goto(`${server.url}/app/nowhere`);
  await page.getByText("There is nothing here.").waitFor();
  await view("nowhere");
  end();
});

look("axe finds nothing in the settings", async (stage, server) => {
  const page = await stage.signedIn(await server.person("options"), { ...STILL, path: "/app/settings" });
  const { view, end } = audit(page);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.locator("#totp-password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("img", { name: /QR code/ }).waitFor();
  await page.locator("#token-name").fill("backup script");
  await page.getByRole("button", { name: "Create token" }).click();
  await page.locator(".secret pre").waitFor();
  await page.getByRole("button", { name: "Delete my account" }).click();
  await view("settings");
  end();
});

look("axe finds nothing where changes wait and where they clash", async (stage, server) => {
  stage.expects(...offline, /status of 412/);
  const person = await server.person("clash");
  await person.add("at odds");
  const page = await stage.signedIn(person, STILL);
  const { view, end } = audit(page);
  await row(page, "at odds").waitFor();
  await settled(page);
  await page.context().setOffline(true);
  await row(page, "at odds").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("my way");
  await page.keyboard.press("Enter");
  await page.locator(".badge.offline").waitFor();
  await view("offline");
  const { id } = await person.task("at odds");
  assert.equal((await person.call("PATCH", `/tasks/${id}`, { title: "their way" })).status, 200);
  await page.context().setOffline(false);
  await page.locator(".badge.conflict").click();
  await page.locator("dialog[open]").waitFor();
  await view("conflict");
  end();
});

/**
 * Returns elements that are cut off and cannot be scrolled to, and those that wrongly scroll
 * sideways.
 */
const lost = (page) => page.evaluate(() => {
  const found = [];
  const modal = document.querySelector("dialog[open]");
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} “${element.textContent.trim().slice(0, 30)}”`;
  const sideways = ["board", "table", "toolbar"];
  for (const element of (modal ?? document.documentElement).querySelectorAll("*")) {
    const style = getComputedStyle(element);
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && ["auto", "scroll"].includes(style.overflowX) && !sideways.some((one) => element.classList.contains(one))) {
      found.push(`${name(element)} scrolls sideways, ${element.scrollWidth} in ${element.clientWidth}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    found.push(`the document is ${document.documentElement.scrollWidth} wide`);
  }
  const all = (modal ?? document).querySelectorAll("h1, h2, h3, p, a, button, input, select, textarea, label, legend, dt, dd, th, td, small, strong, time, kbd, .text, .chip, .toast, .bulk, .badge");
  for (const element of all) {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest(".skip, .visually-hidden, .probe")) {
      continue;
    }
    let { left, right, top, bottom } = element.getBoundingClientRect();
    let box = element;
    for (;;) {
      const { position } = getComputedStyle(box);
      const up = box.parentElement;
      if (position === "fixed" || box === modal || !up || up === document.body) {
        break;
      }
      box = up;
      const style = getComputedStyle(box);
      const own = box.getBoundingClientRect();
      if (style.overflowX === "visible") {
        continue;
      }
      const isScroller = { x: ["auto", "scroll"].includes(style.overflowX), y: ["auto", "scroll"].includes(style.overflowY) };
      if (isScroller.x) {
        [left, right] = [left + box.scrollLeft < own.left - 1 ? -1e4 : Math.max(left, own.left), Math.min(right, own.right)];
      }
      if (isScroller.y) {
        [top, bottom] = [top + box.scrollTop < own.top - 1 ? -1e4 : own.top, own.top + 1];
      }
      if (!isScroller.x && (left < own.left - 2 || right > own.right + 2) && style.textOverflow !== "ellipsis") {
        found.push(`${name(element)} is cut off by ${name(box)}`);
        break;
      }
      if (box === modal) {
        break;
      }
    }
    if (left < -1 || right > innerWidth + 1 || top < -1 || bottom > innerHeight + 1) {
      found.push(`${name(element)} is out of reach at ${[left, top, right, bottom].map(Math.round)}`);
    }
  }
  for (const element of document.querySelectorAll(".list .row.task .text, .card .text")) {
    if (element.checkVisibility() && element.clientWidth < 60) {
      found.push(`${name(element)} has ${element.clientWidth} px`);
    }
  }
  return [...new Set(found)];
});

/** Visits all views, opens what they contain, and calls `see` for each state. */
async function walk(page, server, see) {
  const go = async (path) => {
    // Wait until the entry of what was open has left the history.
    await page.waitForFunction(() => history.state?.isOver !== true);
    await page.evaluate((to) => { history.pushState(null, "", to); dispatchEvent(new PopStateEvent("popstate")); }, path);
    await page.locator("h1").waitFor();
  };
  await row(page, "Pay rent").waitFor();
  await see("tasks");
  await row(page, "Release notes for version 2").click();
  await page.locator(".editor").waitFor();
  await see("editor");
  await page.keyboard.press("Escape");
  await page.keyboard.press("x");
  await page.locator(".bulk").waitFor();
  await see("selection");
  await page.keyboard.press("Escape");
  await row(page, "Pay rent").press("c");
  await toast(page, "completed").waitFor();
  await see("toast");
  await page.keyboard.press("z");
  await page.locator("#add").fill("Dentist friday 9:00 !high");
  await page.locator(".chip").first().waitFor();
  await see("what is understood");
  await page.locator("#add").press("Escape");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  await see("keys");
  await page.keyboard.press("Escape");
  await go("/app/board");
  await card(page, "Pay rent").waitFor();
  await see("board");
  await card(page, "Pay rent").press("Enter");
  await page.locator("dialog[open] .editor").waitFor();
  await see("card");
  await page.keyboard.press("Escape");
  for (const [path, first] of [["/app/settings", "#current_password"], ["/app/people", ".cards-list li"], ["/app/audit", "td"]]) {
    await go(path);
    await page.locator(first).first().waitFor();
    await see(path);
  }
  for (const path of ["/app/sign-up", "/app/sign-in", "/change-password"]) {
    await page.context().clearCookies();
    await page.evaluate(() => localStorage.clear());
    await page.goto(server.url + path);
    await page.locator("h1").waitFor();
    await see(path);
  }
}

for (const [name, widths, rem] of [["nothing is out of reach, however wide the window", [320, 360, 768, 1440], "100%"], ["text of twice the size can be read and used", [1280], "200%"]]) {
  look(name, async (stage, server) => {
    const person = await server.person(`wide${widths.length}`);
    server.command("user", "set-role", person.name, "admin");
    await person.addAll(TASKS);
    const page = await stage.signedIn(person, STILL);
    const found = [];
    await walk(page, server, async (what) => {
      for (const width of widths) {
        // A window of 1280 by 1024 at 400 % zoom is 320 wide and 256 high.
        await page.setViewportSize({ width, height: width === 320 ? 256 : 800 });
        await page.evaluate((size) => new Promise((done) => { document.documentElement.style.fontSize = size; requestAnimationFrame(() => requestAnimationFrame(done)); }), rem);
        found.push(...(await lost(page)).map((text) => `${what}, ${width}: ${text}`));
        if (process.env.SHOTS) {
          await page.screenshot({ path: `${process.env.SHOTS}/${what.replace(/\W/g, "-")}-${width}-${rem.replace("%", "")}.png` });
        }
      }
      await page.setViewportSize(WIDE);
    });
    assert.equal(found.join("\n"), "");
  });
}
