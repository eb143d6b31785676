// Forms name what is wrong and where, and dangerous actions ask for confirmation.
import assert from "node:assert/strict";
import { PASSWORD, becomes, signIn, stage, toast, until } from "./support.mjs";

const flow = stage({ MAIL: "log", RUST_LOG: "info" });
const REFUSED = (status) => new RegExp(`the server responded with a status of ${status}`);
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
const dialog = (page) => page.getByRole("alertdialog");
const answer = (page, name) => dialog(page).getByRole("button", { name, exact: true }).click();
const closed = (page) => dialog(page).waitFor({ state: "detached" });

/**
 * Triggers an action, checks that Cancel, Escape and Enter on Cancel do nothing, then confirms it.
 */
async function asks(page, button, { says, yes, nothing }) {
  const opened = async () => {
    await button.click();
    await dialog(page).waitFor();
    assert.equal(await focused(page), "Cancel");
    for (const text of says) {
      assert.ok((await dialog(page).innerText()).includes(text), `${text} in ${await dialog(page).innerText()}`);
    }
  };
  for (const leave of [() => page.keyboard.press("Escape"), () => page.keyboard.press("Enter"), () => answer(page, "Cancel")]) {
    await opened();
    await leave();
    await closed(page);
    assert.ok(await button.evaluate((element) => element === document.activeElement), "the button has the focus again");
    await nothing();
  }
  await opened();
  await answer(page, yes);
  await closed(page);
}

flow("an admin is asked before an account is changed", async (stage, server) => {
  await server.person("boss");
  const guest = await server.person("visitor");
  server.command("user", "set-role", "boss", "admin");
  const page = await stage.signedIn({ name: "boss" }, { path: "/app/people" });
  const line = page.locator(".cards-list li", { hasText: "visitor@example.org" });
  const is = async (role, active) => {
    const users = (await boss.call("GET", "/users?q=visitor")).data;
    assert.deepEqual(users.map((user) => [user.role, user.is_active]), [[role, active]]);
  };
  const boss = await server.login("boss");
  const says = (what) => ["visitor", "visitor@example.org", what];
  await asks(page, line.getByRole("button", { name: "Make admin" }), { says: says("audit log"), yes: "Make admin", nothing: () => is("user", true) });
  await line.locator(".tag", { hasText: "Admin" }).waitFor();
  await asks(page, line.getByRole("button", { name: "Make user" }), { says: says("no longer"), yes: "Make user", nothing: () => is("admin", true) });
  await line.getByRole("button", { name: "Make admin" }).waitFor();
  await asks(page, line.getByRole("button", { name: "Deactivate" }), { says: says("signed out everywhere"), yes: "Deactivate", nothing: () => is("user", true) });
  await line.locator(".tag", { hasText: "Deactivated" }).waitFor();
  assert.equal((await guest.call("GET", "/tasks")).status, 401);
  await asks(page, line.getByRole("button", { name: "Activate" }), { says: says("sign in again"), yes: "Activate", nothing: () => is("user", false) });
  await line.locator(".tag").waitFor({ state: "detached" });
});

flow("ending sessions and tokens asks first", async (stage, server) => {
  const person = await server.person("asked");
  await person.call("POST", "/users/me/tokens", { name: "backup script", scopes: ["tasks:read"] });
  const page = await stage.signedIn(person, { path: "/app/settings" });
  const tokens = async () => (await person.call("GET", "/users/me/tokens")).data.length;
  const sessions = page.locator(".section", { hasText: "Where you are signed in" });
  await asks(page, page.getByRole("button", { name: "Revoke backup script" }), { says: ["backup script", "at once"], yes: "Revoke", nothing: async () => assert.equal(await tokens(), 1) });
  await becomes(0, tokens);
  await page.getByText("No tokens.").waitFor();
  await until("the focus is not lost", () => page.evaluate(() => document.activeElement !== document.body));
  const alive = async () => (await person.call("GET", "/users/me/sessions")).status;
  await asks(page, sessions.getByRole("button", { name: /^End / }), { says: ["signed out"], yes: "End", nothing: async () => assert.equal(await alive(), 200) });
  await becomes(1, () => sessions.locator("li").count());
  assert.equal(await alive(), 401);
  await asks(page, sessions.getByRole("button", { name: "Sign out everywhere" }), { says: ["asked@example.org", "this one too"], yes: "Sign out everywhere", nothing: async () => {} });
  await page.locator("#login").waitFor();
});

