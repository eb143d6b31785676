// The quick-add parser and due days: the web app's own modules in many time zones.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { becomes, clock, edit, outline, quickAdd, row, settled, stage } from "./support.mjs";

const flow = stage();
const ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"];
/** A Wednesday. */
const PRESENT = "2026-05-06T09:20:00";

/** Bundles and imports the modules in a language, without their timer. */
async function modules(language) {
  const web = process.env.WEB_APP ?? join(import.meta.dirname, "../../http/ui");
  const { build } = createRequire(join(web, "package.json"))("esbuild");
  const folder = mkdtempSync(join(tmpdir(), "taskwell-modules-"));
  const tick = globalThis.setInterval;
  try {
    const entry = { contents: 'export * as words from "./words"; export * as when from "./when";', resolveDir: join(web, "src/base") };
    const outfile = join(folder, "modules.mjs");
    await build({ stdin: entry, outfile, bundle: true, format: "esm", target: "es2022", logLevel: "warning" });
    Object.assign(globalThis, { document: { addEventListener() {} }, setInterval: () => 0, navigator: { languages: [language] } });
    return await import(outfile);
  } finally {
    delete globalThis.document;
    delete globalThis.navigator;
    globalThis.setInterval = tick;
    rmSync(folder, { recursive: true });
  }
}
const { words, when } = await modules("en-GB");
const german = await modules("de-AT");

/** Runs the work in each time zone. */
function everywhere(work) {
  const before = process.env.TZ;
  try {
    for (const zone of ZONES) {
      process.env.TZ = zone;
      work(zone);
    }
  } finally {
    if (before === undefined) {
      delete process.env.TZ;
    } else {
      process.env.TZ = before;
    }
  }
}

/** Returns the API's due date for a local day, or day and time. */
function dueOf(text) {
  if (text === null || !text.includes(" ")) {
    return text && `${text}T00:00:00Z`;
  }
  const at = new Date(text.replace(" ", "T"));
  // The server's format.
  const iso = at.toISOString().replace(".000Z", "Z");
  return iso.endsWith("T00:00:00Z") ? iso.replace("00Z", "00.001000Z") : iso;
}

