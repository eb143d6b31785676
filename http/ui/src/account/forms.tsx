// Fields and forms of the account views: a label, what is wrong beside it, one act at a time.
import type { ComponentChildren } from "preact";
import { Refusal } from "../sync/api";
import { useState } from "preact/hooks";
import { classes } from "../base/lib";
import { t } from "../texts";
import { toast } from "../base/toasts";

export type FieldProps = {
  name: string;
  id?: string;
  label: string;
  type?: "text" | "email" | "password";
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  wrong?: string | null;
  autocomplete?: string;
  required?: boolean;
  autofocus?: boolean;
  inputmode?: "email" | "numeric";
  maxlength?: number;
  aside?: ComponentChildren;
};

export function Field({
  name,
  id = name,
  label,
  type = "text",
  value,
  onInput,
  hint,
  wrong,
  autocomplete = "off",
  required = true,
  autofocus = false,
  inputmode,
  maxlength,
  aside,
}: FieldProps) {
  const [isShown, setShown] = useState(false);
  const described = classes(hint ? `${id}-hint` : "", wrong ? `${id}-wrong` : "");
  const isPassword = type === "password";
  // The types tell kinds of input apart that this component does not.
  const kind = (isPassword && isShown ? "text" : type) as "text";
  return (
    <div class={wrong ? "field invalid" : "field"}>
      <label for={id}>
        {label}
        {!required && <small> {t.auth.optional}</small>}
      </label>
      {aside}
      <div class="input">
        <input
          id={id}
          name={name}
          type={kind}
          value={value}
          autocomplete={autocomplete}
          required={required}
          autofocus={autofocus}
          inputmode={inputmode}
          maxlength={maxlength}
          autocapitalize="none"
          spellcheck={false}
          aria-invalid={Boolean(wrong)}
          aria-describedby={described || undefined}
          onInput={(event: Event) => onInput((event.currentTarget as HTMLInputElement).value)}
        />
        {isPassword && <Reveal isShown={isShown} onFlip={() => setShown(!isShown)} />}
      </div>
      {hint && (
        <div class="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {wrong && (
        <p class="problem" id={`${id}-wrong`}>
          {wrong}
        </p>
      )}
    </div>
  );
}

/** Shows a password while it is typed. */
function Reveal({ isShown, onFlip }: { isShown: boolean; onFlip: () => void }) {
  return (
    <button
      type="button"
      class="reveal"
      aria-pressed={isShown}
      aria-label={t.auth.showPassword}
      onClick={onFlip}
    >
      {isShown ? t.auth.hide : t.auth.show}
    </button>
  );
}

/** Leads from a refused form to what is wrong with it, which the focus reads out. */
function focusProblem(form: HTMLElement | null | undefined) {
  setTimeout(() => {
    const wrong = form?.querySelector<HTMLElement>("[aria-invalid=true], .problem");
    if (wrong && !wrong.matches("input")) {
      wrong.tabIndex = -1;
    }
    wrong?.focus();
  }, 0);
}

/** What a form holds, and the one act that it does. */
export function useForm(first: Record<string, string>) {
  const [values, setValues] = useState(first);
  const [refusal, setRefusal] = useState(null as Refusal | null);
  const [busy, setBusy] = useState(false);
  return {
    values,
    refusal,
    busy,
    put: (change: Record<string, string>) => setValues((now) => ({ ...now, ...change })),
    /** The usual of a field. */
    field: (name: string) => ({
      name,
      value: values[name] ?? "",
      wrong: refusal?.of(name) ?? null,
      onInput: (value: string) => {
        setValues((now) => ({ ...now, [name]: value }));
        setRefusal(null);
      },
    }),
    act: (work: () => Promise<void>) => async (event: Event | undefined) => {
      const form = event?.currentTarget as HTMLElement | null | undefined;
      event?.preventDefault();
      if (busy) {
        return;
      }
      setBusy(true);
      setRefusal(null);
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refusal)) {
          throw error;
        }
        setRefusal(error);
        focusProblem(form);
      } finally {
        setBusy(false);
      }
    },
    clear: () => setValues(first),
  };
}

/** What was refused, where no field shows it. */
export function Problem({
  refusal,
  fields = [],
  text,
}: {
  refusal: Refusal | null;
  fields?: string[];
  text?: string | null;
}) {
  const isShownAtFields =
    refusal !== null &&
    refusal.fields.length > 0 &&
    refusal.fields.every((problem) => fields.includes(problem.field));
  return refusal && !isShownAtFields ? (
    <p class="problem" role="alert">
      {text ?? refusal.message}
    </p>
  ) : null;
}

/** Rules of a password, ticked as they are met. */
export function Rules({ password, own }: { password: string; own: string[] }) {
  const low = password.toLowerCase();
  const names = own
    .flatMap((text) => [text, text.split("@")[0] ?? ""])
    .map((text) => text.toLowerCase())
    .filter((text) => text.length > 2);
  const rules = [
    [t.rules.length(8), [...password].length >= 8],
    [t.rules.bytes, password !== "" && new TextEncoder().encode(password).length <= 72],
    [t.rules.own, password !== "" && !names.some((name) => low === name)],
  ] as [string, boolean][];
  return (
    <ul class="rules" aria-label={t.rules.label}>
      {rules.map(([text, isMet]) => (
        <li class={isMet ? "met" : ""} key={text}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M5.500 10.500l3 3 6-7" />
          </svg>
          {text}
          <span class="visually-hidden">: {isMet ? t.rules.met : t.rules.unmet}</span>
        </li>
      ))}
    </ul>
  );
}

/** Reads something from the server when first shown. */
export function useAsked<T>(read: () => Promise<T>): {
  data: T | null;
  refusal: Refusal | null;
  again: () => Promise<void>;
  isAsked: boolean;
} {
  const [state, setState] = useState({ data: null, refusal: null, isAsked: false } as {
    data: T | null;
    refusal: Refusal | null;
    isAsked: boolean;
  });
  const again = async () => {
    try {
      const data = await read();
      setState({ data, refusal: null, isAsked: true });
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      setState({ data: null, refusal: error, isAsked: true });
    }
  };
  if (!state.isAsked) {
    state.isAsked = true;
    void again();
  }
  return { ...state, again };
}

/** An act of one button; what is refused is told. */
export const orToast = (work: () => Promise<unknown>) => async () => {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) {
      throw error;
    }
    toast(error.message, { kind: "error" });
  }
};
