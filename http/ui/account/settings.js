// One's own account: profile, password, sessions, tokens, second factor, data.
import { call, keepSession, keepUser, session } from "../app/api.js";
import { forget } from "../app/idb.js";
import { html, useEffect, useRef, useState } from "../app/lib.js";
import { Link } from "../app/nav.js";
import { go } from "../app/state.js";
import { clear, records } from "../app/store.js";
import { t } from "../app/texts.js";
import { toast } from "../app/toast.js";
import { agoWords, momentWords, now } from "../app/when.js";
import { Field, Problem, Rules, told, useAsked, useForm } from "./forms.js";
import { Tokens } from "./tokens.js";
import { SecondFactor } from "./totp.js";

export const s = t.settings;

export function Settings() {
  // Another password ends tokens: their list is read again.
  const [passwords, setPasswords] = useState(0);
  return html`
    <div class="page">
      <h1>${s.title}</h1>
      <${Profile} /><${PasswordChange} onChanged=${() => setPasswords(passwords + 1)} /><${SecondFactor} /><${Sessions} /><${Tokens} key=${passwords} /><${Activity} /><${Data} /><${Removal} />
    </div>`;
}

/** @param {{ title: string, lead?: string, children?: unknown, danger?: boolean }} props */
export function Section({ title, lead, children, danger = false }) {
  return html`<section class=${danger ? "section danger" : "section"}><div><h2>${title}</h2>${lead && html`<p>${lead}</p>`}</div><div class="section-body">${children}</div></section>`;
}

function Profile() {
  const user = session.value?.user;
  const form = useForm({ name: user?.name ?? "", username: user?.username ?? "", email: user?.email ?? "", current_password: "" });
  const isTouched = useRef(false);
  // It may have been changed, or verified, elsewhere.
  useEffect(() => {
    void call("GET", "/users/me").then(({ data }) => {
      keepUser(data);
      if (!isTouched.current) {
        form.put({ name: data.name ?? "", username: data.username, email: data.email });
      }
    }, (error) => console.warn("the account could not be read:", error.message));
  }, []);
  // Another address gets the links that reset the password, so the server asks for it.
  const isMoving = (form.values["email"] ?? "").trim() !== user?.email;
  const submit = form.act(async () => {
    const { name = "", username = "", email = "", current_password = "" } = form.values;
    const proof = isMoving ? { current_password } : {};
    const { data } = await call("PATCH", "/users/me", { body: { name: name.trim() === "" ? null : name.trim(), username, email: email.trim(), ...proof } });
    form.put({ current_password: "" });
    keepUser(data);
    toast(s.saved);
  });
  const verify = told(async () => {
    await call("POST", "/auth/email/verification");
    toast(s.verifySent);
  });
  const state = user?.email_verified ? html`<span class="good">${s.verified}</span>` : html`${s.unverified} · <button type="button" class="link" onClick=${verify}>${s.verifyNow}</button>`;
  return html`
    <${Section} title=${s.profile}>
      <form onSubmit=${submit} onInput=${() => (isTouched.current = true)} novalidate>
        <${Field} ...${form.field("name")} label=${t.auth.name} required=${false} autocomplete="name" maxlength=${100} />
        <${Field} ...${form.field("username")} label=${t.auth.username} autocomplete="username" maxlength=${64} />
        <${Field} ...${form.field("email")} label=${t.auth.email} type="email" autocomplete="email" maxlength=${254} hint=${state} />
        ${isMoving && html`<${Field} ...${form.field("current_password")} id="profile-password" label=${t.auth.currentPassword} type="password" autocomplete="current-password" hint=${s.emailProof} />`}
        <${Problem} refusal=${form.refusal} fields=${["name", "username", "email", ...(isMoving ? ["current_password"] : [])]} />
        <button disabled=${form.busy}>${s.save}</button>
      </form>
    <//>`;
}

