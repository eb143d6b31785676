// Personal access tokens.
import { call } from "../app/api.js";
import { Pick } from "../app/bars.js";
import { html, useState } from "../app/lib.js";
import { session } from "../app/api.js";
import { t } from "../app/texts.js";
import { toast } from "../app/toast.js";
import { agoWords, momentWords, now } from "../app/when.js";
import { Field, Problem, told, useAsked, useForm } from "./forms.js";
import { Section, s } from "./settings.js";

/** @typedef {"tasks:read" | "tasks:write" | "account:read" | "admin"} Scope */
/** @typedef {{ id: string, name: string, scopes: Scope[], expires_at: string, last_used_at: string | null }} TokenShown */

export function Tokens() {
  const asked = useAsked(async () => /** @type {TokenShown[]} */ ((await call("GET", "/users/me/tokens")).data));
  const form = useForm({ name: "", days: "90" });
  const [scopes, setScopes] = useState(/** @type {Scope[]} */ (["tasks:read"]));
  const [made, setMade] = useState("");
  const submit = form.act(async () => {
    const body = { name: form.values["name"], expires_in_days: Number(form.values["days"]), scopes };
    const { data } = await call("POST", "/users/me/tokens", { body });
    setMade(data.token);
    form.clear();
    await asked.again();
  });
  const revoke = (/** @type {string} */ id) => told(async () => {
    await call("DELETE", `/users/me/tokens/${id}`);
    await asked.again();
  });
  const all = /** @type {Scope[]} */ (["tasks:read", "tasks:write", "account:read", ...(session.value?.user.role === "admin" ? ["admin"] : [])]);
  const flip = (/** @type {Scope} */ scope) => setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  return html`
    <${Section} title=${s.tokens} lead=${s.tokensLead}>
      <${Problem} refusal=${asked.refusal} />
      ${asked.data?.length === 0 && html`<p class="nothing">${s.noTokens}</p>`}
      <ul class="cards-list">
        ${asked.data?.map((one) => html`
          <li key=${one.id}><div><strong>${one.name}</strong><small>${one.scopes.map((scope) => s.scope[scope]).join(", ")} · ${s.expires(momentWords(one.expires_at))} · ${one.last_used_at ? s.lastUsed(agoWords(one.last_used_at, now.value)) : s.neverUsed}</small></div>
            <button class="quiet" aria-label=${s.revokeNamed(one.name)} onClick=${revoke(one.id)}>${s.revoke}</button></li>`)}
      </ul>
      ${made && html`<${Secret} text=${made} lead=${s.tokenMade} />`}
      <form onSubmit=${submit} novalidate>
        <${Field} ...${form.field("name")} id="token-name" label=${s.tokenName} maxlength=${100} />
        <fieldset class="checks"><legend>${s.scopes}</legend>${all.map((scope) => html`<label key=${scope}><input type="checkbox" checked=${scopes.includes(scope)} onChange=${() => flip(scope)} />${s.scope[scope]}</label>`)}</fieldset>
        <div class="field"><label>${s.tokenDays} <${Pick} label=${s.tokenDays} value=${form.values["days"] ?? "90"} onPick=${(/** @type {string} */ days) => form.put({ days })} choices=${["7", "30", "90", "365"].map((days) => [days, s.days(Number(days))])} /></label></div>
        <${Problem} refusal=${form.refusal} fields=${["name"]} />
        <button disabled=${form.busy || scopes.length === 0}>${s.makeToken}</button>
      </form>
    <//>`;
}

/** Something that is shown once. @param {{ text: string, lead: string }} props */
export function Secret({ text, lead }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(s.copied);
    } catch {
      // Not allowed: it can be selected by hand.
    }
  };
  return html`<div class="secret" role="status"><p>${lead}</p><pre tabindex="0">${text}</pre><button type="button" onClick=${copy}>${s.copy}</button></div>`;
}
