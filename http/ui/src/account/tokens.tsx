// Personal access tokens.
import { call } from "../sync/api";
import { Pick } from "../views/bars";
import { useState } from "preact/hooks";
import { session } from "../sync/api";
import { t } from "../texts";
import { toast } from "../base/toasts";
import { agoWords, momentWords, now } from "../base/when";
import { Field, Problem, asked, useAsked, useForm } from "./forms";
import { Section } from "./section";

const s = t.settings;

export type Scope = "tasks:read" | "tasks:write" | "account:read" | "admin";
export type TokenShown = {
  id: string;
  name: string;
  scopes: Scope[];
  expires_at: string;
  last_used_at: string | null;
};

export function Tokens() {
  const list = useAsked(async () => (await call<TokenShown[]>("GET", "/users/me/tokens")).data);
  const [made, setMade] = useState("");
  const onMade = async (token: string) => {
    setMade(token);
    await list.again();
  };
  return (
    <Section title={s.tokens} lead={s.tokensLead}>
      <Problem refusal={list.refusal} />
      {list.data?.length === 0 && <p class="nothing">{s.noTokens}</p>}
      <ul class="cards-list">
        {list.data?.map((one) => (
          <TokenItem key={one.id} token={one} onRevoked={list.again} />
        ))}
      </ul>
      {made && <Secret text={made} lead={s.tokenMade} />}
      <NewToken onMade={onMade} />
    </Section>
  );
}

function TokenItem({ token, onRevoked }: { token: TokenShown; onRevoked: () => Promise<void> }) {
  const { name, scopes, expires_at, last_used_at } = token;
  const revoke = asked(
    { title: t.ask.revoke, text: t.ask.revokeText(name), yes: s.revoke },
    async () => {
      await call("DELETE", `/users/me/tokens/${token.id}`);
      await onRevoked();
    },
  );
  return (
    <li>
      <div>
        <strong>{name}</strong>
        <small>
          {scopes.map((scope) => s.scope[scope]).join(", ")} · {s.expires(momentWords(expires_at))}{" "}
          · {last_used_at ? s.lastUsed(agoWords(last_used_at, now.value)) : s.neverUsed}
        </small>
      </div>
      <button class="quiet" aria-label={s.revokeNamed(name)} onClick={revoke}>
        {s.revoke}
      </button>
    </li>
  );
}

function NewToken({ onMade }: { onMade: (token: string) => Promise<void> }) {
  const form = useForm({ name: "", days: "90" });
  const [scopes, setScopes] = useState<Scope[]>(["tasks:read"]);
  const submit = form.act(async () => {
    const { name, days } = form.values;
    const body = { name, expires_in_days: Number(days), scopes };
    const { data } = await call<{ token: string }>("POST", "/users/me/tokens", { body });
    form.clear();
    await onMade(data.token);
  });
  const all: Scope[] = ["tasks:read", "tasks:write", "account:read"];
  if (session.value?.user.role === "admin") {
    all.push("admin");
  }
  const flip = (scope: Scope) =>
    setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  return (
    <form onSubmit={submit} novalidate>
      <Field {...form.field("name")} id="token-name" label={s.tokenName} maxlength={100} />
      <fieldset class="checks">
        <legend>{s.scopes}</legend>
        {all.map((scope) => (
          <label key={scope}>
            <input type="checkbox" checked={scopes.includes(scope)} onChange={() => flip(scope)} />
            {s.scope[scope]}
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label>
          {s.tokenDays}{" "}
          <Pick
            label={s.tokenDays}
            value={form.values["days"] ?? "90"}
            onPick={(days) => form.put({ days })}
            choices={["7", "30", "90", "365"].map((days) => [days, s.days(Number(days))])}
          />
        </label>
      </div>
      <Problem {...form.problem} fields={["name"]} />
      <button disabled={form.busy || scopes.length === 0}>{s.makeToken}</button>
    </form>
  );
}

/** A secret that is shown only once. */
export function Secret({ text, lead }: { text: string; lead: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(s.copied);
    } catch {
      // Without clipboard permission, the user can select the text.
    }
  };
  return (
    <div class="secret" role="status">
      <p>{lead}</p>
      <pre tabindex={0}>{text}</pre>
      <button type="button" onClick={copy}>
        {s.copy}
      </button>
    </div>
  );
}
