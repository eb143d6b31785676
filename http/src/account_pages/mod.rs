//! Mail for all trees: the bodies that request it, and the two pages that its links open. A page
//! acts only when its button is pressed, because programs open links too.

mod html;

use axum::extract::{FromRequestParts, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use taskwell_core::accounts;
use taskwell_core::app::App;
use taskwell_core::error::{Error, Problem, Problems};
use taskwell_core::sessions::{self, LoginContext};
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{Email, TokensEnded};
use utoipa::ToSchema;

use self::html::{Field, escaped, form, page};
use crate::client::Visitor;
use crate::form::Form;
use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::{EmailText, PasswordText};

const CHANGE: &str = "Change your password";
const KEEP_TOKENS: &str = "<div class=\"checks\"><label><input type=\"checkbox\" \
name=\"keep_tokens\" value=\"true\"> Keep my personal access tokens</label></div>";

/// The email address of an account whose owner has forgotten the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ForgotPassword)]
pub struct ForgotWire {
    #[serde(default)]
    #[schema(value_type = EmailText, required)]
    email: RawField,
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
    token: RawField,
    #[serde(default)]
    #[schema(value_type = PasswordText, required)]
    new_password: RawField,
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
    token: RawField,
}

impl MailTokenWire {
    pub fn read(self) -> Result<String, Failure> {
        let p = &mut Problems::default();
        let token = self.token.text("token", p);
        Ok(std::mem::take(p).finish(token)?)
    }
}

/// The token of the opened link; empty if the link has none.
pub struct LinkToken(String);

impl FromRequestParts<App> for LinkToken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<LinkToken, Self::Rejection> {
        let query = parts.uri.query().unwrap_or("");
        let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
        Ok(LinkToken(token.map(|(_, token)| token.into_owned()).unwrap_or_default()))
    }
}

const VERIFY: &str = "Verify your email address";
const RESET: &str = "Choose a new password";
const ANOTHER_LINK: &str = "<p>This link has expired or was already used.</p><p><a \
                            href=\"/app/forgot\">Request a new link</a></p>";
const ANOTHER_VERIFICATION: &str = "<p>This link has expired or was already used.</p><p><a \
                                    href=\"/app/settings\">Request a new link in the \
                                    settings</a></p>";

fn verify_form(token: &str) -> String {
    form("/verify-email", token, "", "Verify")
}

fn reset_form(token: &str, problems: &[Problem]) -> String {
    let field = Field::password("New password", "new_password", "new-password").draw(problems);
    form("/reset-password", token, &field, "Save")
}

pub async fn verify_page(LinkToken(token): LinkToken) -> Response {
    page(StatusCode::OK, VERIFY, &verify_form(&token))
}

pub async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    Form(wire): Form<MailTokenWire>,
) -> Response {
    let token = wire.as_ref().ok().and_then(|wire| wire.token.as_text()).unwrap_or("").to_owned();
    let done = async {
        Ok(accounts::email::verify_email(&app, wire?.read()?, visitor.login_context(false)).await?)
    };
    match done.await {
        Ok(()) => page(StatusCode::OK, VERIFY, "<p>Your email address is verified.</p>"),
        Err(failure @ Failure::Core(Error::Unauthenticated(_))) => {
            refused(&failure, VERIFY, ANOTHER_VERIFICATION)
        }
        Err(failure) => again(&failure, VERIFY, &failure.detail(), &verify_form(&token)),
    }
}

pub async fn reset_page(LinkToken(token): LinkToken) -> Response {
    page(StatusCode::OK, RESET, &reset_form(&token, &[]))
}

pub async fn reset(
    State(app): State<App>,
    visitor: Visitor,
    Form(wire): Form<ResetWire>,
) -> Response {
    let token = wire.as_ref().ok().and_then(|wire| wire.token.as_text()).unwrap_or("").to_owned();
    let done = async {
        let (token, new) = wire?.read()?;
        Ok(accounts::email::reset_forgotten(
            &app,
            token,
            new,
            Policy::House,
            visitor.login_context(false),
        )
        .await?)
    };
    let (done, ended) = counted(done.await);
    match done {
        Ok(()) => {
            let words =
                format!("<p>Your password was changed. Log in with the new one.{ended}</p>");
            page(StatusCode::OK, RESET, &words)
        }
        Err(failure @ Failure::Core(Error::Unauthenticated(_))) => {
            refused(&failure, RESET, ANOTHER_LINK)
        }
        // The token is still valid: show the form again, with each problem at its field.
        Err(failure) => {
            let words = beside(&failure, &["new_password"]);
            again(&failure, RESET, &words, &reset_form(&token, failure.problems()))
        }
    }
}

/// A password change without a session. The form contains the credentials.
#[derive(Deserialize)]
pub struct ChangeWire {
    #[serde(default)]
    login: RawField,
    #[serde(default)]
    current_password: RawField,
    #[serde(default)]
    new_password: RawField,
    #[serde(default)]
    totp_code: RawField,
    /// `true` if the box is ticked, otherwise absent.
    #[serde(default)]
    keep_tokens: RawField,
}

