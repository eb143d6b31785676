// The second factor: setting it up with its QR code, recovery codes, turning it off.
import { call } from "../sync/api";
import { useState } from "preact/hooks";
import { t } from "../texts";
import { toast } from "../base/toasts";
import { Field, Problem, useAsked, useForm } from "./forms";
import { Section } from "./section";

const s = t.settings;
import { Secret } from "./tokens";

function QrCode({ code: { size, path } }: { code: { size: number; path: string } }) {
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={s.qr}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}

export function SecondFactor() {
  const asked = useAsked(
    async () => (await call("GET", "/users/me/totp")).data as { enabled: boolean },
  );
  const form = useForm({ password: "", code: "" });
  const [step, setStep] = useState("idle" as "idle" | "password" | "scan" | "codes");
  const [made, setMade] = useState({ secret: "", qr_code: { size: 1, path: "" } });
  const [codes, setCodes] = useState([] as string[]);
  const isOn = asked.data?.enabled === true;
  const prove = form.act(async () => {
    const body = { password: form.values["password"] };
    if (isOn) {
      await call("DELETE", "/users/me/totp", { body });
      toast(s.totpDisabled);
      setStep("idle");
      await asked.again();
    } else {
      setMade((await call<typeof made>("POST", "/users/me/totp", { body })).data);
      setStep("scan");
    }
    form.clear();
  });
  const confirm = form.act(async () => {
    setCodes(
      (
        await call<{ recovery_codes: string[] }>("POST", "/users/me/totp/confirm", {
          body: { code: form.values["code"] },
        })
      ).data.recovery_codes,
    );
    form.clear();
    setStep("codes");
    await asked.again();
  });
  const cancel = (
    <button
      type="button"
      class="quiet"
      onClick={() => {
        form.clear();
        setStep("idle");
      }}
    >
      {s.cancel}
    </button>
  );
  return (
    <Section title={s.totp} lead={s.totpLead}>
      <Problem refusal={asked.refusal} />
      {step === "idle" && asked.data && (
        <>
          {isOn && <p class="good">{s.totpOn}</p>}
          <button onClick={() => setStep("password")}>{isOn ? s.totpOff : s.totpStart}</button>
        </>
      )}
      {step === "password" && (
        <form onSubmit={prove} novalidate>
          <Field
            {...form.field("password")}
            id="totp-password"
            label={t.auth.password}
            type="password"
            autocomplete="current-password"
            autofocus={true}
          />
          <Problem refusal={form.refusal} fields={["password"]} />
          <span class="buttons">
            <button disabled={form.busy}>{isOn ? s.totpOff : s.totpStart}</button>
            {cancel}
          </span>
        </form>
      )}
      {step === "scan" && (
        <form onSubmit={confirm} novalidate>
          <p>{s.totpScan}</p>
          <QrCode code={made.qr_code} />
          <p>
            {s.totpSecret} <code>{made.secret.replace(/(.{4})/g, "$1 ")}</code>
          </p>
          <Field
            {...form.field("code")}
            label={t.auth.code}
            autocomplete="one-time-code"
            inputmode="numeric"
            autofocus={true}
            maxlength={9}
          />
          <Problem refusal={form.refusal} fields={["code"]} />
          <span class="buttons">
            <button disabled={form.busy}>{s.totpConfirm}</button>
            {cancel}
          </span>
        </form>
      )}
      {step === "codes" && (
        <>
          <h3>{s.totpCodes}</h3>
          <Secret text={codes.join("\n")} lead={s.totpCodesLead} />
          <button class="quiet" onClick={() => setStep("idle")}>
            {s.totpDone}
          </button>
        </>
      )}
    </Section>
  );
}