/** @param {{ onChanged: () => void }} props */
function PasswordChange({ onChanged }) {
  const user = session.value?.user;
  const form = useForm({ current_password: "", new_password: "" });
  const [keepsTokens, setKeepsTokens] = useState(false);
  const submit = form.act(async () => {
    const { data } = await call("POST", "/users/me/password", { body: { ...form.values, keep_tokens: keepsTokens } });
    form.clear();
    setKeepsTokens(false);
    toast(s.passwordChanged(data.tokens_ended));
    onChanged();
  });
  return html`
    <${Section} title=${s.password}>
      <form onSubmit=${submit} novalidate>
        <input type="text" name="username" autocomplete="username" value=${user?.email} hidden readonly />
        <${Field} ...${form.field("current_password")} label=${t.auth.currentPassword} type="password" autocomplete="current-password" />
        <${Field} ...${form.field("new_password")} label=${t.auth.newPassword} type="password" autocomplete="new-password" hint=${html`<${Rules} password=${form.values["new_password"] ?? ""} own=${[user?.email ?? "", user?.username ?? "", user?.name ?? ""]} />`} />
        <div class="checks"><label><input type="checkbox" name="keep_tokens" checked=${keepsTokens} onChange=${() => setKeepsTokens(!keepsTokens)} />${s.keepTokens}</label></div>
        <${Problem} refusal=${form.refusal} fields=${["current_password", "new_password"]} />
        <button disabled=${form.busy}>${s.changePassword}</button>
      </form>
    <//>`;
}

/** @typedef {{ id: string, name: string, current: boolean, last_used_at: string, created_at: string }} SessionShown */

function Sessions() {
  const asked = useAsked(async () => /** @type {SessionShown[]} */ ((await call("GET", "/users/me/sessions")).data));
  const end = (/** @type {string} */ id) => told(async () => {
    await call("DELETE", `/users/me/sessions/${id}`);
    await asked.again();
  });
  const endAll = told(async () => {
    await call("DELETE", "/users/me/sessions");
    keepSession(null);
    go("/app/sign-in", true);
  });
  return html`
    <${Section} title=${s.sessions} lead=${s.sessionsLead}>
      <${Problem} refusal=${asked.refusal} />
      <ul class="cards-list">
        ${asked.data?.map((one) => html`
          <li key=${one.id}><div><strong>${one.name}</strong>${one.current && html` <span class="tag">${s.current}</span>`}<small title=${momentWords(one.last_used_at)}>${s.lastUsed(agoWords(one.last_used_at, now.value))}</small></div>
            ${!one.current && html`<button class="quiet" aria-label=${s.endNamed(one.name)} onClick=${end(one.id)}>${s.end}</button>`}</li>`)}
      </ul>
      <button class="quiet" onClick=${endAll}>${s.endAll}</button>
    <//>`;
}

function Activity() {
  return html`<${Section} title=${s.activity} lead=${s.activityLead}><${Link} to="/app/audit">${s.activityOpen}<//><//>`;
}

function Data() {
  const [busy, setBusy] = useState(false);
  const save = told(async () => {
    setBusy(true);
    try {
      const account = (await call("GET", "/users/me")).data;
      const tasks = (await call("GET", "/tasks", { signal: AbortSignal.timeout(120_000) })).data;
      const file = new Blob([JSON.stringify({ exported_at: new Date().toISOString(), account, tasks }, null, 2)], { type: "application/json" });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(file);
      link.download = `taskwell-${new Date().toISOString().slice(0, 10)}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      toast(s.exported);
    } finally {
      setBusy(false);
    }
  });
  return html`<${Section} title=${s.data} lead=${s.dataLead}><button disabled=${busy} onClick=${save}>${s.export}</button><//>`;
}

function Removal() {
  const [isSure, setSure] = useState(false);
  const form = useForm({ password: "" });
  const submit = form.act(async () => {
    await call("DELETE", "/users/me", { body: form.values });
    const uuid = session.peek()?.user.uuid ?? "";
    keepSession(null);
    clear();
    records.clear();
    await forget(uuid);
    go("/app/sign-in", true);
  });
  return html`
    <${Section} title=${s.remove} lead=${s.removeLead} danger=${true}>
      ${isSure
        ? html`
          <form onSubmit=${submit} novalidate>
            <${Field} ...${form.field("password")} id="removal-password" label=${t.auth.password} type="password" autocomplete="current-password" autofocus=${true} />
            <${Problem} refusal=${form.refusal} fields=${["password"]} />
            <span class="buttons"><button class="danger" disabled=${form.busy}>${s.removeSure}</button><button type="button" class="quiet" onClick=${() => setSure(false)}>${s.cancel}</button></span>
          </form>`
        : html`<button class="danger" onClick=${() => setSure(true)}>${s.removeButton}</button>`}
    <//>`;
}
