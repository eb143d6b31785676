// The account settings: profile, password, sessions, tokens, second factor, data.
import { call, session } from "../sync/api";
import { useState } from "preact/hooks";
import { Link } from "../views/nav";
import { leave, signOut } from "../state/account";
import { Pick } from "../views/bars";
import { t } from "../texts";
import { LANGUAGES, chooseLanguage, chosenLanguage } from "../texts/language";
import type { Language as LanguageTag } from "../texts/language";
import { hasShortcuts, keepShortcuts } from "../base/shortcuts";
import { toast } from "../base/toasts";
import { agoWords, momentWords, now } from "../base/when";
import { Field, PasswordForm, Problem, Rules, asked, orToast, useAsked, useForm } from "./forms";
import { Profile } from "./profile";
import { Section } from "./section";
import { Tokens } from "./tokens";
import { SecondFactor } from "./totp";

const s = t.settings;

export function Settings() {
  // A password change revokes tokens, so the list is read again.
  const [passwords, setPasswords] = useState(0);
  return (
    <div class="page">
      <h1>{s.title}</h1>
      <Profile />
      <PasswordChange onChanged={() => setPasswords(passwords + 1)} />
      <SecondFactor />
      <Sessions />
      <Tokens key={passwords} />
      <Language />
      <Keyboard />
      <Activity />
      <Data />
      <Removal />
    </div>
  );
}

function PasswordChange({ onChanged }: { onChanged: () => void }) {
  const user = session.value?.user;
  const form = useForm({ current_password: "", new_password: "" });
  const [keepsTokens, setKeepsTokens] = useState(false);
  const submit = form.act(async () => {
    const { data } = await call<{ tokens_ended: number }>("POST", "/users/me/password", {
      body: { ...form.values, keep_tokens: keepsTokens },
    });
    form.clear();
    setKeepsTokens(false);
    toast(s.passwordChanged(data.tokens_ended));
    onChanged();
  });
  return (
    <Section title={s.password}>
      <form onSubmit={submit} novalidate>
        <input
          type="text"
          name="username"
          autocomplete="username"
          value={user?.email}
          hidden
          readonly
        />
        <Field
          {...form.field("current_password")}
          label={t.auth.currentPassword}
          type="password"
          autocomplete="current-password"
        />
        <Field
          {...form.field("new_password")}
          label={t.auth.newPassword}
          type="password"
          autocomplete="new-password"
          hint={
            <Rules
              password={form.values["new_password"] ?? ""}
              own={[user?.email ?? "", user?.username ?? "", user?.name ?? ""]}
            />
          }
        />
        <div class="checks">
          <label>
            <input
              type="checkbox"
              name="keep_tokens"
              checked={keepsTokens}
              onChange={() => setKeepsTokens(!keepsTokens)}
            />
            {s.keepTokens}
          </label>
        </div>
        <Problem {...form.problem} fields={["current_password", "new_password"]} />
        <button disabled={form.busy}>{s.changePassword}</button>
      </form>
    </Section>
  );
}

export type SessionShown = {
  id: string;
  name: string;
  current: boolean;
  last_used_at: string;
  created_at: string;
};

function Sessions() {
  const list = useAsked(
    async () => (await call("GET", "/users/me/sessions")).data as SessionShown[],
  );
  const end = ({ id, name }: SessionShown) =>
    asked({ title: t.ask.endSession, text: t.ask.endSessionText(name), yes: s.end }, async () => {
      await call("DELETE", `/users/me/sessions/${id}`);
      await list.again();
    });
  const account = session.value?.user.email ?? "";
  const endAll = asked(
    { title: t.ask.endAll, text: t.ask.endAllText(account), yes: s.endAll },
    () => signOut(true),
  );
  return (
    <Section title={s.sessions} lead={s.sessionsLead}>
      <Problem refusal={list.refusal} />
      <ul class="cards-list">
        {list.data?.map((one) => (
          <li key={one.id}>
            <div>
              <strong>{one.name}</strong>
              {one.current && <span class="tag"> {s.current}</span>}
              <small title={momentWords(one.last_used_at)}>
                {s.lastUsed(agoWords(one.last_used_at, now.value))}
              </small>
            </div>
            {!one.current && (
              <button class="quiet" aria-label={s.endNamed(one.name)} onClick={end(one)}>
                {s.end}
              </button>
            )}
          </li>
        ))}
      </ul>
      <button class="quiet" onClick={endAll}>
        {s.endAll}
      </button>
    </Section>
  );
}

/** Chooses the language of this browser. The web app reloads to apply it. */
function Language() {
  const own = Object.entries(LANGUAGES) as [LanguageTag, string][];
  const pick = (picked: LanguageTag | "") => {
    chooseLanguage(picked === "" ? null : picked);
    location.reload();
  };
  return (
    <Section title={s.language} lead={s.languageLead}>
      <Pick
        label={s.language}
        value={chosenLanguage() ?? ""}
        onPick={pick}
        choices={[["", s.languageAuto], ...own]}
      />
    </Section>
  );
}

function Keyboard() {
  return (
    <Section title={s.keyboard} lead={s.keyboardLead}>
      <div class="checks">
        <label>
          <input
            type="checkbox"
            checked={hasShortcuts.value}
            aria-describedby="shortcuts-hint"
            onChange={() => keepShortcuts(!hasShortcuts.peek())}
          />
          {s.shortcuts}
        </label>
      </div>
      <p class="hint" id="shortcuts-hint">
        {s.shortcutsHint}
      </p>
    </Section>
  );
}

function Activity() {
  return (
    <Section title={s.activity} lead={s.activityLead}>
      <Link to="/app/audit">{s.activityOpen}</Link>
    </Section>
  );
}

function Data() {
  const [busy, setBusy] = useState(false);
  const save = orToast(async () => {
    setBusy(true);
    try {
      const account = (await call("GET", "/users/me")).data;
      const tasks = (await call("GET", "/tasks", { signal: AbortSignal.timeout(120_000) })).data;
      const file = new Blob(
        [JSON.stringify({ exported_at: new Date().toISOString(), account, tasks }, null, 2)],
        { type: "application/json" },
      );
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
  return (
    <Section title={s.data} lead={s.dataLead}>
      <button disabled={busy} onClick={save}>
        {s.export}
      </button>
    </Section>
  );
}

function Removal() {
  const [isSure, setSure] = useState(false);
  const form = useForm({ password: "" });
  const submit = form.act(async () => {
    await call("DELETE", "/users/me", { body: form.values });
    const uuid = session.peek()?.user.uuid ?? "";
    await leave(uuid);
  });
  return (
    <Section title={s.remove} lead={s.removeLead} danger={true}>
      {isSure ? (
        <PasswordForm
          form={form}
          id="removal-password"
          yes={s.removeSure}
          isDangerous={true}
          onSubmit={submit}
          onCancel={() => setSure(false)}
        />
      ) : (
        <button class="danger" onClick={() => setSure(true)}>
          {s.removeButton}
        </button>
      )}
    </Section>
  );
}
