// The second factor: setup with a QR code, recovery codes, removal.
import { call } from "../sync/api";
import { useState } from "preact/hooks";
import { t } from "../texts";
import { toast } from "../base/toasts";
import { Field, PasswordForm, Problem, useAsked, useForm } from "./forms";
import { Section } from "./section";

const s = t.settings;
const PATH = "/users/me/totp";
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

type Step = "idle" | "password" | "scan" | "codes";
const NOTHING_MADE = { secret: "", qr_code: { size: 1, path: "" } };

/** Holds the steps of setup and removal. */
function useSecondFactor() {
  const asked = useAsked(async () => (await call<{ enabled: boolean }>("GET", PATH)).data);
  const form = useForm({ password: "", code: "" });
  const [step, setStep] = useState<Step>("idle");
  const [made, setMade] = useState(NOTHING_MADE);
  const [codes, setCodes] = useState<string[]>([]);
  const isOn = asked.data?.enabled === true;
  const prove = form.act(async () => {
    const body = { password: form.values["password"] };
    if (isOn) {
      await call("DELETE", PATH, { body });
      toast(s.totpDisabled);
      setStep("idle");
      await asked.again();
    } else {
      setMade((await call<typeof made>("POST", PATH, { body })).data);
      setStep("scan");
    }
    form.clear();
  });
  const confirm = form.act(async () => {
    const body = { code: form.values["code"] };
    const { data } = await call<{ recovery_codes: string[] }>("POST", `${PATH}/confirm`, { body });
    setCodes(data.recovery_codes);
    form.clear();
    setStep("codes");
    await asked.again();
  });
  const cancel = () => {
    form.clear();
    setStep("idle");
  };
  return { asked, form, step, setStep, made, codes, isOn, prove, confirm, cancel };
}

type Setup = ReturnType<typeof useSecondFactor>;

export function SecondFactor() {
  const setup = useSecondFactor();
  const { asked, step, setStep, codes, isOn } = setup;
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
        <PasswordForm
          form={setup.form}
          id="totp-password"
          yes={isOn ? s.totpOff : s.totpStart}
          onSubmit={setup.prove}
          onCancel={setup.cancel}
        />
      )}
      {step === "scan" && <ScanStep setup={setup} />}
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

function ScanStep({ setup: { form, made, confirm, cancel } }: { setup: Setup }) {
  return (
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
      <Problem {...form.problem} fields={["code"]} />
      <span class="buttons">
        <button disabled={form.busy}>{s.totpConfirm}</button>
        <button type="button" class="quiet" onClick={cancel}>
          {s.cancel}
        </button>
      </span>
    </form>
  );
}