/** Line, title, due date, priority. */
const PHRASES = [
  // Nothing to parse.
  ["Buy milk", "Buy milk", null, null],
  ["  Buy   milk ", "Buy milk", null, null],
  ["Learn .NET , then Rust ;)", "Learn .NET , then Rust ;)", null, null],
  ["Read the todays paper in mayhem", "Read the todays paper in mayhem", null, null],
  ["Renew monday.com and friday.html", "Renew monday.com and friday.html", null, null],
  ["Plan Friday's party", "Plan Friday's party", null, null],
  ["Chapter 12, verse 7", "Chapter 12, verse 7", null, null],
  ["Say wow! and !important", "Say wow! and !important", null, null],
  ["Take bus 25", "Take bus 25", null, null],
  ["Review pull request (tomorrow)", "Review pull request (tomorrow)", null, null],
  ["The sun and the wed couple", "The sun and the wed couple", null, null],
  // Days.
  ["Pay rent today", "Pay rent", "2026-05-06", null],
  ["TODAY pay rent", "pay rent", "2026-05-06", null],
  ["Cinema tonight", "Cinema", "2026-05-06", null],
  ["Cinema tonight at 8", "Cinema", "2026-05-06 20:00", null],
  ["Pay rent tomorrow", "Pay rent", "2026-05-07", null],
  ["Pay rent by tomorrow", "Pay rent", "2026-05-07", null],
  ["tmrw rent", "rent", "2026-05-07", null],
  ["Rent tmr", "Rent", "2026-05-07", null],
  ["Visit the day after tomorrow", "Visit the", "2026-05-08", null],
  ["Call Tom on Friday", "Call Tom", "2026-05-08", null],
  ["Call Tom next friday", "Call Tom", "2026-05-08", null],
  ["Wednesday swim", "swim", "2026-05-13", null],
  ["Swim on wed", "Swim", "2026-05-13", null],
  ["Swim sat", "Swim", "2026-05-09", null],
  ["Swim sun 10:00", "Swim", "2026-05-10 10:00", null],
  ["Report next week", "Report", "2026-05-11", null],
  ["Report this weekend", "Report", "2026-05-09", null],
  ["Report next month", "Report", "2026-06-01", null],
  ["Report in 3 days", "Report", "2026-05-09", null],
  ["Report in a week", "Report", "2026-05-13", null],
  ["Report in 2 weeks", "Report", "2026-05-20", null],
  ["Report in 1 month", "Report", "2026-06-06", null],
  // Dates.
  ["Taxes 2026-07-31", "Taxes", "2026-07-31", null],
  ["Taxes by 2026-02-30", "Taxes by 2026-02-30", null, null],
  ["Taxes 31 July", "Taxes", "2026-07-31", null],
  ["Taxes 31st of July", "Taxes 31st of July", null, null],
  ["Taxes July 31st", "Taxes", "2026-07-31", null],
  ["Taxes July 31, 2027", "Taxes", "2027-07-31", null],
  ["Taxes 1. dec. 2026", "Taxes", "2026-12-01", null],
  ["Taxes 31.7.", "Taxes", "2026-07-31", null],
  ["Taxes 31.7.2027", "Taxes", "2027-07-31", null],
  ["Taxes due 5 may", "Taxes", "2027-05-05", null],
  ["Taxes until 6 may", "Taxes", "2026-05-06", null],
  ["Leap on 29 feb", "Leap", "2028-02-29", null],
  ["Leap on 30 feb", "Leap on 30 feb", null, null],
  ["Sum 31.13. up", "Sum 31.13. up", null, null],
  // Times.
  ["Call at 14:00", "Call", "2026-05-06 14:00", null],
  ["Call 9:00", "Call", "2026-05-07 09:00", null],
  ["Call 9:20", "Call", "2026-05-07 09:20", null],
  ["Call 9:21", "Call", "2026-05-06 09:21", null],
  ["Call at 5pm", "Call", "2026-05-06 17:00", null],
  ["Call 5:30 PM", "Call", "2026-05-06 17:30", null],
  ["Call 12am", "Call", "2026-05-07 00:00", null],
  ["Call 12 pm", "Call", "2026-05-06 12:00", null],
  ["Call 13pm", "Call 13pm", null, null],
  ["Call at noon", "Call", "2026-05-06 12:00", null],
  ["Call friday midnight", "Call", "2026-05-08 00:00", null],
  ["Call at 8", "Call", "2026-05-07 08:00", null],
  ["Call at 25", "Call at 25", null, null],
  ["Call 24:00", "Call 24:00", null, null],
  ["Call at 9.30", "Call at 9.30", null, null],
  ["Call in 2 hours", "Call", "2026-05-06 11:20", null],
  ["Call in 45 min", "Call", "2026-05-06 10:05", null],
  ["Call in an hour", "Call", "2026-05-06 10:20", null],
  ["Call tomorrow 9:00", "Call", "2026-05-07 09:00", null],
  ["Call at 9:00 tomorrow", "Call", "2026-05-07 09:00", null],
  ["Call friday at 5:30", "Call", "2026-05-08 05:30", null],
  ["Call friday at 20:00", "Call", "2026-05-08 20:00", null],
  ["Call 31 July 17:45", "Call", "2026-07-31 17:45", null],
  // Priorities.
  ["Fix it !high", "Fix it", null, "high"],
  ["!urgent fix it", "fix it", null, "urgent"],
  ["Fix !LOW it", "Fix it", null, "low"],
  ["Fix it !med", "Fix it", null, "medium"],
  ["Fix it !1", "Fix it", null, "urgent"],
  ["Fix it !4", "Fix it", null, "low"],
  ["Fix it !5", "Fix it !5", null, null],
  ["Fix it !!", "Fix it", null, "high"],
  ["Fix it !!!", "Fix it", null, "urgent"],
  ["Fix it!!", "Fix it!!", null, null],
  // Several parts, and the text around them.
  ["pay rent tomorrow 9:00 !high", "pay rent", "2026-05-07 09:00", "high"],
  ["Tomorrow, call Bob", "call Bob", "2026-05-07", null],
  ["Call Bob tomorrow, then Ann", "Call Bob, then Ann", "2026-05-07", null],
  ["Call Bob tomorrow?", "Call Bob?", "2026-05-07", null],
  ["Call Bob today! !low", "Call Bob!", "2026-05-06", "low"],
  ["Move monday to friday", "Move monday to", "2026-05-08", null],
  ["!low task !high", "!low task", null, "high"],
  ["Naïve café 🍰 demain tomorrow", "Naïve café 🍰 demain", "2026-05-07", null],
  ["اتصل tomorrow", "اتصل", "2026-05-07", null],
  ["tomorrow !high", "", "2026-05-07", "high"],
  ["", "", null, null],
];

