//! `/user/*` (contract 000) and `/auth*` (contract 002).

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::accounts;
use taskwell_core::app::App;
use taskwell_core::sessions::{LoginContext, RefreshToken};

use super::wire::{
    AuthenticatedWire, LoginWire, MessageWire, RefreshWire, RegisterWire, SignUpWire, SignedUpWire,
    TokenWire, TokensWire,
};
use crate::client::Visitor;
use crate::extract::Body;
use crate::tree::{Answer, json, secret_json};

pub async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<SignUpWire>,
) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let user = accounts::register(&app, new, &visitor.login_context(false)).await?;
    Ok(json(StatusCode::CREATED, &SignedUpWire::from(user)))
}

pub async fn login(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<LoginWire>,
) -> Answer {
    let (login, password, code) = wire?.read()?;
    let grant = accounts::login(
        &app,
        login,
        password,
        LoginContext { code, ..visitor.login_context(true) },
    )
    .await?;
    Ok(secret_json(StatusCode::OK, &TokensWire::from(grant)))
}

pub async fn logout(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RefreshWire>,
) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    accounts::logout_by_refresh(&app, token, &visitor.login_context(true)).await?;
    let message = "Logged out successfully..";
    Ok(json(StatusCode::OK, &MessageWire { message }))
}

pub async fn refresh(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RefreshWire>,
) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    let token = accounts::renew(&app, token, visitor.login_context(true)).await?;
    Ok(secret_json(StatusCode::OK, &TokenWire { token }))
}

pub async fn register(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<RegisterWire>,
) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let grant = accounts::sign_up(&app, new, visitor.login_context(false)).await?;
    Ok(secret_json(StatusCode::OK, &AuthenticatedWire::from(grant)))
}

pub async fn authenticate(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<LoginWire>,
) -> Answer {
    let (login, password, code) = wire?.read()?;
    let grant = accounts::login(
        &app,
        login,
        password,
        LoginContext { code, ..visitor.login_context(false) },
    )
    .await?;
    Ok(secret_json(StatusCode::OK, &AuthenticatedWire::from(grant)))
}
