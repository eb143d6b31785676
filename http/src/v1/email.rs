//! `/auth/email`: verification of the email address.

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::accounts;
use taskwell_core::app::App;

use super::message::{MessageWire, message};
use crate::account_pages::MailTokenWire;
use crate::client::Visitor;
use crate::doc::{Api, Doc};
use crate::extract::{Body, Token};
use crate::tree::{Answer, MAIL_OFF};

pub fn routes(api: Api) -> Api {
    api.post(
        "/auth/email/verify",
        verify,
        Doc::new("verifyEmail", "Verify your email address with the token from a link")
            .public()
            .body::<MailTokenWire>()
            .answers::<MessageWire>(StatusCode::OK, "The email address is verified.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .post(
        "/auth/email/verification",
        send_verification,
        Doc::new("sendVerification", "Request another link to verify your email address")
            .answers::<MessageWire>(
                StatusCode::ACCEPTED,
                "If the email address is not verified yet, the server sends mail to it.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
}

pub async fn verify(
    State(app): State<App>,
    visitor: Visitor,
    Body(wire): Body<MailTokenWire>,
) -> Answer {
    accounts::email::verify_email(&app, wire?.read()?, visitor.login_context(false)).await?;
    Ok(message(StatusCode::OK, "The email address is verified"))
}

pub async fn send_verification(State(app): State<App>, Token(claims): Token) -> Answer {
    accounts::email::send_verification(&app, claims).await?;
    Ok(message(
        StatusCode::ACCEPTED,
        "If the email address is not verified yet, mail is on its way",
    ))
}