/// A parsed [`ChangeWire`].
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
        let old = self
            .current_password
            .required("current_password", p, |text| Ok(Password::claimed(text)));
        let new = self.new_password.text("new_password", p);
        let code = self.totp_code.optional("totp_code", p, |code| Ok(code.to_owned()));
        let code = code.filter(|code| !code.is_empty());
        let ((login, old), new) = std::mem::take(p).finish(login.zip(old).zip(new))?;
        Ok(PasswordChange { login, old, new, code, keeps_tokens })
    }
}

/// Redirects password managers to the form (W3C, "A Well-Known URL for Changing Passwords").
pub async fn change_password() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, HeaderValue::from_static("/change-password"))])
        .into_response()
}

/// Renders the form with the submitted values, except secrets, and with its problems.
fn change_form(login: &str, keeps_tokens: bool, problems: &[Problem]) -> String {
    let fields = [
        Field { value: login, ..Field::text("Email or username", "login", "username") },
        Field::password("Current password", "current_password", "current-password"),
        Field::password("New password", "new_password", "new-password"),
        Field {
            required: "",
            ..Field::text(
                "Two-factor code, if you use two-factor authentication",
                "totp_code",
                "one-time-code",
            )
        },
    ];
    let mut drawn: String = fields.iter().map(|field| field.draw(problems)).collect();
    drawn.push_str(
        &KEEP_TOKENS.replace("value=", if keeps_tokens { "checked value=" } else { "value=" }),
    );
    form("/change-password", "", &drawn, "Save")
}

pub async fn change_page() -> Response {
    page(StatusCode::OK, CHANGE, &change_form("", false, &[]))
}

pub async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Form(wire): Form<ChangeWire>,
) -> Response {
    let client = visitor.client();
    let typed = wire.as_ref().ok();
    let login = typed.and_then(|wire| wire.login.as_text()).unwrap_or("").to_owned();
    let keeps_tokens = typed.is_some_and(|wire| wire.keep_tokens.as_text() == Some("true"));
    let done = async {
        let PasswordChange { login, old, new, code, keeps_tokens } = wire?.read()?;
        let login_context = LoginContext { code, ..visitor.login_context(true) };
        let token = accounts::login(&app, login, old.clone(), login_context).await?.access_token;
        let changed =
            accounts::change_password(&app, app.verify(&token, client)?, old, new, keeps_tokens)
                .await;
        // The session served only this change.
        let bearer = app.verify(&token, client)?;
        app.write(bearer, Ok::<_, Failure>(()), |tx, caller, ()| sessions::end(tx, caller)).await?;
        Ok(changed?)
    };
    let (done, ended) = counted(done.await);
    match done {
        Ok(()) => {
            let words = "Your password was changed. You are logged out everywhere else.";
            page(StatusCode::OK, CHANGE, &format!("<p>{words}{ended}</p>"))
        }
        Err(failure) => {
            // The response to a wrong guess is the same for every name.
            let (login, words) = match &failure {
                Failure::Core(Error::Unauthenticated(why)) if !why.is_more_than_a_password() => {
                    ("", "Incorrect email, username or password".to_owned())
                }
                _ => (
                    &*login,
                    beside(&failure, &["login", "current_password", "new_password", "totp_code"]),
                ),
            };
            again(&failure, CHANGE, &words, &change_form(login, keeps_tokens, failure.problems()))
        }
    }
}

/// Returns the result, and a sentence about the personal access tokens that the change ended, if
/// any.
fn counted(done: Result<TokensEnded, Failure>) -> (Result<(), Failure>, String) {
    let words = match &done {
        Ok(TokensEnded(0)) | Err(_) => String::new(),
        Ok(TokensEnded(1)) => " This ended one personal access token.".to_owned(),
        Ok(TokensEnded(count)) => format!(" This ended {count} personal access tokens."),
    };
    (done.map(drop), words)
}

/// Returns a page that reports the failure, with the headers for that failure.
fn refused(failure: &Failure, title: &str, body: &str) -> Response {
    if let Failure::Core(Error::Internal(cause)) = failure {
        tracing::error!(cause, "cannot serve an account page");
    }
    let mut page = page(failure.status(), title, body);
    failure.headers(&mut page);
    page
}

/// Returns the form again, below the message about the failure.
fn again(failure: &Failure, title: &str, words: &str, form: &str) -> Response {
    let words = match words {
        "" => String::new(),
        words => format!("<p class=\"problem\" role=\"alert\">{}</p>", escaped(words)),
    };
    refused(failure, title, &(words + form))
}

/// Returns the message about the failure; empty if the fields of the form show it.
fn beside(failure: &Failure, fields: &[&str]) -> String {
    match failure.problems() {
        [] => failure.detail(),
        problems if problems.iter().all(|problem| fields.contains(&&*problem.field)) => {
            String::new()
        }
        _ => failure.detail(),
    }
}
