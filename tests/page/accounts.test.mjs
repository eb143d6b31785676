// Accounts: sign-up, sign-in and sign-out, settings, administration.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PASSWORD, becomes, quickAdd, reload, settled, signIn, stage, toast, totp, until } from "./support.mjs";

const flow = stage({ MAIL: "log", RUST_LOG: "info" });
/** Confirms an action in its dialog. */
const sure = (page, yes) => page.getByRole("alertdialog").getByRole("button", { name: yes, exact: true }).click();
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);

flow("signing up ticks the rules of a password as they are met", async (stage, server) => {
  const page = await stage.window(await stage.device());
  await page.goto(server.url);
  const met = () => page.locator(".rules .met").count();
  await page.locator("#email").fill("rule@example.org");
  assert.equal(await page.locator("#username").inputValue(), "rule");
  assert.equal(await met(), 0);
  await page.locator("#password").fill("short");
  assert.equal(await met(), 2);
  await page.locator("#password").fill(PASSWORD);
  assert.equal(await met(), 3);
  await page.locator("#password").fill("rule@example.org");
  assert.equal(await met(), 2);
  await page.locator("#password").fill("ü".repeat(37));
  assert.equal(await met(), 2);
  await page.getByRole("button", { name: "Show password" }).click();
  assert.equal(await page.locator("#password").getAttribute("type"), "text");
  await page.locator("#password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByText("A clear list").waitFor();
  await toast(page, "Welcome, rule").waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  await server.login("rule");
});

flow("what is wrong with a sign-up stands at its field", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  await server.person("taken");
  const page = await stage.window(await stage.device());
  await page.goto(server.url);
  const wrong = (name) => page.locator(`#${name}-wrong`);
  const submit = async (email, password) => {
    await page.locator("#email").fill(email);
    await page.locator("#password").fill(password);
    await page.keyboard.press("Enter");
  };
  await submit("someone@example.org", "password1");
  await wrong("password").waitFor();
  assert.match(await wrong("password").innerText(), /common/);
  assert.equal(await page.locator("#password").getAttribute("aria-invalid"), "true");
  assert.equal(await page.locator("#password").getAttribute("aria-describedby"), "password-hint password-wrong");
  await submit("someone@example.org", "someone@example.org");
  await wrong("password").waitFor();
  await submit("not an address", PASSWORD);
  await wrong("email").waitFor();
  await page.locator("#email").fill("taken@example.org");
  await wrong("email").waitFor({ state: "detached" });
  await submit("taken@example.org", PASSWORD);
  await page.locator(".problem", { hasText: "already" }).waitFor();
});

