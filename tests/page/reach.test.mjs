// Reachability: cards by keys and with Ctrl, badges while scrolling, the sidebar during a
// selection, and the page without JavaScript.
import assert from "node:assert/strict";
import { becomes, card, offline, row, shown, stage, until } from "./support.mjs";

const reach = stage();
const focused = (page) => page.evaluate(() => document.activeElement?.closest(".card, .row")?.querySelector(".text")?.textContent);
const chosen = (page) => page.locator("[aria-selected=true] .text").allInnerTexts();

reach("on the board letters lead from card to card, as the help says", async (stage, server) => {
  const person = await server.person("letters");
  await person.addAll([{ title: "a", due_date: "2031-01-01" }, { title: "b", due_date: "2031-01-02" }, { title: "c", status: "in_progress" }, { title: "d", status: "completed" }]);
  const page = await stage.signedIn(person, { path: "/app/board" });
  await card(page, "a").waitFor();
  for (const [key, there] of [["ArrowDown", "a"], ["j", "b"], ["j", "b"], ["k", "a"], ["l", "c"], ["l", "d"], ["h", "c"], ["h", "a"], ["End", "b"], ["Home", "a"]]) {
    if (key === "ArrowDown") {
      // Arrow keys enter the board from anywhere; letters need a focused card.
      await page.locator("h1").click();
    }
    await page.keyboard.press(key);
    await becomes(there, () => focused(page));
  }
  await page.keyboard.press("Shift+ArrowDown");
  await becomes(["a", "b"], async () => (await chosen(page)).sort());
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  const help = page.locator("dialog.help", { hasText: "On the board" });
  await help.getByText("← → or h l").waitFor();
  await help.getByText("↑ ↓ or k j").waitFor();
});

reach("cards are selected by ctrl and shift, and acted on together", async (stage, server) => {
  const person = await server.person("cards");
  await person.addAll(["a", "b", "c"].map((title, n) => ({ title, due_date: `2031-01-0${n + 1}` })));
  const page = await stage.signedIn(person, { path: "/app/board" });
  await card(page, "a").click({ modifiers: ["ControlOrMeta"] });
  await becomes(["a"], () => chosen(page));
  assert.equal(await page.locator("dialog").count(), 0);
  await card(page, "c").click({ modifiers: ["Shift"] });
  await becomes(["a", "b", "c"], async () => (await chosen(page)).sort());
  await card(page, "b").click();
  await becomes(["a", "c"], async () => (await chosen(page)).sort());
  await page.keyboard.press("1");
  await becomes(["a", "c"], async () => (await person.tasks()).filter((task) => task.priority === "urgent").map((task) => task.title).sort());
});

reach("badges stay in sight while one scrolls", async (stage, server) => {
  stage.expects(...offline);
  const person = await server.person("badges");
  await person.addAll(Array.from({ length: 60 }, (_, n) => ({ title: `task ${n}` })));
  for (const viewport of [{ width: 1200, height: 700 }, { width: 360, height: 640 }]) {
    const page = await stage.signedIn(person, { viewport });
    await page.getByText("60 tasks left").waitFor();
    await page.context().setOffline(true);
    await page.locator(".list .row.task").first().press("1");
    await page.locator(".badge.offline").waitFor();
    await page.evaluate(() => (document.querySelector("main").scrollTop = 1_000));
    await becomes(1_000, () => page.evaluate(() => document.querySelector("main").scrollTop));
    const isOnTop = () => page.locator(".badge.offline").evaluate((badge) => {
      const { left, top, width, height } = badge.getBoundingClientRect();
      return badge.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    });
    await until("the badge is in sight", isOnTop);
  }
});

reach("selecting in a short list moves nothing", async (stage, server) => {
  const person = await server.person("shift");
  await person.add("only");
  for (const viewport of [{ width: 1200, height: 800 }, { width: 360, height: 640 }]) {
    const page = await stage.signedIn(person, { viewport });
    await row(page, "only").waitFor();
    const places = () => page.evaluate(() => [...document.querySelectorAll(".nav a, .nav button, .nav .who, main, .list .task, .top h1")].map((one) => Object.values(one.getBoundingClientRect().toJSON()).map(Math.round).join(" ")));
    const before = await places();
    await row(page, "only").click({ modifiers: ["ControlOrMeta"] });
    await page.locator(".bulk").waitFor();
    assert.deepEqual(await places(), before);
  }
});

reach("what is done shows when it was done, in the language of the texts", async (stage, server) => {
  const person = await server.person("done");
  await person.add("late", { due_date: "2031-03-04", status: "completed" });
  const { completed_at } = await person.task("late");
  for (const [locale, today] of [["en-GB", "Today"], ["de-AT", "Heute"]]) {
    for (const path of ["/app/done", "/app/board"]) {
      const page = await stage.signedIn(person, { locale });
      await page.goto(server.url + path);
      const time = page.locator(".row:not(.probe) time");
      await time.waitFor();
      assert.equal(await time.getAttribute("datetime"), completed_at);
      const words = await time.innerText();
      assert.ok(words.includes(today) && !/2031|Mar|Mär/.test(words), words);
    }
  }
  // German texts in an English browser use German dates.
  await person.add("far", { due_date: "2031-03-04" });
  const page = await stage.signedIn(person, { locale: "en-GB" });
  await page.evaluate(() => localStorage.setItem("taskwell.language", "de"));
  await page.goto(server.url);
  await row(page, "far").waitFor();
  assert.match(await row(page, "far").locator("time").innerText(), /4\. März 2031/);
});

reach("without JavaScript the page says what it needs, in its own look", async (stage, server) => {
  const page = await stage.window(await stage.device({ javaScriptEnabled: false }));
  for (const path of ["/", "/app/board"]) {
    await page.goto(server.url + path);
    await page.getByRole("heading", { name: "This page needs JavaScript" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "the API documentation at /docs" }).getAttribute("href"), "/docs");
    const box = await page.locator(".sign").boundingBox();
    assert.ok(box.x > 100 && box.width < 500, "as the other pages outside");
  }
});

reach("with 10,000 tasks the board is there soon", async (stage, server) => {
  const person = await server.person("tenboard");
  await person.addAll(Array.from({ length: 10_000 }, (_, n) => ({ title: `task ${n}`, status: ["pending", "in_progress", "completed"][n % 3] })));
  const page = await stage.signedIn(person, { path: "/?show=all" });
  await until("all are there", async () => (await page.locator(".left").innerText()).startsWith("10,000"), 60_000);
  const times = [];
  for (let tries = 0; tries < 5; tries += 1) {
    times.push(await page.evaluate(async () => {
      const start = performance.now();
      document.querySelector("a[href='/app/board']").click();
      while (!document.querySelector(".card")) {
        await new Promise((done) => requestAnimationFrame(done));
      }
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
      return Math.round(performance.now() - start);
    }));
    assert.ok(await page.locator(".card").count() < 150);
    await page.getByRole("link", { name: "Done" }).click();
    await until("the list is there", () => shown(page).then((all) => all.length > 0));
  }
  const slow = await page.evaluate(() => {
    const start = performance.now();
    let sum = 0;
    for (let n = 0; n < 1e8; n += 1) {
      sum += n;
    }
    return sum > 0 ? 3 * Math.max(1, (performance.now() - start) / 150) : 0;
  });
  console.log(`the board after ${times.join(", ")} ms; goal 100`);
  assert.ok(Math.min(...times) < 100 * slow, `${times.join(", ")} ms`);
});
