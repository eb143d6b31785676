// Sign-in, sign-up and password reset.
import { Refusal, call, session, signIn } from "../sync/api";
import { useState } from "preact/hooks";
import { Link } from "../views/nav";
import { go } from "../state/state";
import { waiting } from "../sync/store";
import { t } from "../texts";
import { toast } from "../base/toasts";
import { Field, Problem, Rules, useForm } from "./forms";
import { isMailOff, withMail } from "./mail";

function SignCard({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: string | null;
  children?: unknown;
}) {
  return (
    <div class="sign">
      <div class="sign-brand">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M9.500 16.800l4.600 4.700 8.600-10.700" />
        </svg>
        <span>{t.name}</span>
      </div>
      <h1>{title}</h1>
      {lead && <p class="lead">{lead}</p>}
      {children}
    </div>
  );
}

/** Navigates on after a sign-in. */
function enter() {
  go(
    location.pathname.startsWith("/app/sign") || location.pathname === "/app/forgot"
      ? "/"
      : location.pathname,
    true,
  );
}

/** Holds the sign-in form, which asks for a code once the server requires one. */
function useSignIn() {
  const form = useForm({ login: "", password: "", totp_code: "" });
  const [needsCode, setNeedsCode] = useState(false);
  const { login, password, totp_code } = form.values;
  const submit = form.act(async () => {
    const body: Record<string, string> = {
      username: (login ?? "").trim(),
      password: password ?? "",
    };
    if (needsCode && totp_code) {
      body["totp_code"] = totp_code;
    }
    try {
      await signIn(body);
    } catch (error) {
      if (/totp_code/.test(error instanceof Refusal ? error.detail : "")) {
        setNeedsCode(true);
        setTimeout(() => document.getElementById("totp_code")?.focus(), 0);
        return;
      }
      throw error;
    }
    enter();
  });
  const { refusal } = form;
  const isWrong = refusal?.status === 401 && !/second factor/.test(refusal.detail);
  return { form, needsCode, text: isWrong ? t.auth.wrong : null, submit };
}

export function SignIn({ ended = false }: { ended?: boolean }) {
  const { form, needsCode, text, submit } = useSignIn();
  return (
    <SignCard
      title={t.auth.signInTitle}
      lead={
        ended
          ? waiting.value > 0
            ? t.auth.expiredWaiting(waiting.value)
            : t.auth.expired
          : t.tagline
      }
    >
      <form onSubmit={submit} novalidate>
        <Field
          {...form.field("login")}
          label={t.auth.login}
          autocomplete="username"
          autofocus={true}
          maxlength={254}
        />
        <Field
          {...form.field("password")}
          label={t.auth.password}
          type="password"
          autocomplete="current-password"
          aside={
            !isMailOff.value && (
              <Link to="/app/forgot" class="aside">
                {t.auth.forgot}
              </Link>
            )
          }
        />
        {needsCode && (
          <Field
            {...form.field("totp_code")}
            label={t.auth.code}
            hint={t.auth.codeHint}
            autocomplete="one-time-code"
          />
        )}
        <Problem {...form.problem} fields={["login", "password", "totp_code"]} text={text} />
        <button class="primary large" disabled={form.busy}>
          {t.auth.signIn}
        </button>
      </form>
      <p class="other">
        {t.auth.toSignUp} <Link to="/app/sign-up">{t.auth.signUp}</Link>
      </p>
    </SignCard>
  );
}

/**
 * Derives a username from an email address by the server's rules: one script, ASCII if possible.
 */
function usernameOf(email: string) {
  const local = (email.split("@")[0] ?? "").normalize("NFC");
  const ascii = local.normalize("NFKD").replace(/[^A-Za-z0-9._-]/g, "");
  const isOther = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u.test(local);
  const isMixed = /\p{Script=Latin}/u.test(local);
  const name = isOther && !isMixed ? local.replace(/[^\p{L}\p{M}\p{Nd}._-]/gu, "") : ascii;
  return [...name].slice(0, 48).join("");
}