flow("a wrong password is refused, and says no more than that", async (stage, server) => {
  stage.expects(REFUSED(401));
  await server.person("wrong");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/sign-in`);
  for (const name of ["wrong", "nobody"]) {
    await page.locator("#login").fill(name);
    await page.locator("#password").fill("not the password");
    await page.keyboard.press("Enter");
    await page.locator(".problem", { hasText: "Wrong address, username or password." }).waitFor();
  }
  await signIn(page, "wrong");
});

flow("signing out forgets what was kept here", async (stage, server) => {
  const person = await server.person("out");
  const page = await stage.signedIn(person);
  await quickAdd(page, "kept here");
  await settled(page);
  await until("the database is made", () => page.evaluate(async () => (await indexedDB.databases()).length === 1));
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.locator("#login").waitFor();
  await becomes([], () => page.evaluate(async () => (await indexedDB.databases()).map((one) => one.name)));
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage)), '{"taskwell.known":"yes"}');
  assert.ok(!(await page.content()).includes("kept here"));
  const { data } = await person.call("GET", "/users/me/sessions");
  assert.equal(data.length, 1, "the page's session has ended");
});

flow("signing out in one tab ends the other", async (stage, server) => {
  // The other tab may send one more request before it learns of the sign-out.
  stage.expects(REFUSED("401"));
  const page = await stage.signedIn(await server.person("twotabs"));
  const other = await stage.tab(page);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await other.locator("#login").waitFor();
});

flow("the second factor is set up by its QR code, asked for, and turned off", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  const page = await stage.signedIn(await server.person("factor"), { path: "/app/settings" });
  const section = page.locator(".section", { hasText: "Two-factor sign-in" });
  await section.getByRole("button", { name: "Set up" }).click();
  await section.locator("#totp-password").fill("not it");
  await page.keyboard.press("Enter");
  await section.locator(".problem").waitFor();
  await section.locator("#totp-password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  const qr = section.getByRole("img", { name: /QR code/ });
  await qr.waitFor();
  const size = Number((await qr.getAttribute("viewBox")).split(" ")[2]);
  assert.ok(size >= 25 && (await qr.locator("path").getAttribute("d")).length > 1_000);
  const secret = await section.locator("code").innerText();
  await section.locator("#code").fill("000000");
  await page.keyboard.press("Enter");
  await section.locator(".problem").waitFor();
  await section.locator("#code").fill(totp(secret));
  await page.keyboard.press("Enter");
  const codes = (await section.locator("pre").innerText()).trim().split("\n");
  assert.ok(codes.length >= 8, codes.join());
  await section.getByRole("button", { name: "I have kept them" }).click();
  await section.getByText("Two-factor sign-in is on.").waitFor();

  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.locator("#login").fill("factor");
  await page.locator("#password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("#totp_code").waitFor();
  await until("the code has the focus", () => page.evaluate(() => document.activeElement.id === "totp_code"));
  await page.keyboard.type("000000");
  await page.keyboard.press("Enter");
  await page.locator(".problem").waitFor();
  await page.locator("#totp_code").fill(codes[0]);
  await page.keyboard.press("Enter");
  await page.locator(".nav").waitFor();

  await page.goto(`${server.url}/app/settings`);
  await section.getByRole("button", { name: "Turn off" }).click();
  await section.locator("#totp-password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await toast(page, "Two-factor sign-in is off.").waitFor();
  await section.getByRole("button", { name: "Set up" }).waitFor();
});

flow("a forgotten password is reset by the link of a mail", async (stage, server) => {
  await server.person("forgetful");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/sign-in`);
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.locator("#email").fill("forgetful@example.org");
  await page.keyboard.press("Enter");
  await page.getByText("a link is on its way").waitFor();
  const link = await until("the mail comes", () => server.printed.match(/\/reset-password\?token=[\w.~-]+/g)?.at(-1));
  await page.goto(server.url + link);
  await page.locator("input[type=password]").fill("quite another 1843");
  await page.keyboard.press("Enter");
  await page.getByText("Your password was changed.").waitFor();
  await page.goto(`${server.url}/app/sign-in`);
  await signIn(page, "forgetful", "quite another 1843");
});

flow("an address is verified by the link of a mail", async (stage, server) => {
  const page = await stage.signedIn(await server.person("verifier"), { path: "/app/settings" });
  const before = server.printed.length;
  await page.getByRole("button", { name: "Send a link to verify it" }).click();
  await toast(page, "A link is on its way.").waitFor();
  const link = await until("the mail comes", () => server.printed.slice(before).match(/\/verify-email\?token=[\w.~-]+/g)?.at(-1));
  await page.goto(server.url + link);
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText("Your email address is verified.").waitFor();
  await page.goto(`${server.url}/app/settings`);
  await page.locator("#email-hint", { hasText: /^verified$/ }).waitFor();
});

flow("a profile is changed, and a taken username refused", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  await server.person("other");
  const person = await server.person("profile");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  await page.locator("#name").fill("  Ada, Countess of Lovelace ");
  await page.getByRole("button", { name: "Save" }).click();
  await toast(page, "Saved").waitFor();
  assert.equal(await page.locator(".who").innerText(), "Ada, Countess of Lovelace");
  assert.equal((await person.call("GET", "/users/me")).data.name, "Ada, Countess of Lovelace");
  await page.locator("#username").fill("other");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".section").first().locator(".problem").waitFor();
});