flow("a form marks what is wrong and goes on there", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  await server.person("marked");
  const page = await stage.window(await stage.device());
  await page.goto(`${server.url}/app/sign-in`);
  const marks = (id) => page.locator(`#${id}`).evaluate((field) => [field.getAttribute("aria-invalid"),
    (field.getAttribute("aria-describedby") ?? "").split(" ").map((one) => document.getElementById(one)?.textContent ?? "").join(" ")]);
  await page.locator("#login").fill("marked");
  await page.getByRole("button", { name: "Sign in" }).click();
  await becomes("password", () => focused(page));
  assert.deepEqual(await marks("password"), ["true", "Fill in this field."]);
  assert.equal((await marks("login"))[0], "false");
  await page.locator("#password").fill("not it");
  await page.keyboard.press("Enter");
  await becomes("login", () => focused(page));
  for (const id of ["login", "password"]) {
    assert.deepEqual(await marks(id), ["true", "Wrong address, username or password."]);
  }
  await page.locator("#password").fill(PASSWORD);
  assert.equal((await marks("login"))[0], "false", "a new try");

  await page.goto(`${server.url}/app/sign-up`);
  await page.getByRole("button", { name: "Sign up" }).click();
  await becomes("email", () => focused(page));
  await page.locator("#email").fill("marked@example.org");
  await page.locator("#username").fill("quite another");
  await page.locator("#password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await becomes("username", () => focused(page));
  await page.locator("#username").fill("anotherone");
  await page.keyboard.press("Enter");
  await becomes("email", () => focused(page));
  assert.deepEqual((await marks("email"))[0], "true");
  assert.match((await marks("email"))[1], /already exists/);

  await page.goto(`${server.url}/app/sign-in`);
  await signIn(page, "marked");
  await page.goto(`${server.url}/app/settings`);
  await page.locator("#new_password").fill("password");
  await page.keyboard.press("Enter");
  await becomes("current_password", () => focused(page));
  await page.locator("#current_password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await becomes("new_password", () => focused(page));
  assert.match((await marks("new_password"))[1], /commonly used/);
});

flow("a username that is proposed is one that the server takes", async (stage, server) => {
  stage.expects(REFUSED("4.."));
  await server.person("ada");
  for (const [email, proposed, wanted] of [
    ["ada@example.com", "ada", /^ada-\d{6}$/], ["jörg+tag@example.org", "jorgtag", /^jorgtag$/], ["аса@example.org", "аса", /^user-\d{6}$/],
    ["анна@example.org", "анна", /^анна$/], ["дima@example.org", "ima", /^ima$/],
  ]) {
    const page = await stage.window(await stage.device());
    await page.goto(`${server.url}/app/sign-up`);
    await page.locator("#email").fill(email);
    assert.equal(await page.locator("#username").inputValue(), proposed);
    await page.locator("#password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator(".nav").waitFor();
    assert.match(await page.locator(".who").innerText(), wanted);
    await page.context().close();
  }
});

flow("a link to reset a password outlives one that is too weak", async (stage, server) => {
  stage.expects(REFUSED(400));
  await server.person("weak");
  const page = await stage.window(await stage.device());
  await server.api("POST", "/auth/password/forgot", { body: { email: "weak@example.org" } });
  const link = await until("the mail comes", () => server.printed.match(/\/reset-password\?token=[\w.~-]+/g)?.at(-1));
  await page.goto(server.url + link);
  await page.locator("#new_password").fill("password");
  await page.keyboard.press("Enter");
  await page.locator("#new_password-wrong", { hasText: "commonly used" }).waitFor();
  await becomes("new_password", () => focused(page));
  assert.equal(await page.locator("#new_password").getAttribute("aria-describedby"), "new_password-wrong");
  await page.keyboard.type("quite another 1843");
  await page.keyboard.press("Enter");
  await page.getByText("Your password was changed.").waitFor();
});

flow("a limit of a field counts characters as the server does", async (stage, server) => {
  const person = await server.person("counted");
  const page = await stage.signedIn(person, { path: "/app/settings" });
  await page.locator("#name").fill("🦀".repeat(101));
  await becomes("🦀".repeat(100), () => page.locator("#name").inputValue());
  await page.getByRole("button", { name: "Save" }).click();
  await toast(page, "Saved").waitFor();
  assert.equal((await person.call("GET", "/users/me")).data.name, "🦀".repeat(100));
});
