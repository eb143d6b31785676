//! The routes of `v1` about what guards an account: mail, personal access tokens, the audit log, the second factor.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::problem::{TOO_MANY_TOKENS, TWO_FACTOR_ON, WRONG_PASSWORD};
use super::second_factor::{self, CodeWire, EnrolmentWire, RecoveryWire, StateWire};
use super::wire::{MessageWire, PasswordChangedWire, PasswordProofWire};
use super::wire_tokens::{AuditWire, MadeTokenWire, NewTokenWire, TokenWire};
use super::{auth, tokens};
use crate::doc::{Api, Doc};
use crate::doc_lists::{audit_cursor, paging_parameters};
use crate::letters::{ForgotWire, MailTokenWire, ResetWire};
use crate::tree::MAIL_OFF;

pub fn mail_api(api: Api) -> Api {
    api.route(
        &Method::POST,
        "/auth/password/forgot",
        auth::forgot_password,
        Doc::new("forgotPassword", "Get a link to choose a new password")
            .note("The same answer whether there is such an account or not. A link ends when a newer one is sent, and when the password, the address or `is_active` changes.")
            .public()
            .body::<ForgotWire>()
            .answers::<MessageWire>(StatusCode::ACCEPTED, "If there is such an account, mail is on its way.")
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
    .route(
        &Method::POST,
        "/auth/password/reset",
        auth::reset_password,
        Doc::new("resetPassword", "Choose a new password by the token of a link")
            .note("Ends all sessions, personal access tokens and older links.")
            .public()
            .body::<ResetWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The new password holds.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .route(
        &Method::POST,
        "/auth/email/verify",
        auth::verify_email,
        Doc::new("verifyEmail", "Verify your address by the token of a link")
            .public()
            .body::<MailTokenWire>()
            .answers::<MessageWire>(StatusCode::OK, "The address is verified.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .route(
        &Method::POST,
        "/auth/email/verification",
        auth::send_verification,
        Doc::new("sendVerification", "Get the link to verify your address again")
            .answers::<MessageWire>(StatusCode::ACCEPTED, "Mail is on its way.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
}

pub fn tokens_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users/me/tokens",
        tokens::list,
        Doc::new("listTokens", "List your personal access tokens")
            .answers_list::<TokenWire>(StatusCode::OK, "Your tokens, newest first, without their secrets."),
    )
    .route(
        &Method::POST,
        "/users/me/tokens",
        tokens::create,
        Doc::new("createToken", "Make a personal access token")
            .note("For a program that acts for you. It may no more than its scopes say. Only with an access token of a login.")
            .body::<NewTokenWire>()
            .answers::<MadeTokenWire>(StatusCode::CREATED, "The token, with its secret, which is shown this once.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, TOO_MANY_TOKENS),
    )
    .route(
        &Method::DELETE,
        "/users/me/tokens/{token_id}",
        tokens::delete,
        Doc::new("deleteToken", "Delete a personal access token")
            .note("Only with an access token of a login.")
            .path("token_id", json!({ "type": "string", "format": "uuid" }), "The token's id.")
            .empty(StatusCode::NO_CONTENT, "The token is refused from now on.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::NOT_FOUND, "Token not found"),
    )
    .route(
        &Method::GET,
        "/audit",
        tokens::audit,
        paging_parameters(Doc::new("listAudit", "Read the audit log"), audit_cursor())
            .note("What was done to your account, newest first; for admins, to all. Your own list does not show the address from which an admin acted.")
            .answers_list::<AuditWire>(StatusCode::OK, "Entries, 100 a page unless a limit is given."),
    )
}

pub fn second_factor_api(api: Api) -> Api {
    let proof = |id, summary| {
        Doc::new(id, summary).body::<PasswordProofWire>().fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
    };
    api.route(
        &Method::GET,
        "/users/me/totp",
        second_factor::state,
        Doc::new("getTotp", "Look at your second factor")
            .answers::<StateWire>(StatusCode::OK, "Whether it is on.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
    .route(
        &Method::POST,
        "/users/me/totp",
        second_factor::enrol,
        proof("enrolTotp", "Get a secret for an authenticator")
            .note(
                "A second factor (RFC 6238). It is asked for from the first code on that you confirm it by.",
            )
            .answers::<EnrolmentWire>(StatusCode::CREATED, "The secret, which is shown this once.")
            .fails(StatusCode::CONFLICT, TWO_FACTOR_ON),
    )
    .route(
        &Method::POST,
        "/users/me/totp/confirm",
        second_factor::confirm,
        Doc::new("confirmTotp", "Turn the second factor on")
            .note("From now on a login needs a code, in the member `totp_code`.")
            .body::<CodeWire>()
            .answers::<RecoveryWire>(
                StatusCode::OK,
                "Codes for when the authenticator is lost; shown this once.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, TWO_FACTOR_ON),
    )
    .route(
        &Method::DELETE,
        "/users/me/totp",
        second_factor::remove,
        proof("removeTotp", "Turn the second factor off")
            .empty(StatusCode::NO_CONTENT, "A login needs no code any more."),
    )
}