flow("another address asks for the password", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  const person = await server.person("mover");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  assert.equal(await page.locator("#profile-password").count(), 0);
  await page.locator("#email").fill("moved@example.org");
  await page.locator("#profile-password").fill("not it");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("#profile-password-wrong").waitFor();
  assert.equal((await person.call("GET", "/users/me")).data.email, "mover@example.org");
  await page.locator("#profile-password").fill(PASSWORD);
  await page.getByRole("button", { name: "Save" }).click();
  await toast(page, "Saved").waitFor();
  assert.equal((await person.call("GET", "/users/me")).data.email, "moved@example.org");
  await page.locator("#profile-password").waitFor({ state: "detached" });
});

flow("changing the password ends access tokens and says so, unless they are kept", async (stage, server) => {
  const person = await server.person("ender");
  const make = () => person.call("POST", "/users/me/tokens", { name: "script", scopes: ["tasks:read"] });
  await make();
  const page = await stage.signedIn(person, { path: "/app/settings" });
  const tokens = page.locator(".section", { hasText: "For scripts and other programs" }).locator("li");
  await becomes(1, () => tokens.count());
  const change = async (from, to, keeps) => {
    await page.locator("#current_password").fill(from);
    await page.locator("#new_password").fill(to);
    await page.getByLabel("Keep tokens that programs use").setChecked(keeps);
    await page.locator("#new_password").press("Enter");
  };
  await change(PASSWORD, "difference engine 1822", true);
  await toast(page, "Password changed. Other sessions were ended.").waitFor();
  await becomes(1, () => tokens.count());
  await change("difference engine 1822", "analytical engine 1837", false);
  await toast(page, "Other sessions were ended, and 1 access token.").waitFor();
  await becomes(0, () => tokens.count());
});

flow("changing the password ends the other sessions and keeps this one", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  const person = await server.person("changer");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  await page.locator("#current_password").fill("not it");
  await page.locator("#new_password").fill("difference engine 1822");
  await page.keyboard.press("Enter");
  await page.locator(".section", { hasText: "Change password" }).locator(".problem").waitFor();
  await page.locator("#current_password").fill(PASSWORD);
  await page.locator("#new_password").press("Enter");
  await toast(page, "Password changed").waitFor();
  assert.equal(await page.locator("#new_password").inputValue(), "");
  assert.equal((await person.call("GET", "/users/me")).status, 401);
  await page.goto(server.url);
  await quickAdd(page, "still here");
  await settled(page);
  assert.deepEqual(await (await server.login("changer", "difference engine 1822")).titles(), ["still here"]);
});

flow("sessions are listed and ended", async (stage, server) => {
  const person = await server.person("sessions");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  const section = page.locator(".section", { hasText: "Where you are signed in" });
  await section.getByText("This one").waitFor();
  assert.equal(await section.locator("li").count(), 2);
  await section.getByRole("button", { name: /^End / }).click();
  await sure(page, "End");
  await becomes(1, () => section.locator("li").count());
  assert.equal((await person.call("GET", "/users/me")).status, 401);
  await section.getByRole("button", { name: "Sign out everywhere" }).click();
  await sure(page, "Sign out everywhere");
  await page.locator("#login").waitFor();
});

flow("a token is shown once, works, and is revoked", async (stage, server) => {
  const page = await stage.signedIn(await server.person("tokens"), { path: "/app/settings" });
  const section = page.locator(".section", { hasText: "Access tokens" });
  await section.getByText("No tokens.").waitFor();
  await section.getByLabel("Name").fill("backup script");
  await section.getByLabel("change tasks").check();
  await section.getByRole("combobox").selectOption("7");
  await section.getByRole("button", { name: "Create token" }).click();
  const token = (await section.locator("pre").innerText()).trim();
  assert.equal((await server.api("POST", "/tasks", { token, body: { title: "by token" } })).status, 201);
  assert.equal((await server.api("GET", "/users/me", { token })).status, 403);
  await reload(page);
  await section.getByText("backup script").waitFor();
  assert.match(await section.locator("li").innerText(), /read tasks, change tasks · Expires/);
  assert.ok(!(await page.content()).includes(token));
  await section.getByRole("button", { name: "Revoke backup script" }).click();
  await sure(page, "Revoke");
  await section.getByText("No tokens.").waitFor();
  assert.equal((await server.api("GET", "/tasks", { token })).status, 401);
});

