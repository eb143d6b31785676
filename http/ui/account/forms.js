// Fields and forms of the account views: a label, what is wrong beside it, one act at a time.
import { Refusal } from "../app/api.js";
import { html, useState } from "../app/lib.js";
import { t } from "../app/texts.js";
import { toast } from "../app/toast.js";

/** @typedef {{ name: string, id?: string, label: string, type?: string, value: string, onInput: (value: string) => void, hint?: unknown, wrong?: string | null,
 *   autocomplete?: string, required?: boolean, autofocus?: boolean, inputmode?: string, maxlength?: number, aside?: unknown }} FieldProps */

/** @param {FieldProps} props */
export function Field({ name, id = name, label, type = "text", value, onInput, hint, wrong, autocomplete = "off", required = true, autofocus = false, inputmode, maxlength, aside }) {
  const [isShown, setShown] = useState(false);
  const described = [hint ? `${id}-hint` : "", wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ");
  const isPassword = type === "password";
  return html`
    <div class=${wrong ? "field invalid" : "field"}>
      <label for=${id}>${label}${!required && html` <small>${t.auth.optional}</small>`}</label>${aside}
      <div class="input">
        <input id=${id} name=${name} type=${isPassword && isShown ? "text" : type} value=${value} autocomplete=${autocomplete} required=${required} autofocus=${autofocus}
          inputmode=${inputmode} maxlength=${maxlength} autocapitalize="none" spellcheck=${false} aria-invalid=${Boolean(wrong)} aria-describedby=${described || null}
          onInput=${(/** @type {Event} */ event) => onInput(/** @type {HTMLInputElement} */ (event.currentTarget).value)} />
        ${isPassword && html`<button type="button" class="reveal" aria-pressed=${isShown} aria-label=${t.auth.showPassword} onClick=${() => setShown(!isShown)}>${isShown ? t.auth.hide : t.auth.show}</button>`}
      </div>
      ${hint && html`<div class="hint" id=${`${id}-hint`}>${hint}</div>`}
      ${wrong && html`<p class="problem" id=${`${id}-wrong`}>${wrong}</p>`}
    </div>`;
}

/** What a form holds, and the one act that it does.
 * @param {Record<string, string>} first */
export function useForm(first) {
  const [values, setValues] = useState(first);
  const [refusal, setRefusal] = useState(/** @type {Refusal | null} */ (null));
  const [busy, setBusy] = useState(false);
  return {
    values, refusal, busy,
    /** @param {Record<string, string>} change */
    put: (change) => setValues((now) => ({ ...now, ...change })),
    /** The usual of a field. @param {string} name */
    field: (name) => ({
      name, value: values[name] ?? "", wrong: refusal?.of(name) ?? null,
      onInput: (/** @type {string} */ value) => { setValues((now) => ({ ...now, [name]: value })); setRefusal(null); },
    }),
    /** @param {() => Promise<void>} work */
    act: (work) => async (/** @type {Event | undefined} */ event) => {
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
      } finally {
        setBusy(false);
      }
    },
    clear: () => setValues(first),
  };
}

/** What was refused, where no field shows it.
 * @param {{ refusal: Refusal | null, fields?: string[], text?: string | null }} props */
export function Problem({ refusal, fields = [], text }) {
  const isShownAtFields = refusal !== null && refusal.fields.length > 0 && refusal.fields.every((problem) => fields.includes(problem.field));
  return refusal && !isShownAtFields ? html`<p class="problem" role="alert">${text ?? refusal.message}</p>` : null;
}

/** Rules of a password, ticked as they are met.
 * @param {{ password: string, own: string[] }} props */
export function Rules({ password, own }) {
  const low = password.toLowerCase();
  const names = own.flatMap((text) => [text, text.split("@")[0] ?? ""]).map((text) => text.toLowerCase()).filter((text) => text.length > 2);
  const rules = /** @type {[string, boolean][]} */ ([
    [t.rules.length(8), [...password].length >= 8],
    [t.rules.bytes, password !== "" && new TextEncoder().encode(password).length <= 72],
    [t.rules.own, password !== "" && !names.some((name) => low === name)],
  ]);
  return html`
    <ul class="rules" aria-label=${t.rules.label}>
      ${rules.map(([text, isMet]) => html`<li class=${isMet ? "met" : ""} key=${text}><svg viewBox="0 0 20 20" aria-hidden="true"><path d="M5.500 10.500l3 3 6-7" /></svg>${text}<span class="visually-hidden">: ${isMet ? t.rules.met : t.rules.unmet}</span></li>`)}
    </ul>`;
}

/** Reads something from the server when first shown.
 * @template T
 * @param {() => Promise<T>} read
 * @returns {{ data: T | null, refusal: Refusal | null, again: () => Promise<void>, isAsked: boolean }} */
export function useAsked(read) {
  const [state, setState] = useState(/** @type {{ data: T | null, refusal: Refusal | null, isAsked: boolean }} */ ({ data: null, refusal: null, isAsked: false }));
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

/** An act of one button; what is refused is told.
 * @param {() => Promise<unknown>} work */
export const told = (work) => async () => {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) {
      throw error;
    }
    toast(error.message, { kind: "error" });
  }
};
