//! `/api`: contract 001, for the web front end. This module holds its routes and error formats; the
//! model holds the rules.

mod auth;
mod tasks;
mod wire;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use taskwell_core::error::{AuthError, Code, Conflict, Error, Problem};

use crate::account_pages::{ForgotWire, MailTokenWire, ResetWire};
use crate::doc::{Api, Doc, ErrorDoc, named};
use crate::doc_lists::list_parameters;
use crate::tree::{Failure, json as answer};
use wire::{
    AuthErrorWire, CompleteWire, DoneWire, ErrorWire, NewTaskWire, RefreshWire, SignInWire,
    SignUpWire, SignedInWire, TaskUpdateWire, TaskWire,
};

pub const BASE: &str = "/api";
pub const AUTH_BASE: &str = "/api/auth";

const ERRORS: ErrorDoc = ErrorDoc {
    media: "application/json",
    schema: named::<ErrorWire>,
    example: |status, detail| match status {
        StatusCode::BAD_REQUEST => json!({ "detail": "Validation error: title: is required" }),
        _ => json!({ "detail": detail }),
    },
    invalid: StatusCode::BAD_REQUEST,
};

const AUTH_ERRORS: ErrorDoc = ErrorDoc {
    media: "application/json",
    schema: named::<AuthErrorWire>,
    example: auth_example,
    invalid: StatusCode::BAD_REQUEST,
};

