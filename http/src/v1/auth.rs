//! `/api/v1/auth`: sign-up, login, refresh, logout.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use taskwell_core::app::App;
use taskwell_core::sessions::{self, Grant, LoginContext, RefreshToken};
use taskwell_core::users::password::Policy;

use super::wire::{
    LoginWire, MessageWire, PasswordChangedWire, RefreshWire, SignUpWire, SignedUpWire, TokensWire,
};
use crate::account_pages::{ForgotWire, MailTokenWire, ResetWire};
use crate::client::Visitor;
use crate::extract::{Body, Token};
use crate::form::JsonOrForm;
use crate::tree::{Answer, json, secret_json};

pub async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<SignUpWire>,
) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let user = app.register(new, &visitor.login_context(false)).await?;
    let message = "User created successfully";
    Ok(json(StatusCode::CREATED, &SignedUpWire { message, user: user.into() }))
}

pub async fn login(
    State(app): State<App>,
    visitor: Visitor,
    JsonOrForm(wire): JsonOrForm<LoginWire>,
) -> Answer {
    let (login, password, code) = wire?.read()?;
    let grant =
        app.login(login, password, LoginContext { code, ..visitor.login_context(false) }).await?;
    Ok(secret_json(StatusCode::OK, &TokensWire::from(grant)))
}

pub async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RefreshWire>,
) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    let grant = app.refresh(token, visitor.login_context(false)).await?;
    Ok(secret_json(StatusCode::OK, &TokensWire::from(grant)))
}

pub async fn logout(State(app): State<App>, Token(claims): Token) -> Answer {
    app.write(claims, Ok::<_, crate::tree::Failure>(()), |tx, caller, ()| {
        sessions::end(tx, caller)
    })
    .await?;
    let message = "Successfully logged out";
    Ok(json(StatusCode::OK, &MessageWire { message }))
}

pub async fn forgot_password(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ForgotWire>,
) -> Answer {
    app.forgot_password(wire?.read()?, visitor.login_context(false)).await?;
    Ok(told(StatusCode::ACCEPTED, "If the account exists, mail is on its way"))
}

pub async fn reset_password(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ResetWire>,
) -> Answer {
    let (token, new) = wire?.read()?;
    let ended =
        app.reset_forgotten(token, new, Policy::House, visitor.login_context(false)).await?;
    Ok(json(StatusCode::OK, &PasswordChangedWire::from(ended)))
}

pub async fn verify_email(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<MailTokenWire>,
) -> Answer {
    app.verify_email(wire?.read()?, visitor.login_context(false)).await?;
    Ok(told(StatusCode::OK, "The email address is verified"))
}

pub async fn send_verification(State(app): State<App>, Token(claims): Token) -> Answer {
    app.send_verification(claims).await?;
    Ok(told(StatusCode::ACCEPTED, "If the email address is not verified yet, mail is on its way"))
}

fn told(status: StatusCode, message: &'static str) -> Response {
    json(status, &MessageWire { message })
}

impl From<Grant> for TokensWire {
    fn from(grant: Grant) -> TokensWire {
        TokensWire {
            access_token: grant.access_token,
            token_type: "bearer",
            expires_in: grant.expires_in_s,
            refresh_token: grant.refresh_token.as_str().to_owned(),
        }
    }
}
