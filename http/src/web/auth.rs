//! `/api/auth`: sign-up, sign-in, refresh, sign-out.

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::app::App;
use taskwell_core::sessions::{self, RefreshToken};

use super::wire::{DoneWire, RefreshWire, SignInWire, SignUpWire, SignedInWire};
use crate::client::Visitor;
use crate::extract::{Body, Token};
use crate::tree::{Answer, Failure, json, secret_json};

pub async fn sign_up(State(app): State<App>, visitor: Visitor, Body(wire): Body<SignUpWire>) -> Answer {
    let new = wire?.read(app.settings().password_chars_min)?;
    let grant = app.sign_up(new, visitor.door(false)).await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn sign_in(State(app): State<App>, visitor: Visitor, Body(wire): Body<SignInWire>) -> Answer {
    let (email, password) = wire?.read()?;
    let grant = app.login(email, password, visitor.door(false)).await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn refresh(State(app): State<App>, visitor: Visitor, Body(wire): Body<RefreshWire>) -> Answer {
    let token = RefreshToken::claimed(wire?.read()?);
    let grant = app.refresh(token, visitor.door(false)).await?;
    Ok(secret_json(StatusCode::OK, &SignedInWire::from(grant)))
}

pub async fn sign_out(State(app): State<App>, Token(claims): Token) -> Answer {
    app.write(claims, Ok::<_, Failure>(()), |tx, caller, ()| sessions::end(tx, caller)).await?;
    let done = DoneWire { success: true, message: "Successfully signed out" };
    Ok(json(StatusCode::OK, &done))
}
