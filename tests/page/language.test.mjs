// The reader's language: from the browser or chosen in the settings.
import assert from "node:assert/strict";
import { becomes, quickAdd, row, settled, signIn, stage } from "./support.mjs";

const talk = stage();
const language = (page) => page.evaluate(() => document.documentElement.lang);

talk("a German browser gets German texts, dates and numbers", async (stage, server) => {
  const person = await server.person("lisa");
  await person.addAll(Array.from({ length: 1001 }, (_, i) => ({ title: `Aufgabe ${i}` })));
  await person.add("Urlaub planen", { due_date: "2090-03-05" });
  const page = await stage.window(await stage.device({ locale: "de-DE" }));
  await page.goto(`${server.url}/app/sign-in`);
  await page.getByRole("heading", { name: "Bei Taskwell anmelden" }).waitFor();
  assert.equal(await language(page), "de");
  await signIn(page, "lisa");
  await becomes("Noch 1.002 Aufgaben", () => page.locator(".left").innerText());
  assert.match(await row(page, "Urlaub planen").innerText(), /5\. März 2090/);
  await quickAdd(page, "Miete zahlen morgen um 9 Uhr !hoch", "Call Ann tomorrow !low");
  assert.match(await row(page, "Miete zahlen").innerText(), /Hoch\s+Morgen 9:00/);
  assert.match(await row(page, "Call Ann").innerText(), /Niedrig\s+Morgen/);
  await settled(page);
});

talk("the choice in the settings stays in this browser, and the browser's language returns", async (stage, server) => {
  const person = await server.person("paul");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  assert.equal(await language(page), "en");
  await page.getByLabel("Language", { exact: true }).selectOption("de");
  await page.getByRole("heading", { name: "Einstellungen" }).waitFor();
  assert.equal(await language(page), "de");
  await page.goto(server.url);
  await page.getByRole("link", { name: "Aufgaben", exact: true }).waitFor();
  await page.goto(`${server.url}/app/settings`);
  await page.getByLabel("Sprache", { exact: true }).selectOption({ label: "Wie im Browser" });
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("taskwell.language")), null);
});

talk("what the server refuses is said in the reader's language", async (stage, server) => {
  const page = await stage.window(await stage.device({ locale: "de-DE" }));
  stage.expects(/status of 4\d\d/);
  await page.goto(`${server.url}/app/sign-up`);
  await page.locator("#email").fill("nobody");
  await page.locator("#password").fill("x");
  await page.keyboard.press("Enter");
  await page.getByText("Das hat nicht die richtige Form.").waitFor();
  await page.getByText("Dieses Passwort ist zu leicht zu erraten.").or(page.getByText("Das ist zu kurz.")).waitFor();
});

talk("other languages than those there are get English", async (stage, server) => {
  const page = await stage.window(await stage.device({ locale: "fr-FR" }));
  await page.goto(`${server.url}/app/sign-in`);
  await page.getByRole("heading", { name: "Sign in to Taskwell" }).waitFor();
  assert.equal(await language(page), "en");
});
