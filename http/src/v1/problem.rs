//! The error format of `/api/v1` (RFC 9457), and its texts.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use taskwell_core::error::{AuthError, Code, Conflict, Error};
use utoipa::ToSchema;

use crate::doc::{ErrorDoc, named};
use crate::tree::{Failure, typed_json};
use crate::wire::FieldProblemWire;

const PROBLEM_JSON: &str = "application/problem+json";

pub const ERRORS: ErrorDoc = ErrorDoc {
    media: PROBLEM_JSON,
    schema: named::<ProblemWire>,
    example,
    invalid: StatusCode::UNPROCESSABLE_ENTITY,
};

/// For a wrong password that should confirm a request.
pub const WRONG_PASSWORD: &str = "Incorrect password";
pub const TWO_FACTOR_ON: &str = "The second factor is on already; turn it off first";
pub const TOO_MANY_TOKENS: &str = "You have 100 tokens; delete one first";
pub const LAST_ADMIN: &str = "This is the last active admin; make another one first";

/// Renders an error of this tree.
pub fn render(failure: &Failure) -> Response {
    let (status, detail) = match failure {
        Failure::Core(Error::Invalid(problems))
            if problems.iter().any(|problem| problem.code == Code::WrongPassword) =>
        {
            (StatusCode::FORBIDDEN, WRONG_PASSWORD.into())
        }
        Failure::Core(Error::Invalid(problems))
            if problems.iter().any(|problem| problem.code == Code::WrongCode) =>
        {
            (StatusCode::FORBIDDEN, crate::tree::WRONG_CODE.into())
        }
        Failure::Core(Error::Invalid(_)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Validation error".into())
        }
        Failure::Core(Error::Unauthenticated(AuthError::UnverifiedEmail)) => {
            (failure.status(), failure.detail())
        }
        Failure::Core(Error::Unauthenticated(why)) => {
            (StatusCode::UNAUTHORIZED, unproven(*why).into())
        }
        Failure::Core(Error::Conflict(Conflict::EmailTaken | Conflict::UsernameTaken)) => {
            (StatusCode::BAD_REQUEST, "Username or email already exists".into())
        }
        Failure::Core(Error::Conflict(Conflict::UsernameLooksTaken)) => {
            (StatusCode::BAD_REQUEST, failure.detail())
        }
        Failure::Core(Error::Conflict(Conflict::LastAdmin)) => {
            (StatusCode::CONFLICT, LAST_ADMIN.into())
        }
        Failure::Core(Error::Conflict(Conflict::TwoFactorOn)) => {
            (StatusCode::CONFLICT, TWO_FACTOR_ON.into())
        }
        Failure::Core(Error::Conflict(Conflict::TooManyTokens)) => {
            (StatusCode::CONFLICT, TOO_MANY_TOKENS.into())
        }
        other => (other.status(), other.detail()),
    };
    let newest = match failure {
        Failure::Core(Error::Gone { newest }) => Some(newest),
        _ => None,
    };
    let problem = ProblemWire {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: &detail,
        errors: failure.problems().iter().map(Into::into).collect(),
        last: newest.map(|newest| newest.number),
        cursor: newest.map(ToString::to_string),
    };
    typed_json(status, PROBLEM_JSON, &problem)
}

/// Returns contract 004's text.
fn unproven(why: AuthError) -> &'static str {
    match why {
        AuthError::NoToken | AuthError::BadToken => "Not authenticated",
        AuthError::UnknownUser | AuthError::WrongPassword => "Incorrect email or password",
        AuthError::BadRefreshToken => "Invalid token",
        AuthError::UnverifiedEmail => crate::tree::UNVERIFIED,
        AuthError::CodeNeeded => crate::tree::CODE_NEEDED,
        AuthError::WrongCode => crate::tree::WRONG_CODE,
        AuthError::RefreshTokenExpired => "Refresh token expired",
    }
}

fn example(status: StatusCode, detail: &str) -> Value {
    let errors = if status == ERRORS.invalid {
        json!([{ "field": "title", "code": "required", "message": "is required" }])
    } else {
        json!([])
    };
    json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "detail": detail, "errors": errors
    })
}

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemWire<'a> {
    /// `about:blank`: the status says what kind of error it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: &'static str,
    #[schema(example = "Not Found")]
    pub title: &'a str,
    #[schema(example = 404)]
    pub status: u16,
    #[schema(example = "Task not found")]
    pub detail: &'a str,
    /// Every invalid field; empty if the error is not about fields.
    pub errors: Vec<FieldProblemWire<'a>>,
    /// With 410: the number of your newest change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<i64>,
    /// With 410: where to continue after you have read all tasks again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
