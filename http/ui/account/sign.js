// Sign in, sign up, and a forgotten password.
import { call, session, signIn } from "../app/api.js";
import { html, useState } from "../app/lib.js";
import { Link } from "../app/nav.js";
import { go } from "../app/state.js";
import { waiting } from "../app/store.js";
import { t } from "../app/texts.js";
import { toast } from "../app/toast.js";
import { Field, Problem, Rules, useForm } from "./forms.js";

/** @param {{ title: string, lead?: string | null, children?: unknown }} props */
function SignCard({ title, lead, children }) {
  return html`
    <div class="sign">
      <div class="sign-brand"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" /><path d="M9.500 16.800l4.600 4.700 8.600-10.700" /></svg><span>${t.name}</span></div>
      <h1>${title}</h1>
      ${lead && html`<p class="lead">${lead}</p>`}
      ${children}
    </div>`;
}

/** Where somebody goes who has signed in. */
function enter() {
  go(location.pathname.startsWith("/app/sign") || location.pathname === "/app/forgot" ? "/" : location.pathname, true);
}

/** @param {{ ended?: boolean }} props */
export function SignIn({ ended = false }) {
  const form = useForm({ login: "", password: "", totp_code: "" });
  const [needsCode, setNeedsCode] = useState(false);
  const { login, password, totp_code } = form.values;
  const submit = form.act(async () => {
    /** @type {Record<string, string>} */
    const body = { username: (login ?? "").trim(), password: password ?? "" };
    if (needsCode && totp_code) {
      body["totp_code"] = totp_code;
    }
    try {
      await signIn(body);
    } catch (error) {
      if (/totp_code/.test(/** @type {any} */ (error).detail ?? "")) {
        setNeedsCode(true);
        setTimeout(() => document.getElementById("totp_code")?.focus(), 0);
        return;
      }
      throw error;
    }
    enter();
  });
  const { refusal } = form;
  const text = refusal?.status === 401 && !/second factor/.test(refusal.detail) ? t.auth.wrong : null;
  return html`
    <${SignCard} title=${t.auth.signInTitle} lead=${ended ? (waiting.value > 0 ? t.auth.expiredWaiting(waiting.value) : t.auth.expired) : t.tagline}>
      <form onSubmit=${submit} novalidate>
        <${Field} ...${form.field("login")} label=${t.auth.login} autocomplete="username" autofocus=${true} maxlength=${254} />
        <${Field} ...${form.field("password")} label=${t.auth.password} type="password" autocomplete="current-password" aside=${html`<${Link} to="/app/forgot" class="aside">${t.auth.forgot}<//>`} />
        ${needsCode && html`<${Field} ...${form.field("totp_code")} label=${t.auth.code} hint=${t.auth.codeHint} autocomplete="one-time-code" />`}
        <${Problem} refusal=${refusal} text=${text} />
        <button class="primary large" disabled=${form.busy}>${t.auth.signIn}</button>
      </form>
      <p class="other">${t.auth.toSignUp} <${Link} to="/app/sign-up">${t.auth.signUp}<//></p>
    <//>`;
}

/** A username that is free as far as this page can know: from the address. @param {string} email */
const usernameOf = (email) => (email.split("@")[0] ?? "").normalize("NFC").replace(/[^\p{L}\p{M}\p{Nd}._-]/gu, "").slice(0, 60);

export function SignUp() {
  const form = useForm({ email: "", username: "", password: "" });
  const [isOwnName, setOwnName] = useState(false);
  const { email = "", password = "" } = form.values;
  const username = isOwnName ? (form.values["username"] ?? "") : usernameOf(email);
  const submit = form.act(async () => {
    await call("POST", "/auth/signup", { body: { email: email.trim(), username, password }, bare: true });
    const user = await signIn({ email: email.trim(), password });
    toast(t.auth.welcome(user.name ?? user.username));
    enter();
  });
  const field = form.field("username");
  return html`
    <${SignCard} title=${t.auth.signUpTitle} lead=${t.tagline}>
      <form onSubmit=${submit} novalidate>
        <${Field} ...${form.field("email")} label=${t.auth.email} type="email" autocomplete="email" inputmode="email" autofocus=${true} maxlength=${254} />
        <${Field} ...${field} value=${username} onInput=${(/** @type {string} */ value) => { setOwnName(true); field.onInput(value); }} label=${t.auth.username} hint=${t.auth.usernameHint} autocomplete="nickname" maxlength=${64} />
        <${Field} ...${form.field("password")} label=${t.auth.password} type="password" autocomplete="new-password" hint=${html`<${Rules} password=${password} own=${[email, username]} />`} />
        <${Problem} refusal=${form.refusal} fields=${["email", "username", "password"]} />
        <button class="primary large" disabled=${form.busy}>${t.auth.signUp}</button>
      </form>
      <p class="other">${t.auth.toSignIn} <${Link} to="/app/sign-in">${t.auth.signIn}<//></p>
    <//>`;
}

export function Forgot() {
  const form = useForm({ email: "" });
  const [isSent, setSent] = useState(false);
  const submit = form.act(async () => {
    await call("POST", "/auth/password/forgot", { body: { email: (form.values["email"] ?? "").trim() }, bare: true });
    setSent(true);
  });
  return html`
    <${SignCard} title=${t.auth.forgotTitle} lead=${isSent ? null : t.auth.forgotLead}>
      ${isSent
        ? html`<p role="status">${t.auth.forgotSent}</p>`
        : html`
          <form onSubmit=${submit} novalidate>
            <${Field} ...${form.field("email")} label=${t.auth.email} type="email" autocomplete="email" inputmode="email" autofocus=${true} />
            <${Problem} refusal=${form.refusal} fields=${["email"]} text=${form.refusal?.status === 409 ? t.auth.mailOff : null} />
            <button class="primary large" disabled=${form.busy}>${t.auth.forgotSend}</button>
          </form>`}
      <p class="other"><${Link} to=${session.value ? "/" : "/app/sign-in"}>${t.auth.back}<//></p>
    <//>`;
}
