//! `/users/me/totp`: the second factor of the caller's account.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use qrcode::{Color, QrCode};
use serde::{Deserialize, Serialize};
use taskwell_core::accounts;
use taskwell_core::app::App;
use taskwell_core::error::{Error, Problems};
use utoipa::ToSchema;

use super::password::{PasswordProofWire, told};
use super::problem::{TWO_FACTOR_ON, WRONG_PASSWORD};
use crate::doc::{Api, Doc};
use crate::extract::{Body, Token};
use crate::raw_field::RawField;
use crate::tree::{Answer, Failure, json, secret_json};

pub fn routes(api: Api) -> Api {
    let proof = |id, summary| {
        Doc::new(id, summary)
            .body::<PasswordProofWire>()
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
    };
    api.get(
        "/users/me/totp",
        state,
        Doc::new("getTotp", "Get the state of your second factor")
            .answers::<StateWire>(StatusCode::OK, "Whether the second factor is on.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
    .post(
        "/users/me/totp",
        enrol,
        proof("enrolTotp", "Get a secret for an authenticator app")
            .note(
                "Starts the setup of a second factor (RFC 6238). Logins require it once you have \
                 confirmed a first code.",
            )
            .answers::<EnrolmentWire>(
                StatusCode::CREATED,
                "The secret. The server shows it only once.",
            )
            .fails(StatusCode::CONFLICT, TWO_FACTOR_ON),
    )
    .post(
        "/users/me/totp/confirm",
        confirm,
        Doc::new("confirmTotp", "Turn the second factor on")
            .note("Afterwards, every login requires a code in the field `totp_code`.")
            .body::<CodeWire>()
            .answers::<RecoveryWire>(
                StatusCode::OK,
                "Recovery codes for a lost authenticator. The server shows them only once.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, TWO_FACTOR_ON),
    )
    .delete(
        "/users/me/totp",
        remove,
        proof("removeTotp", "Turn the second factor off")
            .empty(StatusCode::NO_CONTENT, "The second factor is off."),
    )
}

pub async fn state(State(app): State<App>, Token(claims): Token) -> Answer {
    let state = accounts::second_factor::state(&app, claims).await?;
    let wire = StateWire { enabled: state.enabled, recovery_codes_left: state.recovery_codes_left };
    Ok(json(StatusCode::OK, &wire))
}

pub async fn enrol(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    let made = accounts::second_factor::enrol(&app, claims, password).await?;
    let qr_code = QrCodeWire::of(&made.uri)?;
    Ok(secret_json(
        StatusCode::CREATED,
        &EnrolmentWire { secret: made.secret, uri: made.uri, qr_code },
    ))
}

pub async fn confirm(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<CodeWire>,
) -> Answer {
    let code = wire.and_then(|wire| {
        let p = &mut Problems::default();
        let code = wire.code.text("code", p);
        Ok::<_, Failure>(std::mem::take(p).finish(code)?)
    });
    let recovery_codes = accounts::second_factor::confirm(&app, claims, code).await?;
    Ok(secret_json(StatusCode::OK, &RecoveryWire { recovery_codes }))
}

pub async fn remove(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    accounts::second_factor::remove(&app, claims, password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A secret for an authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpEnrolment)]
pub struct EnrolmentWire {
    /// The secret in Base32 (RFC 4648), to type into the app.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// The secret as a URI, for a QR code.
    #[schema(example = "otpauth://totp/Taskwell:ada@example.org\
                   ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Taskwell")]
    uri: String,
    qr_code: QrCodeWire,
}

/// The QR code of `uri`. Draw it on white.
#[derive(Serialize, ToSchema)]
#[schema(as = QrCode)]
pub struct QrCodeWire {
    /// The length of a side in modules, including the margin of four modules that scanners need.
    #[schema(example = 45)]
    size: usize,
    /// The dark modules, as an SVG path.
    #[schema(example = "M4 4h7v1h-7z")]
    path: String,
}

impl QrCodeWire {
    const QUIET: usize = 4;

    fn of(text: &str) -> Result<QrCodeWire, Failure> {
        let code = QrCode::new(text).map_err(|e| {
            Error::Internal(format!("cannot make a QR code of an otpauth URI: {e}"))
        })?;
        let width = code.width();
        let mut path = String::new();
        for (y, row) in code.to_colors().chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(PartialEq::eq) {
                let (length, top) = (run.len(), y + Self::QUIET);
                if run.first() == Some(&Color::Dark) {
                    // Writing to a string can't fail.
                    let _ = write!(path, "M{} {top}h{length}v1h-{length}z", x + Self::QUIET);
                }
                x += length;
            }
        }
        Ok(QrCodeWire { size: width + 2 * Self::QUIET, path })
    }
}

/// The code that the authenticator app shows now.
#[derive(Deserialize, ToSchema)]
#[schema(as = TotpCode)]
pub struct CodeWire {
    #[serde(default)]
    #[schema(value_type = String, required, example = "287082")]
    code: RawField,
}

/// Recovery codes for a lost authenticator. Each is valid for one login.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub struct RecoveryWire {
    #[schema(example = json!(["1f3a-9c04-77de-b210"]))]
    recovery_codes: Vec<String>,
}

/// The state of the second factor.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpState)]
pub struct StateWire {
    enabled: bool,
    /// Number of unused recovery codes.
    #[schema(example = 10)]
    recovery_codes_left: i64,
}