/// Returns the routes of sign-up and sign-in, below [`AUTH_BASE`].
pub fn auth_api() -> Api {
    let api = Api::new(AUTH_BASE, "web", AUTH_ERRORS)
        .post(
            "/signup",
            auth::sign_up,
            Doc::new("webSignUp", "Create an account and sign in")
                .public()
                .body::<SignUpWire>()
                .answers::<SignedInWire>(
                    StatusCode::OK,
                    "The new account and the tokens of its session.",
                )
                .fails(StatusCode::BAD_REQUEST, "Email already exists"),
        )
        .post(
            "/signin",
            auth::sign_in,
            Doc::new("webSignIn", "Sign in")
                .public()
                .body::<SignInWire>()
                .answers::<SignedInWire>(
                    StatusCode::OK,
                    "The account and the tokens of a new session.",
                )
                .fails(StatusCode::UNAUTHORIZED, "Incorrect email or password"),
        )
        .post(
            "/refresh",
            auth::refresh,
            Doc::new("webRefresh", "Get new tokens")
                .note(
                    "A refresh token is valid for one use. If you use it again, the session \
                       ends. Refresh tokens from `/user/login` do not rotate: the response \
                       contains them unchanged.",
                )
                .public()
                .body::<RefreshWire>()
                .answers::<SignedInWire>(StatusCode::OK, "New tokens for the same session.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
        )
        .post(
            "/signout",
            auth::sign_out,
            Doc::new("webSignOut", "Sign out")
                .answers::<DoneWire>(StatusCode::OK, "The session has ended."),
        );
    mail_api(api)
}

fn mail_api(api: Api) -> Api {
    api.post(
        "/forgot-password",
        auth::forgot_password,
        Doc::new("webForgotPassword", "Request a link to reset the password")
            .note("The response is the same whether or not the account exists.")
            .public()
            .body::<ForgotWire>()
            .answers::<DoneWire>(
                StatusCode::OK,
                "If the account exists, the server sends mail to its address.",
            )
            .fails(StatusCode::CONFLICT, crate::tree::MAIL_OFF),
    )
    .post(
        "/reset-password",
        auth::reset_password,
        Doc::new("webResetPassword", "Reset the password with the token from a link")
            .public()
            .body::<ResetWire>()
            .answers::<DoneWire>(
                StatusCode::OK,
                "The password was changed, and all sessions have ended.",
            )
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
    .post(
        "/verify-email",
        auth::verify_email,
        Doc::new("webVerifyEmail", "Verify your email address with the token from a link")
            .public()
            .body::<MailTokenWire>()
            .answers::<DoneWire>(StatusCode::OK, "The email address is verified.")
            .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
    )
}

/// Returns the routes of tasks, below [`BASE`].
pub fn api() -> Api {
    let one = |id, summary| {
        Doc::new(id, summary)
            .path("task_id", json!({ "type": "string", "format": "uuid" }), "The task's id.")
            .fails(StatusCode::FORBIDDEN, FORBIDDEN)
            .fails(StatusCode::NOT_FOUND, "Task not found")
    };
    Api::new(BASE, "web", ERRORS)
        .get(
            "/tasks",
            tasks::list,
            list_parameters(Doc::new("webListTasks", "List your tasks"))
                .answers_list::<TaskWire>(StatusCode::OK, "Your tasks, newest first."),
        )
        .post(
            "/tasks",
            tasks::create,
            Doc::new("webCreateTask", "Create a task")
                .body::<NewTaskWire>()
                .answers::<TaskWire>(StatusCode::CREATED, "The new task.")
                .header("ETag"),
        )
        .get(
            "/tasks/{task_id}",
            tasks::one,
            one("webGetTask", "Get a task")
                .answers::<TaskWire>(StatusCode::OK, "The task.")
                .shows_version(),
        )
        .put(
            "/tasks/{task_id}",
            tasks::update,
            one("webUpdateTask", "Update a task")
                .body::<TaskUpdateWire>()
                .answers::<TaskWire>(StatusCode::OK, "The updated task.")
                .header("ETag")
                .guarded(),
        )
        .delete(
            "/tasks/{task_id}",
            tasks::delete,
            one("webDeleteTask", "Delete a task")
                .answers::<DoneWire>(StatusCode::OK, "The task was deleted.")
                .guarded(),
        )
        .patch(
            "/tasks/{task_id}/complete",
            tasks::complete,
            one("webCompleteTask", "Complete or reopen a task")
                .body::<CompleteWire>()
                .answers::<TaskWire>(StatusCode::OK, "The updated task.")
                .header("ETag")
                .guarded(),
        )
}

/// Contract 001's text for a task of another user.
const FORBIDDEN: &str = "Access forbidden: Cannot access other user's data";

/// Renders an error of the task routes.
pub fn render(failure: &Failure) -> Response {
    let detail = match failure {
        Failure::Core(Error::Invalid(_)) => format!("Validation error: {}", failure.detail()),
        Failure::Core(Error::Forbidden) => FORBIDDEN.into(),
        other => other.detail(),
    };
    answer(failure.status(), &ErrorWire { detail: &detail })
}

/// Renders an error of the auth routes: a text for people and a code for programs.
pub fn render_auth(failure: &Failure) -> Response {
    let (status, error, error_code) = match failure {
        Failure::Core(Error::Invalid(problems)) => {
            let (error, code) = invalid(problems, failure);
            (StatusCode::BAD_REQUEST, error, code)
        }
        Failure::Core(Error::Conflict(Conflict::EmailTaken)) => {
            (StatusCode::BAD_REQUEST, "Email already exists".into(), "EMAIL_EXISTS")
        }
        Failure::Core(Error::Conflict(Conflict::UsernameTaken)) => {
            (failure.status(), "Username already exists".into(), "USERNAME_EXISTS")
        }
        Failure::Core(Error::Unauthenticated(AuthError::UnverifiedEmail)) => {
            (failure.status(), failure.detail(), "EMAIL_NOT_VERIFIED")
        }
        Failure::Core(Error::Unauthenticated(why)) => {
            let (error, code) = unproven(*why);
            (StatusCode::UNAUTHORIZED, error.into(), code)
        }
        other => (other.status(), other.detail(), code_of(other)),
    };
    let wire = AuthErrorWire { success: false, error: &error, error_code };
    answer(status, &wire)
}

/// Returns the text and the code. The code is that of the first problem, in contract 001's order.
/// If there are several problems, the text contains all.
fn invalid(problems: &[Problem], failure: &Failure) -> (String, &'static str) {
    let malformed =
        |problem: &Problem| matches!(problem.code, Code::Required | Code::Null | Code::Type);
    let (text, code) = match problems.first() {
        Some(first) if malformed(first) => (None, "VALIDATION_ERROR"),
        Some(first) => match &*first.field {
            "email" => (Some("Invalid email format"), "INVALID_EMAIL"),
            "confirmPassword" => (Some("Passwords do not match"), "PASSWORDS_DO_NOT_MATCH"),
            "password" => (None, "WEAK_PASSWORD"),
            _ => (None, "VALIDATION_ERROR"),
        },
        None => (None, "VALIDATION_ERROR"),
    };
    match (text, problems.len()) {
        (Some(text), 1) => (text.into(), code),
        (Some(text), _) => (format!("{text}: {}", failure.detail()), code),
        (None, _) => (format!("Validation error: {}", failure.detail()), code),
    }
}

fn unproven(why: AuthError) -> (&'static str, &'static str) {
    match why {
        AuthError::UnknownUser | AuthError::WrongPassword => {
            ("Incorrect email or password", "INVALID_CREDENTIALS")
        }
        AuthError::NoToken | AuthError::BadToken => ("Not authenticated", "INVALID_TOKEN"),
        AuthError::BadRefreshToken => ("Invalid token", "INVALID_TOKEN"),
        AuthError::RefreshTokenExpired => ("Refresh token expired", "INVALID_TOKEN"),
        AuthError::UnverifiedEmail => (crate::tree::UNVERIFIED, "EMAIL_NOT_VERIFIED"),
        AuthError::CodeNeeded => (crate::tree::CODE_NEEDED, "TOTP_REQUIRED"),
        AuthError::WrongCode => (crate::tree::WRONG_CODE, "INVALID_TOTP_CODE"),
    }
}

fn code_of(failure: &Failure) -> &'static str {
    match failure {
        Failure::NoRoute => "NOT_FOUND",
        Failure::WrongMethod => "METHOD_NOT_ALLOWED",
        Failure::TooLarge(_) => "BODY_TOO_LARGE",
        Failure::WrongType(_) | Failure::UnknownContentCoding => "UNSUPPORTED_MEDIA_TYPE",
        Failure::UnknownTransferCoding => "NOT_IMPLEMENTED",
        Failure::BadHost(_) => "INVALID_HOST",
        Failure::TooSlow => "REQUEST_TIMEOUT",
        Failure::KeyBusy => "IDEMPOTENCY_KEY_BUSY",
        Failure::BadKey(_) => "INVALID_IDEMPOTENCY_KEY",
        Failure::Core(error) => code_of_error(error),
    }
}

/// Returns the code of an error. The match has no wildcard, so that a new kind needs a code to
/// compile.
fn code_of_error(error: &Error) -> &'static str {
    match error {
        Error::Invalid(_) => "VALIDATION_ERROR",
        Error::Unauthenticated(why) => unproven(*why).1,
        Error::Forbidden => "FORBIDDEN",
        Error::Missing(_) => "NOT_FOUND",
        Error::Conflict(Conflict::EmailTaken) => "EMAIL_EXISTS",
        Error::Conflict(Conflict::UsernameTaken) => "USERNAME_EXISTS",
        Error::Conflict(Conflict::UsernameLooksTaken) => "USERNAME_LOOKS_TAKEN",
        Error::Conflict(Conflict::LastAdmin) => "LAST_ADMIN",
        Error::Conflict(Conflict::TooManyTokens) => "TOO_MANY_TOKENS",
        Error::Conflict(Conflict::TwoFactorOn) => "TWO_FACTOR_ON",
        Error::Stale => "STALE_VERSION",
        Error::Gone { .. } => "GONE",
        Error::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        Error::Unavailable { .. } => "UNAVAILABLE",
        Error::TooMany(_) => "RATE_LIMITED",
        Error::MailOff => "MAIL_OFF",
        Error::StorageFull => "STORAGE_FULL",
        Error::Internal(_) => "INTERNAL_ERROR",
    }
}

