//! `/api/v1/users/me/totp`: the second factor of one's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use taskwell_core::app::App;
use taskwell_core::error::Problems;
use utoipa::ToSchema;

use super::users::told;
use super::wire::PasswordProofWire;
use crate::extract::{Body, Token};
use crate::member::Member;
use crate::tree::{Answer, Failure, json, secret_json};

/// A secret for an authenticator.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpEnrolment)]
pub struct EnrolmentWire {
    /// To be typed: Base32 (RFC 4648).
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The same for a QR code.
    #[schema(
        example = "otpauth://totp/Taskwell:ada@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Taskwell"
    )]
    uri: String,
}

/// The code that the authenticator shows now.
#[derive(Deserialize, ToSchema)]
#[schema(as = TotpCode)]
pub struct CodeWire {
    #[serde(default)]
    #[schema(value_type = String, required, example = "287082")]
    code: Member,
}

/// Codes for who has lost the authenticator, each good for one login.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub struct RecoveryWire {
    #[schema(example = json!(["1f3a-9c04-77de-b210"]))]
    recovery_codes: Vec<String>,
}

/// Whether logins are guarded.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpState)]
pub struct StateWire {
    enabled: bool,
    /// How many recovery codes were not used yet.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}

pub async fn state(State(app): State<App>, Token(claims): Token) -> Answer {
    let state = app.totp_state(claims).await?;
    let wire = StateWire { enabled: state.enabled, recovery_codes_left: state.recovery_codes_left };
    Ok(json(StatusCode::OK, &wire))
}

pub async fn enrol(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    let made = app.enrol_totp(claims, password).await?;
    Ok(secret_json(StatusCode::CREATED, &EnrolmentWire { secret: made.secret, uri: made.uri }))
}

pub async fn confirm(State(app): State<App>, Token(claims): Token, Body(wire): Body<CodeWire>) -> Answer {
    let code = wire.and_then(|wire| {
        let p = &mut Problems::default();
        let code = wire.code.text("code", p);
        Ok::<_, Failure>(std::mem::take(p).finish(code)?)
    });
    let recovery_codes = app.confirm_totp(claims, code).await?;
    Ok(secret_json(StatusCode::OK, &RecoveryWire { recovery_codes }))
}

pub async fn remove(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    app.remove_totp(claims, password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