test("a line is understood alike in every zone", () => {
  everywhere((zone) => {
    for (const [line, title, due, priority] of PHRASES) {
      const found = words.understand(line, new Date(PRESENT));
      assert.deepEqual([found.title, found.due_date, found.priority], [title, dueOf(due), priority], `${line} in ${zone}`);
    }
  });
});

/** Further phrases for German readers. */
const GERMAN = [
  ["Miete zahlen morgen", "Miete zahlen", "2026-05-07", null],
  ["Miete zahlen heute um 18 Uhr !hoch", "Miete zahlen", "2026-05-06 18:00", "high"],
  ["Arzt am Freitag 9:30 Uhr", "Arzt", "2026-05-08 09:30", null],
  ["Bericht nächste Woche", "Bericht", "2026-05-11", null],
  ["Bericht bis übermorgen !dringend", "Bericht", "2026-05-08", "urgent"],
  ["Bericht in einer Woche", "Bericht", "2026-05-13", null],
  ["Bericht in 3 Tagen", "Bericht", "2026-05-09", null],
  ["Kino heute Abend um 8", "Kino", "2026-05-06 20:00", null],
  ["Joggen heute früh", "Joggen", "2026-05-06", null],
  ["Steuer bis zum 31. Juli", "Steuer", "2026-07-31", null],
  ["Steuer am 3. März 2027", "Steuer", "2027-03-03", null],
  ["Call Ann tomorrow at 9", "Call Ann", "2026-05-07 09:00", null],
  ["Mach es so", "Mach es so", null, null],
  ["Montagebericht schreiben", "Montagebericht schreiben", null, null],
];

test("a German line is understood, and an English one as well", () => {
  everywhere((zone) => {
    for (const [line, title, due, priority] of GERMAN) {
      const found = german.words.understand(line, new Date(PRESENT));
      assert.deepEqual([found.title, found.due_date, found.priority], [title, dueOf(due), priority], `${line} in ${zone}`);
    }
  });
  assert.equal(german.when.dueWords("2026-05-07T00:00:00Z", new Date(PRESENT)), "Morgen");
});

test("the spans of a line are what is taken out of it", () => {
  const { spans } = words.understand("!high pay rent tomorrow 9:00", new Date(PRESENT));
  assert.deepEqual(spans.map(({ kind, text, from, to }) => [kind, text, from, to]), [["priority", "!high", 0, 5], ["day", "tomorrow", 15, 23], ["time", "9:00", 24, 28]]);
});

test("what is to stay plain stays in the title", () => {
  const read = (plain) => {
    const { title, due_date, priority } = words.understand("Swim on Friday 9:00 !high", new Date(PRESENT), plain);
    return [title, due_date, priority];
  };
  assert.deepEqual(read(["on friday"]), ["Swim on Friday", dueOf("2026-05-07 09:00"), "high"]);
  assert.deepEqual(read(["9:00"]), ["Swim 9:00", dueOf("2026-05-08"), "high"]);
  assert.deepEqual(read(["on friday", "9:00", "!high"]), ["Swim on Friday 9:00 !high", null, null]);
});