fn auth_example(status: StatusCode, detail: &str) -> Value {
    let (error, code) = match (status, detail) {
        (StatusCode::BAD_REQUEST, "Email already exists") => (detail, "EMAIL_EXISTS"),
        (StatusCode::BAD_REQUEST, _) => ("Invalid email format", "INVALID_EMAIL"),
        (StatusCode::UNAUTHORIZED, "Incorrect email or password") => {
            (detail, "INVALID_CREDENTIALS")
        }
        (StatusCode::UNAUTHORIZED, _) => (detail, "INVALID_TOKEN"),
        (StatusCode::PAYLOAD_TOO_LARGE, _) => (detail, "BODY_TOO_LARGE"),
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, _) => (detail, "UNSUPPORTED_MEDIA_TYPE"),
        (StatusCode::TOO_MANY_REQUESTS, _) => (detail, "RATE_LIMITED"),
        (StatusCode::CONFLICT, _) => (detail, "MAIL_OFF"),
        _ => (detail, "UNAVAILABLE"),
    };
    json!({ "success": false, "error": error, "error_code": code })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use taskwell_core::error::Noun;

    use super::*;

    #[test]
    fn each_kind_of_error_has_a_code_and_no_text_prints_a_name_of_the_source() {
        let conflicts = [
            Conflict::EmailTaken,
            Conflict::UsernameTaken,
            Conflict::UsernameLooksTaken,
            Conflict::LastAdmin,
            Conflict::TooManyTokens,
            Conflict::TwoFactorOn,
        ];
        let others = [
            Error::Forbidden,
            Error::Missing(Noun::Session),
            Error::Stale,
            Error::KeyReused,
            Error::Unavailable { retry_after_s: 1 },
            Error::MailOff,
            Error::StorageFull,
            Error::Internal("a cause".into()),
        ];
        let failures: Vec<Failure> =
            conflicts.map(Error::Conflict).into_iter().chain(others).map(Failure::Core).collect();
        let codes: BTreeSet<&str> = failures.iter().map(code_of).collect();
        assert_eq!(codes.len(), failures.len(), "{codes:?}");
        for failure in &failures {
            let is_ours = matches!(failure, Failure::Core(Error::Internal(_)));
            assert_eq!(code_of(failure) == "INTERNAL_ERROR", is_ours, "{failure:?}");
            for name in
                ["EmailTaken", "UsernameTaken", "LastAdmin", "TooManyTokens", "TwoFactorOn", "Noun"]
            {
                assert!(!failure.detail().contains(name), "{}", failure.detail());
            }
        }
    }
}
