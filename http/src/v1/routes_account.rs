//! The routes of `v1` about what guards an account: mail, personal access tokens, the audit log,
//! the second factor.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::problem::{TOO_MANY_TOKENS, TWO_FACTOR_ON, WRONG_PASSWORD};
use super::second_factor::{self, CodeWire, EnrolmentWire, RecoveryWire, StateWire};
use super::wire::{MessageWire, PasswordChangedWire, PasswordProofWire};
use super::wire_tokens::{AuditWire, MadeTokenWire, NewTokenWire, TokenWire};
use super::{auth, tokens};
use crate::account_pages::{ForgotWire, MailTokenWire, ResetWire};
use crate::doc::{Api, Doc};
use crate::doc_lists::{audit_cursor, paging_parameters};
use crate::tree::MAIL_OFF;

pub fn mail_api(api: Api) -> Api {
    api.route(
        &Method::POST,
        "/auth/password/forgot",
        auth::forgot_password,
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
                "If the account exists, the server sends \
                mail to its address.",
            )
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
    .route(
        &Method::POST,
        "/auth/password/reset",
        auth::reset_password,
        Doc::new("resetPassword", "Reset the password with the token from a link")
            .note("Ends all sessions, personal access tokens and earlier links of the account.")
            .public()
            .body::<ResetWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The password was changed.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .route(
        &Method::POST,
        "/auth/email/verify",
        auth::verify_email,
        Doc::new("verifyEmail", "Verify your email address with the token from a link")
            .public()
            .body::<MailTokenWire>()
            .answers::<MessageWire>(StatusCode::OK, "The email address is verified.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .route(
        &Method::POST,
        "/auth/email/verification",
        auth::send_verification,
        Doc::new("sendVerification", "Request another link to verify your email address")
            .answers::<MessageWire>(
                StatusCode::ACCEPTED,
                "If the email address is not verified \
                yet, the server sends mail to it.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, MAIL_OFF),
    )
}

pub fn tokens_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users/me/tokens",
        tokens::list,
        Doc::new("listTokens", "List your personal access tokens").answers_list::<TokenWire>(
            StatusCode::OK,
            "Your personal access tokens, newest first, \
                without their secrets.",
        ),
    )
    .route(
        &Method::POST,
        "/users/me/tokens",
        tokens::create,
        Doc::new("createToken", "Create a personal access token")
            .note(
                "The token is for a program that acts on your behalf. It can do no more than its \
                   scopes allow. This endpoint requires an access token from a login.",
            )
            .body::<NewTokenWire>()
            .answers::<MadeTokenWire>(
                StatusCode::CREATED,
                "The token with its secret. The server \
                shows the secret only once.",
            )
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::CONFLICT, TOO_MANY_TOKENS),
    )
    .route(
        &Method::DELETE,
        "/users/me/tokens/{token_id}",
        tokens::delete,
        Doc::new("deleteToken", "Delete a personal access token")
            .note("Requires an access token from a login.")
            .path("token_id", json!({ "type": "string", "format": "uuid" }), "The token's id.")
            .empty(StatusCode::NO_CONTENT, "The token was deleted and stops working at once.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions")
            .fails(StatusCode::NOT_FOUND, "Token not found"),
    )
    .route(
        &Method::GET,
        "/audit",
        tokens::audit,
        paging_parameters(Doc::new("listAudit", "Read the audit log"), audit_cursor())
            .note(
                "Lists actions on your account, or on all accounts if you are an admin. Entries \
                   about your own account do not show the address from which an admin acted.",
            )
            .answers_list::<AuditWire>(
                StatusCode::OK,
                "The entries, newest first. Without a \
                `limit`, a page has 100.",
            ),
    )
}

pub fn second_factor_api(api: Api) -> Api {
    let proof = |id, summary| {
        Doc::new(id, summary)
            .body::<PasswordProofWire>()
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
    };
    api.route(
        &Method::GET,
        "/users/me/totp",
        second_factor::state,
        Doc::new("getTotp", "Get the state of your second factor")
            .answers::<StateWire>(StatusCode::OK, "Whether the second factor is on.")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
    .route(
        &Method::POST,
        "/users/me/totp",
        second_factor::enrol,
        proof("enrolTotp", "Get a secret for an authenticator app")
            .note(
                "Starts the setup of a second factor (RFC 6238). Logins require it once you have \
                 confirmed a first code.",
            )
            .answers::<EnrolmentWire>(
                StatusCode::CREATED,
                "The secret. The server shows it only \
                once.",
            )
            .fails(StatusCode::CONFLICT, TWO_FACTOR_ON),
    )
    .route(
        &Method::POST,
        "/users/me/totp/confirm",
        second_factor::confirm,
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
    .route(
        &Method::DELETE,
        "/users/me/totp",
        second_factor::remove,
        proof("removeTotp", "Turn the second factor off")
            .empty(StatusCode::NO_CONTENT, "The second factor is off."),
    )
}
