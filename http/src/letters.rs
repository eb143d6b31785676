//! What the trees share about mail: the bodies that ask for it, and the two pages that its links open. A page does nothing
//! until its button is pressed, as programs open links too.

use axum::extract::{FromRequestParts, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use taskwell_core::app::App;
use taskwell_core::error::{Error, Problems};
use taskwell_core::sessions::{self, Door};
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{Email, TokensEnded};
use utoipa::ToSchema;

use crate::client::Visitor;
use crate::form::Form;
use crate::member::Member;
use crate::tree::Failure;
use crate::ui;
use crate::wire::{EmailText, PasswordText};

const BRAND: &str = "<div class=\"sign-brand\"><svg viewBox=\"0 0 32 32\" aria-hidden=\"true\"><rect width=\"32\" height=\"32\" \
rx=\"8\"/><path d=\"M9.5 16.800l4.600 4.700 8.600-10.700\"/></svg><span>Taskwell</span></div>";
const CHANGE: &str = "Change your password";
const KEEP_TOKENS: &str = "<div class=\"checks\"><label><input type=\"checkbox\" name=\"keep_tokens\" value=\"true\"> Keep my personal access \
tokens</label></div>";
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";

/// The email address of an account whose owner has forgotten the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgotPassword)]
pub struct ForgotWire {
    #[serde(default)]
    #[schema(value_type = EmailText, required)]
    email: Member,
}

impl ForgotWire {
    pub fn read(self) -> Result<Email, Failure> {
        let p = &mut Problems::default();
        let email = self.email.required("email", p, Email::parse);
        Ok(std::mem::take(p).finish(email)?)
    }
}

/// A new password and the token from the mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPassword)]
pub struct ResetWire {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Member,
    #[serde(default)]
    #[schema(value_type = PasswordText, required)]
    new_password: Member,
}

impl ResetWire {
    pub fn read(self) -> Result<(String, String), Failure> {
        let p = &mut Problems::default();
        let token = self.token.text("token", p);
        let new = self.new_password.text("new_password", p);
        Ok(std::mem::take(p).finish(token.zip(new))?)
    }
}

/// The token from the mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = MailToken)]
pub struct MailTokenWire {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Member,
}

impl MailTokenWire {
    pub fn read(self) -> Result<String, Failure> {
        let p = &mut Problems::default();
        let token = self.token.text("token", p);
        Ok(std::mem::take(p).finish(token)?)
    }
}

/// The token of the link that was opened; empty where there is none.
pub struct LinkToken(String);

impl FromRequestParts<App> for LinkToken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<LinkToken, Self::Rejection> {
        let query = parts.uri.query().unwrap_or("");
        let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        Ok(LinkToken(token.map(|(_, token)| token.into_owned()).unwrap_or_default()))
    }
}

pub async fn verify_page(LinkToken(token): LinkToken) -> Response {
    let form = form("/verify-email", &token, "", "Verify");
    page(StatusCode::OK, "Verify your email address", &form)
}

pub async fn verify(State(app): State<App>, visitor: Visitor, Form(wire): Form<MailTokenWire>) -> Response {
    const TITLE: &str = "Verify your email address";
    let done = async { Ok(app.verify_email(wire?.read()?, visitor.door(false)).await?) };
    told(TITLE, done.await, "Your email address is verified.")
}

pub async fn reset_page(LinkToken(token): LinkToken) -> Response {
    let field = field("New password", "new_password", "password", "new-password", "required");
    page(StatusCode::OK, "Choose a new password", &form("/reset-password", &token, &field, "Save"))
}

pub async fn reset(State(app): State<App>, visitor: Visitor, Form(wire): Form<ResetWire>) -> Response {
    const TITLE: &str = "Choose a new password";
    let done = async {
        let (token, new) = wire?.read()?;
        Ok(app.reset_forgotten(token, new, Policy::House, visitor.door(false)).await?)
    };
    let (done, ended) = counted(done.await);
    told(TITLE, done, &format!("Your password was changed. Log in with the new one.{ended}"))
}

/// Who changes a password without a session: what proves it is in the form.
#[derive(Deserialize)]
pub struct ChangeWire {
    #[serde(default)]
    login: Member,
    #[serde(default)]
    current_password: Member,
    #[serde(default)]
    new_password: Member,
    #[serde(default)]
    totp_code: Member,
    /// `true` where the box is ticked, else nothing.
    #[serde(default)]
    keep_tokens: Member,
}

/// What the form says.
struct PasswordChange {
    login: String,
    old: Password,
    new: String,
    code: Option<String>,
    keeps_tokens: bool,
}