flow("an export is one JSON file with everything", async (stage, server) => {
  const person = await server.person("exporter");
  await person.addAll([{ title: "first", description: "notes" }, { title: "second", status: "completed" }]);
  const page = await stage.signedIn(person, { path: "/app/settings" });
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export" }).click();
  const file = await coming;
  assert.match(file.suggestedFilename(), /^taskwell-\d{4}-\d\d-\d\d\.json$/);
  const { account, tasks } = JSON.parse(readFileSync(await file.path(), "utf8"));
  assert.equal(account.email, "exporter@example.org");
  assert.deepEqual(tasks.map((task) => [task.title, task.description, task.status]).sort(), [["first", "notes", "pending"], ["second", null, "completed"]]);
});

flow("an account is deleted after its password, and not before", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  const person = await server.person("leaver");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  await page.getByRole("button", { name: "Delete my account" }).click();
  const section = page.locator(".section.danger");
  await section.locator("#removal-password").fill("not it");
  await page.keyboard.press("Enter");
  await section.locator(".problem").waitFor();
  await section.locator("#removal-password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("#login").waitFor();
  assert.equal((await server.api("POST", "/auth/login", { body: { username: "leaver", password: PASSWORD } })).status, 401);
  await becomes([], () => page.evaluate(async () => (await indexedDB.databases()).map((one) => one.name)));
});

flow("an admin finds people, changes roles, shuts out, and reads the audit log", async (stage, server) => {
  await server.person("chief");
  const guest = await server.person("guest");
  server.command("user", "set-role", "chief", "admin");
  const page = await stage.signedIn({ name: "chief" });
  await page.getByRole("link", { name: "People" }).click();
  await page.locator("li", { hasText: "guest@example.org" }).waitFor();
  await page.getByPlaceholder("Search people").fill("guest");
  await becomes(1, () => page.locator(".cards-list li").count());
  const line = page.locator(".cards-list li");
  await line.getByRole("button", { name: "Make admin" }).click();
  await sure(page, "Make admin");
  await line.locator(".tag", { hasText: "Admin" }).waitFor();
  await line.getByRole("button", { name: "Make user" }).click();
  await sure(page, "Make user");
  await line.getByRole("button", { name: "Make admin" }).waitFor();
  await line.getByRole("button", { name: "Deactivate" }).click();
  await sure(page, "Deactivate");
  await line.locator(".tag", { hasText: "Deactivated" }).waitFor();
  assert.equal((await guest.call("GET", "/tasks")).status, 401);
  await line.getByRole("button", { name: "Activate" }).click();
  await sure(page, "Activate");
  await line.locator(".tag").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Audit log" }).click();
  await page.locator("td", { hasText: /role/ }).first().waitFor();
});

flow("who is no admin sees neither people nor their link", async (stage, server) => {
  stage.expects(REFUSED(403));
  const page = await stage.signedIn(await server.person("plain"));
  assert.equal(await page.getByRole("link", { name: "People" }).count(), 0);
  await page.goto(`${server.url}/app/people`);
  await page.getByText("This is for admins.").waitFor();
});

flow("an address of the page that names nothing says so", async (stage, server) => {
  const page = await stage.signedIn(await server.person("lost"), { path: "/app/nowhere" });
  await page.getByText("There is nothing here.").waitFor();
  await page.getByRole("link", { name: "To your tasks" }).click();
  await page.getByText("A clear list").waitFor();
});

flow("a link that was shared opens after the sign-in", async (stage, server) => {
  const person = await server.person("shared");
  await person.add("on the board");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/board`);
  await signIn(page, "shared");
  await page.locator(".card", { hasText: "on the board" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/app/board");
});