test("days are counted from the reader's day, at any hour and across the ends of months and years", () => {
  const cases = [
    ["2026-05-06T00:00:00", "x today", "2026-05-06"],
    ["2026-05-06T23:59:59", "x today", "2026-05-06"],
    ["2026-05-06T23:59:59", "x tomorrow", "2026-05-07"],
    ["2026-12-31T23:30:00", "x tomorrow", "2027-01-01"],
    ["2026-12-31T23:30:00", "x 1 jan", "2027-01-01"],
    ["2026-12-31T12:00:00", "x next month", "2027-01-01"],
    ["2026-01-31T12:00:00", "x in 1 month", "2026-02-28"],
    ["2028-01-31T12:00:00", "x in 1 month", "2028-02-29"],
    ["2028-02-28T12:00:00", "x tomorrow", "2028-02-29"],
    // Saturday, Sunday and Monday.
    ["2026-05-09T12:00:00", "x this weekend", "2026-05-09"],
    ["2026-05-10T12:00:00", "x this weekend", "2026-05-16"],
    ["2026-05-10T12:00:00", "x next week", "2026-05-11"],
    ["2026-05-11T12:00:00", "x next week", "2026-05-18"],
    ["2026-05-11T12:00:00", "x monday", "2026-05-18"],
    // The clocks go forward in New York on 8 March and in Auckland on 27 September, and back on 1
    // November and 5 April.
    ["2026-03-07T22:00:00", "x tomorrow 9:00", "2026-03-08 09:00"],
    ["2026-03-07T22:00:00", "x in 2 days", "2026-03-09"],
    ["2026-09-26T22:00:00", "x tomorrow 9:00", "2026-09-27 09:00"],
    ["2026-10-31T22:00:00", "x tomorrow 9:00", "2026-11-01 09:00"],
    ["2026-04-04T22:00:00", "x in 1 day", "2026-04-05"],
    // Midnight UTC in Kolkata is a point in time, not a day.
    ["2026-05-06T04:00:00", "x 5:30", "2026-05-06 05:30"],
  ];
  everywhere((zone) => {
    for (const [present, line, due] of cases) {
      const found = words.understand(line, new Date(present)).due_date;
      assert.equal(found, dueOf(due), `${line} at ${present} in ${zone}`);
      assert.equal(when.isAllDay(found), !due.includes(" "), `${line} at ${present} in ${zone}`);
      assert.equal(when.dueDay(found), Date.parse(`${due.slice(0, 10)}T00:00:00Z`) / 86_400_000, `${line} at ${present} in ${zone}`);
    }
  });
});

test("a day is that day in every zone, from its first minute to its last", () => {
  const day = (text) => `${text}T00:00:00Z`;
  everywhere((zone) => {
    for (const hour of ["00:00:00", "09:20:00", "23:59:59"]) {
      const present = new Date(`2026-05-06T${hour}`);
      const groups = ["2026-05-05", "2026-05-06", "2026-05-07", "2026-05-08", "2026-05-12", "2026-05-13"].map((text) => when.groupOf(day(text), present));
      assert.deepEqual(groups, ["overdue", "today", "tomorrow", "week", "week", "later"], `${hour} in ${zone}`);
      assert.deepEqual(["2026-05-05", "2026-05-06", "2026-05-07"].map((text) => when.dueWords(day(text), present)), ["Yesterday", "Today", "Tomorrow"]);
    }
    assert.equal(when.groupOf(null, new Date(PRESENT)), "none");
    assert.equal(when.groupOf("2026-05-06T00:00:00.000Z", new Date("2026-05-06T12:00:00")), "today");
  });
});

test("a moment is overdue from then on", () => {
  everywhere((zone) => {
    const at = (text) => new Date(`2026-05-06T${text}`);
    const due = dueOf("2026-05-06 14:00");
    assert.deepEqual([at("00:00:00"), at("13:59:59"), at("14:00:00"), at("14:00:01")].map((present) => when.groupOf(due, present)), ["today", "today", "today", "overdue"], zone);
    assert.equal(when.groupOf(due, new Date("2026-05-05T23:59:00")), "tomorrow", zone);
  });
});

test("the fields of a form give back what they show", () => {
  everywhere((zone) => {
    for (const text of ["2026-05-06", "2026-12-31", "2026-05-06 00:00", "2026-05-06 05:30", "2026-05-06 12:00", "2026-05-06 20:00", "2026-05-06 23:59"]) {
      const due = dueOf(text);
      const { date, time } = when.formFields(due);
      assert.equal(`${date} ${time}`.trim(), text, zone);
      assert.equal(when.ofFormFields(date, time), due, `${text} in ${zone}`);
    }
    assert.deepEqual(when.formFields(null), { date: "", time: "" });
    assert.equal(when.ofFormFields("", ""), null);
    assert.equal(when.isoOfMoment(new Date("2026-05-06T10:11:12.130Z")), "2026-05-06T10:11:12.130000Z");
    assert.equal(when.ofFormFields("2026-02-30", ""), null);
  });
});