impl ChangeWire {
    fn read(self) -> Result<PasswordChange, Failure> {
        let p = &mut Problems::default();
        let keeps_tokens = self.keep_tokens.as_text() == Some("true");
        let login = self.login.login("login", p);
        let old = self.current_password.required("current_password", p, |text| Ok(Password::claimed(text)));
        let new = self.new_password.text("new_password", p);
        let code = self.totp_code.optional("totp_code", p, |code| Ok(code.to_owned()));
        let code = code.filter(|code| !code.is_empty());
        let ((login, old), new) = std::mem::take(p).finish(login.zip(old).zip(new))?;
        Ok(PasswordChange { login, old, new, code, keeps_tokens })
    }
}

/// Where password managers lead to (W3C, "A Well-Known URL for Changing Passwords").
pub async fn change_password() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, HeaderValue::from_static("/change-password"))]).into_response()
}

pub async fn change_page() -> Response {
    let fields = [
        field("Email or username", "login", "text", "username", "required"),
        field("Current password", "current_password", "password", "current-password", "required"),
        field("New password", "new_password", "password", "new-password", "required"),
        field(
            "Two-factor code, if you use two-factor authentication",
            "totp_code",
            "text",
            "one-time-code",
            "",
        ),
        KEEP_TOKENS.to_owned(),
    ];
    page(StatusCode::OK, CHANGE, &form("/change-password", "", &fields.concat(), "Save"))
}

pub async fn change(State(app): State<App>, visitor: Visitor, Form(wire): Form<ChangeWire>) -> Response {
    let client = visitor.client();
    let done = async {
        let PasswordChange { login, old, new, code, keeps_tokens } = wire?.read()?;
        let door = Door { code, ..visitor.door(true) };
        let token = app.login(login, old.clone(), door).await?.access_token;
        let changed = app.change_password(app.verify(&token, client)?, old, new, keeps_tokens).await;
        // The session was for this alone.
        let bearer = app.verify(&token, client)?;
        app.write(bearer, Ok::<_, Failure>(()), |tx, caller, ()| sessions::end(tx, caller)).await?;
        Ok(changed?)
    };
    let (done, ended) = counted(done.await);
    match done {
        Err(failure @ Failure::Core(Error::Unauthenticated(_))) => {
            let words = match &failure {
                Failure::Core(Error::Unauthenticated(why)) if why.is_more_than_a_password() => {
                    failure.detail()
                }
                _ => "Incorrect email, username or password".to_owned(),
            };
            refused(&failure, CHANGE, &words)
        }
        done => {
            let words = "Your password was changed. You are logged out everywhere else.";
            told(CHANGE, done, &format!("{words}{ended}"))
        }
    }
}

/// What was done, and a sentence about the personal access tokens that have ended, if there are such.
fn counted(done: Result<TokensEnded, Failure>) -> (Result<(), Failure>, String) {
    let words = match &done {
        Ok(TokensEnded(0)) | Err(_) => String::new(),
        Ok(TokensEnded(1)) => " This ended one personal access token.".to_owned(),
        Ok(TokensEnded(count)) => format!(" This ended {count} personal access tokens."),
    };
    (done.map(drop), words)
}

fn told(title: &str, done: Result<(), Failure>, words: &str) -> Response {
    match done {
        Ok(()) => page(StatusCode::OK, title, &format!("<p>{words}</p>")),
        Err(failure) => {
            let detail = match &failure {
                Failure::Core(error @ Error::Invalid(_)) => error.to_string(),
                Failure::Core(Error::Unauthenticated(_)) => {
                    "This link has expired or was already used. Request a new one.".to_owned()
                }
                other => other.detail(),
            };
            refused(&failure, title, &detail)
        }
    }
}

/// A page with what failed, in words, and with the headers of such an answer.
fn refused(failure: &Failure, title: &str, words: &str) -> Response {
    if let Failure::Core(Error::Internal(cause)) = failure {
        tracing::error!(cause, "cannot serve an account page");
    }
    let mut page = page(failure.status(), title, &format!("<p>{}</p>", escaped(words)));
    failure.headers(&mut page);
    page
}

fn form(action: &str, token: &str, fields: &str, button: &str) -> String {
    let token = escaped(token);
    format!(
        "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"token\" value=\"{token}\">{fields}\
         <button class=\"primary large\">{button}</button></form>"
    )
}

fn field(label: &str, name: &str, kind: &str, autocomplete: &str, required: &str) -> String {
    format!(
        "<div class=\"field\"><label for=\"{name}\">{label}</label><div class=\"input\">\
         <input id=\"{name}\" type=\"{kind}\" name=\"{name}\" autocomplete=\"{autocomplete}\" {required}></div></div>"
    )
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{}</head><body><main class=\"outside\">\
         <div class=\"sign\">{BRAND}<h1>{title}</h1>{body}<p class=\"other\"><a href=\"/\">To your tasks</a></p></div></main></body></html>",
        ui::styles()
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
    ];
    (status, headers, text).into_response()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
