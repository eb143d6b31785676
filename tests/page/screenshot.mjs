// Draws docs/screenshot.png for the README: `cargo test -- --ignored screenshot`.
import { statSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Server, signIn } from "./support.mjs";

const repository = process.env.REPOSITORY ?? join(import.meta.dirname, "../..");
const now = new Date("2026-05-06T09:20:00");
const day = (n) => new Date(now.getTime() + n * 86_400_000).toISOString().slice(0, 10);
const at = (n, hours) => new Date(`${day(n)}T${hours}:00`).toISOString();
const TASKS = [
  { title: "Renew the passport", due_date: day(-2), priority: "urgent" },
  { title: "Send the March invoice", due_date: day(-1) },
  { title: "Release notes for version 2", due_date: at(0, "14:00"), priority: "high", status: "in_progress", description: "See the changelog." },
  { title: "Pay rent", due_date: day(0), priority: "high" },
  { title: "Pick up the parcel", due_date: at(0, "17:30") },
  { title: "Water the plants", due_date: day(1), priority: "low" },
  { title: "Call Grace about the compiler talk", due_date: at(1, "10:00") },
  { title: "Prepare the slides", due_date: day(3), status: "in_progress", description: "Twelve at most." },
  { title: "Book a table for eight", due_date: at(4, "19:00") },
  { title: "Plan the summer trip", due_date: day(40) },
  { title: "Learn to juggle five balls" },
  { title: "Buy oat milk", status: "completed" },
];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const server = await Server.start();
try {
  const person = await server.person("ada");
  await person.call("PATCH", "/users/me", { name: "Ada Lovelace" });
  for (const task of TASKS) {
    await person.add(task.title, task);
  }
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", locale: "en-GB", serviceWorkers: "block" });
  const page = await context.newPage();
  await page.clock.setFixedTime(now);
  await page.goto(`${server.url}/app/sign-in`);
  await signIn(page, "ada");
  await page.locator(".row.task").first().waitFor();
  await page.locator("#add").fill("Dentist friday 9:00 !high");
  await page.locator(".chip").first().waitFor();
  const picture = await page.screenshot();

  // Scale the picture down in the browser to keep the file small.
  await page.goto("about:blank");
  const small = join(repository, "docs/screenshot.png");
  await page.setViewportSize({ width: 1080, height: 675 });
  await page.setContent(`<style>body{margin:0}img{width:1080px;display:block}</style><img src="data:image/png;base64,${picture.toString("base64")}">`);
  await page.locator("img").evaluate((image) => image.decode());
  await page.screenshot({ path: small });
  console.log(`${small}: ${statSync(small).size} bytes`);
} finally {
  await browser.close();
  await server.end();
}