flow("the list is grouped by when something is due, and by the page's clock", async (stage, server) => {
  const person = await server.person("groups");
  const due = (text) => ({ due_date: text });
  await person.addAll([
    { title: "last month", ...due("2026-04-06") }, { title: "yesterday", ...due("2026-05-05") }, { title: "this morning", ...due("2026-05-06T09:00:00Z") },
    { title: "today", ...due("2026-05-06") }, { title: "this evening", ...due("2026-05-06T20:00:00Z") }, { title: "tomorrow", ...due("2026-05-07") },
    { title: "friday", ...due("2026-05-08") }, { title: "in six days", ...due("2026-05-12") }, { title: "in a week", ...due("2026-05-13") }, { title: "whenever" },
  ]);
  const page = await stage.signedIn(person, { timezoneId: "UTC" });
  await clock(page, "2026-05-06T12:00:00Z");
  await becomes(["[Overdue]", "last month", "yesterday", "this morning", "[Today]", "today", "this evening", "[Tomorrow]", "tomorrow", "[This week]", "friday", "in six days",
    "[Later]", "in a week", "[No date]", "whenever"], () => outline(page));
  assert.match(await row(page, "yesterday").innerText(), /Overdue:\s+Yesterday/);
  assert.match(await row(page, "friday").innerText(), /Friday/);
  await page.getByRole("link", { name: /^Today/ }).click();
  const today = ["[Overdue]", "last month", "yesterday", "this morning", "[Today]", "today", "this evening"];
  await becomes(today, () => outline(page));
  assert.equal(await page.locator(".top .left").innerText(), "5 tasks left");
  await clock(page, "2026-05-06T20:00:01Z");
  await becomes([...today.slice(0, 4), "this evening", "[Today]", "today"], () => outline(page));
  await clock(page, "2026-05-07T00:00:00Z");
  await becomes(["[Overdue]", "last month", "yesterday", "today", "this morning", "this evening", "[Today]", "tomorrow"], () => outline(page));
});

for (const zone of ZONES) {
  flow(`a day without a time is that day in ${zone}`, async (stage, server) => {
    const person = await server.person(`zone-${zone.replace(/\W/g, "-")}`);
    const page = await stage.signedIn(person, { timezoneId: zone });
    // Late in the evening and early in the morning, the local and the UTC day differ.
    const [early, late] = await page.evaluate(() => ["2026-05-06T00:30:00", "2026-05-06T23:30:00"].map((text) => new Date(text).getTime()));
    await clock(page, early);
    await quickAdd(page, "one today", "two tomorrow", "three 7 may 5:30", "five 9 may", "four 8 may 22:00");
    await settled(page);
    assert.equal((await person.task("one")).due_date, "2026-05-06T00:00:00Z");
    assert.equal((await person.task("two")).due_date, "2026-05-07T00:00:00Z");
    for (const moment of [early, late]) {
      await clock(page, moment);
      await becomes(["[Today]", "one", "[Tomorrow]", "two", "three", "[This week]", "four", "five"], () => outline(page));
      assert.match(await row(page, "three").innerText(), /Tomorrow 5:30/);
    }
    const editor = await edit(page, "one");
    assert.equal(await editor.getByLabel("Due date").inputValue(), "2026-05-06");
    assert.equal(await editor.getByLabel("Time").inputValue(), "");
  });
}

flow("groups follow the reader to another zone", async (stage, server) => {
  const person = await server.person("traveller");
  await person.addAll([{ title: "day", due_date: "2026-05-07" }, { title: "moment", due_date: "2026-05-06T13:00:00Z" }]);
  const page = await stage.signedIn(person, { timezoneId: undefined });
  const travel = await page.context().newCDPSession(page);
  const at = async (timezoneId, time) => {
    await travel.send("Emulation.setTimezoneOverride", { timezoneId });
    await clock(page, time);
  };
  await at("UTC", "2026-05-06T12:00:00Z");
  await becomes(["[Today]", "moment", "[Tomorrow]", "day"], () => outline(page));
  await becomes("Today 13:00", () => row(page, "moment").locator("time").innerText());
  await at("Pacific/Auckland", "2026-05-06T12:01:00Z");
  await becomes(["[Today]", "day", "moment"], async () => [...(await outline(page)).slice(0, 1), ...(await outline(page)).slice(1).sort()]);
  await becomes("Today 1:00", () => row(page, "moment").locator("time").innerText());
  await at("America/New_York", "2026-05-06T12:02:00Z");
  await becomes(["[Today]", "moment", "[Tomorrow]", "day"], () => outline(page));
  await becomes("Today 9:00", () => row(page, "moment").locator("time").innerText());
});
