//! `/auth/password` and `/users/me/password`: reset and change of the password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use taskwell_core::accounts;
use taskwell_core::app::App;
use taskwell_core::bearer::Bearer;
use taskwell_core::error::Problems;
use taskwell_core::users::TokensEnded;
use taskwell_core::users::password::{Password, Policy};
use utoipa::ToSchema;

use super::message::{MessageWire, message};
use super::problem::WRONG_PASSWORD;
use crate::account_pages::{ForgotWire, ResetWire};
use crate::client::Visitor;
use crate::doc::{Api, Doc};
use crate::extract::{Body, Token};
use crate::raw_field::RawField;
use crate::tree::{Answer, Failure, MAIL_OFF, json};
use crate::wire::PasswordText;

pub fn routes(api: Api) -> Api {
    api.post(
        "/auth/password/forgot",
        forgot,
        Doc::new("forgotPassword", "Request a link to reset the password")
            .note(
                "The response is the same whether or not the account exists. A link becomes \
                   invalid when the server sends a newer one, and when the password, the email \
                   address or `is_active` changes.",
            )
            .public()
            .body::<ForgotWire>()
            .answers::<MessageWire>(
                StatusCode::ACCEPTED,
                "If the account exists, the server sends mail to its address.",
            )
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
    .post(
        "/auth/password/reset",
        reset,
        Doc::new("resetPassword", "Reset the password with the token from a link")
            .note("Ends all sessions, personal access tokens and earlier links of the account.")
            .public()
            .body::<ResetWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The password was changed.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .post(
        "/users/me/password",
        change,
        Doc::new("changePassword", "Change your password")
            .note(
                "Requires the current password. Ends your other sessions, all links to reset the \
                   password and, unless `keep_tokens` is true, your personal access tokens.",
            )
            .body::<PasswordChangeWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The password was changed.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD),
    )
}

pub async fn forgot(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ForgotWire>,
) -> Answer {
    accounts::email::forgot_password(&app, wire?.read()?, visitor.login_context(false)).await?;
    Ok(message(StatusCode::ACCEPTED, "If the account exists, mail is on its way"))
}

pub async fn reset(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ResetWire>,
) -> Answer {
    let (token, new) = wire?.read()?;
    let ended = accounts::email::reset_forgotten(
        &app,
        token,
        new,
        Policy::House,
        visitor.login_context(false),
    )
    .await?;
    Ok(json(StatusCode::OK, &PasswordChangedWire::from(ended)))
}

pub async fn change(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordChangeWire>,
) -> Answer {
    let (old, new, keeps_tokens) =
        told(&app, &claims, wire.and_then(PasswordChangeWire::read)).await?;
    let ended = accounts::change_password(&app, claims, old, new, keeps_tokens).await?;
    Ok(json(StatusCode::OK, &PasswordChangedWire::from(ended)))
}

/// A change of the password.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct PasswordChangeWire {
    #[schema(value_type = String, required, format = Password)]
    #[serde(alias = "old_password")]
    #[serde(default)]
    current_password: RawField,
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    new_password: RawField,
    /// Whether your personal access tokens stay valid. Keep them only if nobody else can have one.
    #[schema(value_type = bool, required = false, default = false)]
    #[serde(default)]
    keep_tokens: RawField,
}

impl PasswordChangeWire {
    /// Validates the request: the old password, the new one, and whether tokens stay valid.
    pub fn read(self) -> Result<(Password, String, bool), Failure> {
        let p = &mut Problems::default();
        let old = self
            .current_password
            .required("current_password", p, |text| Ok(Password::claimed(text)));
        let new = self.new_password.text("new_password", p);
        let keeps_tokens = self.keep_tokens.flag("keep_tokens", p).unwrap_or(false);
        let (old, new) = std::mem::take(p).finish(old.zip(new))?;
        Ok((old, new, keeps_tokens))
    }
}

/// The response to a change of the password.
#[derive(Serialize, ToSchema)]
#[schema(as = PasswordChanged)]
pub struct PasswordChangedWire {
    #[schema(example = "The password was changed")]
    message: &'static str,
    /// Number of personal access tokens that the change ended.
    #[schema(example = 2)]
    tokens_ended: u64,
}

impl From<TokensEnded> for PasswordChangedWire {
    fn from(ended: TokensEnded) -> PasswordChangedWire {
        PasswordChangedWire { message: "The password was changed", tokens_ended: ended.0 }
    }
}

/// The password that confirms the request.
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordProof)]
pub struct PasswordProofWire {
    #[schema(value_type = String, required, format = Password)]
    #[serde(default)]
    password: RawField,
}

impl PasswordProofWire {
    pub fn read(self) -> Result<Password, Failure> {
        let p = &mut Problems::default();
        let password = self.password.required("password", p, |text| Ok(Password::claimed(text)));
        Ok(std::mem::take(p).finish(password)?)
    }
}

/// Returns the valid input. Reports problems only to a caller with an active session.
pub async fn told<T>(app: &App, claims: &Bearer, input: Result<T, Failure>) -> Result<T, Failure> {
    match input {
        Ok(input) => Ok(input),
        Err(wrong) => Err(app.refuse(claims.clone(), wrong).await),
    }
}