/** Adds random digits after the server rejected a username as taken or too similar to another. */
function anotherUsername(name: string) {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  const digits = String(random % 1_000_000).padStart(6, "0");
  return `${name.replace(/[^A-Za-z0-9._-]/g, "") || "user"}-${digits}`;
}

/** Returns whether the username alone may have caused a rejected sign-up. */
const isAboutUsername = ({ status, fields, detail }: Refusal) =>
  fields.length > 0
    ? fields.every((one) => one.field === "username")
    : status === 400 && /^(Username or email already|This username looks)/.test(detail);

/** Signs up. Retries once with another username if the user did not choose it. */
async function signUp(body: Record<string, string>, isOwnName: boolean) {
  const send = (username: string) =>
    call("POST", "/auth/signup", { body: { ...body, username }, bare: true });
  try {
    await send(body["username"] ?? "");
  } catch (error) {
    if (isOwnName || !(error instanceof Refusal) || !isAboutUsername(error)) {
      throw error;
    }
    await send(anotherUsername(body["username"] ?? ""));
  }
}

export function SignUp() {
  const form = useForm({ email: "", username: "", password: "" });
  const [isOwnName, setOwnName] = useState(false);
  const { email = "", password = "" } = form.values;
  const username = isOwnName ? (form.values["username"] ?? "") : usernameOf(email);
  const submit = form.act(async () => {
    await signUp({ email: email.trim(), username, password }, isOwnName);
    const user = await signIn({ email: email.trim(), password });
    toast(t.auth.welcome(user.name ?? user.username));
    enter();
  });
  const field = form.field("username");
  return (
    <SignCard title={t.auth.signUpTitle} lead={t.tagline}>
      <form onSubmit={submit} novalidate>
        <Field
          {...form.field("email")}
          label={t.auth.email}
          type="email"
          autocomplete="email"
          inputmode="email"
          autofocus={true}
          maxlength={254}
        />
        <Field
          {...field}
          value={username}
          onInput={(value: string) => {
            setOwnName(true);
            field.onInput(value);
          }}
          label={t.auth.username}
          hint={t.auth.usernameHint}
          autocomplete="nickname"
          maxlength={64}
        />
        <Field
          {...form.field("password")}
          label={t.auth.password}
          type="password"
          autocomplete="new-password"
          hint={<Rules password={password} own={[email, username]} />}
        />
        <Problem {...form.problem} fields={["email", "username", "password"]} />
        <button class="primary large" disabled={form.busy}>
          {t.auth.signUp}
        </button>
      </form>
      <p class="other">
        {t.auth.toSignIn} <Link to="/app/sign-in">{t.auth.signIn}</Link>
      </p>
    </SignCard>
  );
}

export function Forgot() {
  const form = useForm({ email: "" });
  const [isSent, setSent] = useState(false);
  const submit = form.act(async () => {
    const body = { email: (form.values["email"] ?? "").trim() };
    await withMail(() => call("POST", "/auth/password/forgot", { body, bare: true }));
    setSent(true);
  });
  return (
    <SignCard
      title={t.auth.forgotTitle}
      lead={isSent || isMailOff.value ? null : t.auth.forgotLead}
    >
      {isMailOff.value ? (
        <p role="alert">{t.auth.mailOff}</p>
      ) : isSent ? (
        <p role="status">{t.auth.forgotSent}</p>
      ) : (
        <form onSubmit={submit} novalidate>
          <Field
            {...form.field("email")}
            label={t.auth.email}
            type="email"
            autocomplete="email"
            inputmode="email"
            autofocus={true}
          />
          <Problem {...form.problem} fields={["email"]} />
          <button class="primary large" disabled={form.busy}>
            {t.auth.forgotSend}
          </button>
        </form>
      )}
      <p class="other">
        <Link to={session.value ? "/" : "/app/sign-in"}>{t.auth.back}</Link>
      </p>
    </SignCard>
  );
}
