// Speed with many tasks. A test fails at three times its goal, so that it passes on a busy machine.
// The limit grows in proportion if 100 million additions take longer than 150 ms.
import assert from "node:assert/strict";
import { becomes, shown, stage } from "./support.mjs";

const speed = stage();
/** Returns the factor by which the goals may be exceeded. */
const slack = (page) => page.evaluate(() => {
  const start = performance.now();
  let sum = 0;
  for (let n = 0; n < 1e8; n += 1) {
    sum += n;
  }
  return sum > 0 ? 3 * Math.max(1, (performance.now() - start) / 150) : 0;
});
const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
const many = (count) => Array.from({ length: count }, (_, n) => ({
  title: `${["buy", "write", "call", "plan", "read"][n % 5]} ${["milk", "report", "mum", "trip"][(n * 7) % 4]} ${n}`,
  due_date: n % 5 === 0 ? null : day(((n * 37) % 200) - 20), priority: ["low", "medium", "high", "urgent"][n % 4],
}));

speed("with 1,000 tasks the first is in sight soon after the navigation, and nothing moves", async (stage, server) => {
  const person = await server.person("thousand");
  await person.addAll(many(1_000));
  const page = await stage.signedIn(person);
  await becomes("1,000 tasks left", () => page.locator(".left").innerText());
  // Storage is written a moment later.
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready) && navigator.serviceWorker.controller !== null);
  const other = await stage.window(page.context());
  await other.addInitScript(() => {
    window.moved = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.moved += entry.value))).observe({ type: "layout-shift", buffered: true });
    const look = () => requestAnimationFrame(() => (document.querySelector(".list .row.task .text") ? (window.first ??= performance.now()) : look()));
    look();
  });
  const times = [];
  for (let tries = 0; tries < 5; tries += 1) {
    await other.goto(server.url);
    await other.locator(".list .row.task .text").first().waitFor();
    times.push(Math.round(await other.evaluate(() => window.first)));
    await other.waitForTimeout(300);
    assert.equal(await other.evaluate(() => window.moved), 0, "the layout shifted");
  }
  const best = Math.min(...times);
  console.log(`first task in sight after ${times.join(", ")} ms; goal 300`);
  assert.ok(best < 300 * await slack(page), `${best} ms`);
});

/** Counts the calls of the web app's functions, which do not depend on the speed of the machine. */
async function counter(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Profiler.enable");
  await devtools.send("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  return async () => {
    const { result } = await devtools.send("Profiler.takePreciseCoverage");
    const ours = result.filter(({ url }) => url.includes("/assets/")).flatMap(({ functions }) => functions);
    return ours.reduce((sum, { ranges }) => sum + ranges[0].count, 0);
  };
}

/** Opens a list of ten thousand tasks. */
async function tenThousand(stage, server, name) {
  const person = await server.person(name);
  await person.addAll(many(10_000));
  const page = await stage.signedIn(person);
  await becomes("10,000 tasks left", () => page.locator(".left").innerText(), 30_000);
  await page.waitForTimeout(1_000);
  return page;
}

