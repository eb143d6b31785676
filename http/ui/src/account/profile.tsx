// The profile: names and email address.
import { useEffect, useRef } from "preact/hooks";
import { toast } from "../base/toasts";
import type { User } from "../base/types";
import { call, keepUser, session } from "../sync/api";
import { t } from "../texts";
import { Field, Problem, orToast, useForm } from "./forms";
import { isMailOff, withMail } from "./mail";
import { Section } from "./section";

const s = t.settings;

function useProfile() {
  const user = session.value?.user;
  const form = useForm({
    name: user?.name ?? "",
    username: user?.username ?? "",
    email: user?.email ?? "",
    current_password: "",
  });
  const isTouched = useRef(false);
  // Another device may have changed or verified the address.
  useEffect(() => {
    void call<User>("GET", "/users/me").then(
      ({ data }) => {
        keepUser(data);
        if (!isTouched.current) {
          form.put({ name: data.name ?? "", username: data.username, email: data.email });
        }
      },
      (error: Error) => console.warn("the account could not be read:", error.message),
    );
  }, []);
  // Password reset links go to the address, so the server requires the password to change it.
  const isMoving = (form.values["email"] ?? "").trim() !== user?.email;
  const submit = form.act(async () => {
    const { name = "", username = "", email = "", current_password = "" } = form.values;
    const proof = isMoving ? { current_password } : {};
    const { data } = await call<User>("PATCH", "/users/me", {
      body: {
        name: name.trim() === "" ? null : name.trim(),
        username,
        email: email.trim(),
        ...proof,
      },
    });
    form.put({ current_password: "" });
    keepUser(data);
    toast(s.saved);
  });
  const touch = () => (isTouched.current = true);
  return { form, isMoving, submit, touch };
}

/** Shows whether the email address is verified, with a button to verify it. */
function EmailState() {
  const verify = orToast(async () => {
    await withMail(() => call("POST", "/auth/email/verification"));
    toast(s.verifySent);
  });
  if (isMailOff.value && !session.value?.user.email_verified) {
    return <>{s.unverified}</>;
  }
  return session.value?.user.email_verified ? (
    <span class="good">{s.verified}</span>
  ) : (
    <>
      {s.unverified} ·{" "}
      <button type="button" class="link" onClick={verify}>
        {s.verifyNow}
      </button>
    </>
  );
}

export function Profile() {
  const { form, isMoving, submit, touch } = useProfile();
  return (
    <Section title={s.profile}>
      <form onSubmit={submit} onInput={touch} novalidate>
        <Field
          {...form.field("name")}
          label={t.auth.name}
          required={false}
          autocomplete="name"
          maxlength={100}
        />
        <Field
          {...form.field("username")}
          label={t.auth.username}
          autocomplete="username"
          maxlength={64}
        />
        <Field
          {...form.field("email")}
          label={t.auth.email}
          type="email"
          autocomplete="email"
          maxlength={254}
          hint={<EmailState />}
        />
        {isMoving && (
          <Field
            {...form.field("current_password")}
            id="profile-password"
            label={t.auth.currentPassword}
            type="password"
            autocomplete="current-password"
            hint={s.emailProof}
          />
        )}
        <Problem
          {...form.problem}
          fields={["name", "username", "email", ...(isMoving ? ["current_password"] : [])]}
        />
        <button disabled={form.busy}>{s.save}</button>
      </form>
    </Section>
  );
}
