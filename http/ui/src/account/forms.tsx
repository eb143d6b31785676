// Fields and forms of the account views: labels, errors beside their fields, one action at a time.
import type { ComponentChildren } from "preact";
import { Refusal } from "../sync/api";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "../base/ask";
import type { Question } from "../base/ask";
import { classes, typedIn } from "../base/lib";
import type { FieldProblem } from "../base/types";
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
  /** The id of the form's error message, if this field may have caused it. */
  blamed?: string | undefined;
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
  blamed,
  autocomplete = "off",
  required = true,
  autofocus = false,
  inputmode,
  maxlength = Infinity,
  aside,
}: FieldProps) {
  const [isShown, setShown] = useState(false);
  const described = classes(hint ? `${id}-hint` : "", wrong ? `${id}-wrong` : blamed);
  const isPassword = type === "password";
  // The JSX types distinguish kinds of input; this component does not.
  const kind = (isPassword && isShown ? "text" : type) as "text";
  return (
    <div class={wrong || blamed ? "field invalid" : "field"}>
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
          autocapitalize="none"
          spellcheck={false}
          aria-invalid={Boolean(wrong || blamed)}
          aria-describedby={described || undefined}
          onInput={(event: Event) => onInput(typedIn(event, maxlength))}
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

/** The button that shows or hides a password. */
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

/** The fields at fault for server errors that name no field, by error message. */
const BLAMED: Record<string, string[]> = {
  "Incorrect email or password": ["login", "password"],
  "Username or email already exists": ["email", "username"],
  "This username looks like another name; choose one that differs more": ["username"],
  "The code from your second factor is wrong or was already used": ["totp_code"],
};

/** Focuses the first error of a form, so that screen readers announce it. */
function focusProblem(form: HTMLElement | null) {
  setTimeout(() => {
    const wrong = form?.querySelector<HTMLElement>("[aria-invalid=true], .problem");
    if (wrong && !wrong.matches("input")) {
      wrong.tabIndex = -1;
    }
    wrong?.focus();
  }, 0);
}

/** Holds the values of a form, its error, and whether its action is running. */
export function useForm(first: Record<string, string>) {
  const [values, setValues] = useState(first);
  const [refusal, setRefusal] = useState(null as Refusal | null);
  const [busy, setBusy] = useState(false);
  const problemId = `${useId()}-problem`;
  const element = useRef<HTMLFormElement | null>(null);
  const blamed = refusal ? (BLAMED[refusal.detail] ?? []) : [];
  useLayoutEffect(() => {
    if (refusal) {
      focusProblem(element.current);
    }
  }, [refusal]);
  return {
    values,
    refusal,
    busy,
    problem: { id: problemId, refusal },
    put: (change: Record<string, string>) => setValues((now) => ({ ...now, ...change })),
    /** Returns the common props of a field. */
    field: (name: string) => ({
      name,
      value: values[name] ?? "",
      wrong: refusal?.of(name) ?? null,
      blamed: blamed.includes(name) ? problemId : undefined,
      onInput: (value: string) => {
        setValues((now) => ({ ...now, [name]: value }));
        setRefusal(null);
      },
    }),
    act: (work: () => Promise<void>) => async (event: Event | undefined) => {
      event?.preventDefault();
      if (busy) {
        return;
      }
      element.current = (event?.currentTarget ?? null) as HTMLFormElement | null;
      const empty = emptyFields(element.current);
      setRefusal(empty.length > 0 ? new Refusal(422, { errors: empty }, 0) : null);
      if (empty.length > 0) {
        return;
      }
      setBusy(true);
      try {
        await work();
      } catch (error) {
        if (!(error instanceof Refusal)) {
          throw error;
        }
        setRefusal(error);
      } finally {
        setBusy(false);
      }
    },
    clear: () => setValues(first),
  };
}

/** Asks for the password again before an action that a stolen session must not perform. */
export function PasswordForm({
  form,
  id,
  yes,
  isDangerous = false,
  onSubmit,
  onCancel,
}: {
  form: ReturnType<typeof useForm>;
  id: string;
  /** The label of the submit button. */
  yes: string;
  isDangerous?: boolean;
  onSubmit: (event: Event | undefined) => Promise<void>;
  onCancel: () => void;
}) {
  return (
    <form onSubmit={onSubmit} novalidate>
      <Field
        {...form.field("password")}
        id={id}
        label={t.auth.password}
        type="password"
        autocomplete="current-password"
        autofocus={true}
      />
      <Problem {...form.problem} fields={["password"]} />
      <span class="buttons">
        <button class={isDangerous ? "danger" : ""} disabled={form.busy}>
          {yes}
        </button>
        <button type="button" class="quiet" onClick={onCancel}>
          {t.settings.cancel}
        </button>
      </span>
    </form>
  );
}

/** Returns the required fields that are empty, so that the server need not be asked. */
function emptyFields(form: HTMLFormElement | null): FieldProblem[] {
  const fields = [...(form?.querySelectorAll<HTMLInputElement>("input[required]") ?? [])];
  const message = t.errors.required;
  return fields
    .filter(({ name, value }) => (/password/.test(name) ? value : value.trim()) === "")
    .map((field) => ({ field: field.name, code: "empty", message }));
}

/** Shows an error that no field shows. */
export function Problem({
  refusal,
  id,
  fields = [],
  text,
}: {
  refusal: Refusal | null;
  /** The id that fields at fault refer to. */
  id?: string;
  fields?: string[];
  text?: string | null;
}) {
  const isShownAtFields =
    refusal !== null &&
    refusal.fields.length > 0 &&
    refusal.fields.every((problem) => fields.includes(problem.field));
  return refusal && !isShownAtFields ? (
    <p class="problem" role="alert" id={id}>
      {text ?? refusal.message}
    </p>
  ) : null;
}

/** The rules for a password, ticked as they are met. */
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

/** Reads data from the server on first render. */
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

/**
 * Wraps an action that destroys or grants something: asks for confirmation first. If the button is
 * gone afterwards, the focus moves to the view.
 */
export const asked = (question: Omit<Question, "answer">, work: () => Promise<unknown>) =>
  orToast(async () => {
    if (await ask(question)) {
      await work();
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) {
          document.getElementById("main")?.focus({ preventScroll: true });
        }
      });
    }
  });

/** Wraps the action of a button: shows an error as a notice. */
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
