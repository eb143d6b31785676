//! `/api/auth`: sign-up, sign-in, refresh, sign-out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use taskwell_core::accounts;
use taskwell_core::app::App;
use taskwell_core::sessions::{self, LoginContext, RefreshToken};
use taskwell_core::users::password::Policy;

use super::wire::{DoneWire, RefreshWire, SignInWire, SignUpWire, SignedInWire};
use crate::account_pages::{ForgotWire, MailTokenWire, ResetWire};
use crate::client::Visitor;
use crate::extract::{Body, Token};
use crate::tree::{Answer, Failure, json, secret_json};

pub async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<SignUpWire>,
) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let grant = accounts::sign_up(&app, new, visitor.login_context(false)).await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<SignInWire>,
) -> Answer {
    let (login, password, code) = wire?.read()?;
    let grant = accounts::login(
        &app,
        login,
        password,
        LoginContext { code, ..visitor.login_context(false) },
    )
    .await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RefreshWire>,
) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    let grant = accounts::refresh(&app, token, visitor.login_context(false)).await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn sign_out(State(app): State<App>, Token(claims): Token) -> Answer {
    app.write(claims, Ok::<_, Failure>(()), |tx, caller, ()| sessions::end(tx, caller)).await?;
    let done = DoneWire { success: true, message: "Successfully signed out" };
    Ok(json(StatusCode::OK, &done))
}

pub async fn forgot_password(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ForgotWire>,
) -> Answer {
    accounts::email::forgot_password(&app, wire?.read()?, visitor.login_context(false)).await?;
    Ok(done("If the account exists, mail is on its way"))
}

pub async fn reset_password(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<ResetWire>,
) -> Answer {
    let (token, new) = wire?.read()?;
    // This contract's responses have no member for the number of ended personal access tokens.
    accounts::email::reset_forgotten(&app, token, new, Policy::Mixed, visitor.login_context(false))
        .await?;
    Ok(done("The password was changed"))
}

pub async fn verify_email(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<MailTokenWire>,
) -> Answer {
    accounts::email::verify_email(&app, wire?.read()?, visitor.login_context(false)).await?;
    Ok(done("The email address is verified"))
}

fn done(message: &'static str) -> Response {
    json(StatusCode::OK, &DoneWire { success: true, message })
}
