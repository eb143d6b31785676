// The second factor: setting it up with its QR code, recovery codes, turning it off.
import { call } from "../app/api.js";
import { html, useState } from "../app/lib.js";
import { t } from "../app/texts.js";
import { toast } from "../app/toast.js";
import { Field, Problem, useAsked, useForm } from "./forms.js";
import { Section, s } from "./settings.js";
import { Secret } from "./tokens.js";


/** @param {{ code: { size: number, path: string } }} props */
function QrCode({ code: { size, path } }) {
  return html`<svg class="qr" viewBox=${`0 0 ${size} ${size}`} role="img" aria-label=${s.qr} shape-rendering="crispEdges"><rect width=${size} height=${size} fill="#fff" /><path d=${path} fill="#000" /></svg>`;
}

export function SecondFactor() {
  const asked = useAsked(async () => /** @type {{ enabled: boolean }} */ ((await call("GET", "/users/me/totp")).data));
  const form = useForm({ password: "", code: "" });
  const [step, setStep] = useState(/** @type {"idle" | "password" | "scan" | "codes"} */ ("idle"));
  const [made, setMade] = useState({ secret: "", qr_code: { size: 1, path: "" } });
  const [codes, setCodes] = useState(/** @type {string[]} */ ([]));
  const isOn = asked.data?.enabled === true;
  const prove = form.act(async () => {
    const body = { password: form.values["password"] };
    if (isOn) {
      await call("DELETE", "/users/me/totp", { body });
      toast(s.totpDisabled);
      setStep("idle");
      await asked.again();
    } else {
      setMade((await call("POST", "/users/me/totp", { body })).data);
      setStep("scan");
    }
    form.clear();
  });
  const confirm = form.act(async () => {
    setCodes((await call("POST", "/users/me/totp/confirm", { body: { code: form.values["code"] } })).data.recovery_codes);
    form.clear();
    setStep("codes");
    await asked.again();
  });
  const cancel = html`<button type="button" class="quiet" onClick=${() => { form.clear(); setStep("idle"); }}>${s.cancel}</button>`;
  return html`
    <${Section} title=${s.totp} lead=${s.totpLead}>
      <${Problem} refusal=${asked.refusal} />
      ${step === "idle" && asked.data && html`${isOn && html`<p class="good">${s.totpOn}</p>`}<button onClick=${() => setStep("password")}>${isOn ? s.totpOff : s.totpStart}</button>`}
      ${step === "password" && html`
        <form onSubmit=${prove} novalidate>
          <${Field} ...${form.field("password")} id="totp-password" label=${t.auth.password} type="password" autocomplete="current-password" autofocus=${true} />
          <${Problem} refusal=${form.refusal} fields=${["password"]} />
          <span class="buttons"><button disabled=${form.busy}>${isOn ? s.totpOff : s.totpStart}</button>${cancel}</span>
        </form>`}
      ${step === "scan" && html`
        <form onSubmit=${confirm} novalidate>
          <p>${s.totpScan}</p><${QrCode} code=${made.qr_code} />
          <p>${s.totpSecret} <code>${made.secret.replace(/(.{4})/g, "$1 ")}</code></p>
          <${Field} ...${form.field("code")} label=${t.auth.code} autocomplete="one-time-code" inputmode="numeric" autofocus=${true} maxlength=${9} />
          <${Problem} refusal=${form.refusal} fields=${["code"]} />
          <span class="buttons"><button disabled=${form.busy}>${s.totpConfirm}</button>${cancel}</span>
        </form>`}
      ${step === "codes" && html`<h3>${s.totpCodes}</h3><${Secret} text=${codes.join("\n")} lead=${s.totpCodesLead} /><button class="quiet" onClick=${() => setStep("idle")}>${s.totpDone}</button>`}
    <//>`;
}