speed("with 10,000 tasks an act does nothing for each of them", async (stage, server) => {
  const page = await tenThousand(stage, server, "counted");
  // Stop the clock, because the groups are computed again every half minute.
  await page.clock.setFixedTime(new Date());
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.waitForTimeout(300);
  const calls = await counter(page);
  const counted = {};
  const act = async (name, work) => {
    await calls();
    await work();
    // Include the server's response and the event on the stream of changes.
    await page.waitForTimeout(600);
    counted[name] = await calls();
  };
  await page.locator(".list .row.task:not(.probe)").nth(2).focus();
  await act("move", () => page.keyboard.press("j"));
  await act("complete", () => page.keyboard.press("Space"));
  await act("undo", () => page.keyboard.press("z"));
  await act("priority", () => page.keyboard.press("1"));
  await act("open", () => page.keyboard.press("Enter"));
  await act("type", () => page.keyboard.type("abc"));
  await act("close", () => page.keyboard.press("Escape"));
  await act("delete", () => page.keyboard.press("Delete"));
  await act("select", () => page.keyboard.press("x"));
  await page.keyboard.press("Escape");
  const pressed = page.locator(".list .row.task:not(.probe)");
  await act("open by a click", () => pressed.nth(3).click());
  await act("open another by a click", () => pressed.nth(5).click());
  await act("close by a click", () => page.locator(".top h1").click());
  await act("complete by a click", () => pressed.nth(4).getByRole("checkbox").click());
  await page.locator("#add").fill("buy stamps tomorrow");
  await act("add", () => page.keyboard.press("Enter"));
  await page.goto(`${server.url}/app/board`);
  await page.locator(".card:not(.probe)").nth(2).focus();
  await page.waitForTimeout(600);
  await act("move on the board", () => page.keyboard.press("j"));
  await act("status on the board", () => page.keyboard.press("s"));
  console.log(`calls with 10,000 tasks: ${JSON.stringify(counted)}`);
  // Each visible row takes a few hundred calls.
  assert.deepEqual(Object.entries(counted).filter(([, count]) => count > 40_000), []);
});

speed("with 10,000 tasks each act shows at once, and few rows are in the document", async (stage, server) => {
  const page = await tenThousand(stage, server, "tenthousand");
  await page.evaluate(() => {
    window.slowest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.slowest = Math.max(window.slowest, entry.duration)))).observe({ type: "event", durationThreshold: 16 });
  });
  const measured = {};
  const act = async (name, work) => {
    await page.evaluate(() => (window.slowest = 0));
    await work();
    await page.waitForTimeout(150);
    measured[name] = await page.evaluate(() => window.slowest);
  };
  await page.locator("#search").focus();
  await act("search", () => page.keyboard.type("report", { delay: 60 }));
  assert.ok((await shown(page)).every((title) => title.includes("report")));
  await page.keyboard.press("Escape");
  await page.locator(".list .row.task").nth(2).focus();
  await act("move", () => page.keyboard.press("j"));
  await act("complete", () => page.keyboard.press("Space"));
  await act("priority", () => page.keyboard.press("1"));
  await act("open", () => page.keyboard.press("Enter"));
  await act("type", () => page.keyboard.type("abc", { delay: 60 }));
  await act("close", () => page.keyboard.press("Escape"));
  await act("delete", () => page.keyboard.press("Delete"));
  const frames = await page.evaluate(async () => {
    const scroller = document.querySelector("[data-scrolls]");
    const times = [];
    let rows = 0;
    for (let last = performance.now(), step = 0; step < 90; step += 1) {
      scroller.scrollTop += scroller.scrollHeight / 90;
      await new Promise((done) => requestAnimationFrame(done));
      times.push(performance.now() - last);
      last = performance.now();
      rows = Math.max(rows, document.querySelectorAll(".list .row").length);
    }
    return { median: times.sort((a, b) => a - b)[45], rows };
  });
  await act("board", () => page.locator(".nav").getByRole("link", { name: "Board" }).click());
  await act("list", () => page.locator(".nav").getByRole("link", { name: "Tasks" }).click());
  await act("board again", () => page.locator(".nav").getByRole("link", { name: "Board" }).click());
  console.log(`to the next paint, in ms; goal 50, for another view 100: ${JSON.stringify(measured)}; a frame of scrolling ${frames.median.toFixed(1)} ms, ${frames.rows} rows`);
  assert.ok(frames.rows < 80, `${frames.rows} rows`);
  const allowed = await slack(page);
  const goal = (name) => (["board", "list", "board again"].includes(name) ? 100 : 50);
  assert.deepEqual(Object.entries(measured).filter(([name, ms]) => ms >= goal(name) * allowed), []);
  assert.ok(frames.median < 16.7 * allowed, `${frames.median} ms`);
});
