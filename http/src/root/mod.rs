//! `/user`, `/auth` and `/tasks`: contracts 000 and 002. This module holds their routes and error
//! formats; the model holds the rules.

mod accounts;
mod tasks;
mod wire;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use taskwell_core::error::{AuthError, Conflict, Error};

use crate::doc::{Api, Doc, ErrorDoc, id_schema, named};
use crate::doc_lists::{completed_parameter, paging_parameters, task_cursor};
use crate::tree::{Failure, json as answer};
use wire::{
    AuthenticatedWire, ErrorWire, LoginWire, MessageWire, NewTaskWire, RefreshWire, RegisterWire,
    SignUpWire, SignedUpWire, TaskCreatedWire, TaskWire, TasksWire, TokenWire, TokensWire,
};

pub const USER_BASE: &str = "/user";
pub const AUTH_BASE: &str = "/auth";

const ERRORS: ErrorDoc = ErrorDoc {
    media: "application/json",
    schema: named::<ErrorWire>,
    example: |_, detail| json!({ "detail": detail, "message": detail, "errors": [] }),
    invalid: StatusCode::BAD_REQUEST,
};

/// Returns the routes of contract 000's accounts, below [`USER_BASE`].
pub fn user_api() -> Api {
    let refused = |doc: Doc| {
        doc.fails(StatusCode::UNAUTHORIZED, "Invalid token")
            .fails(StatusCode::UNAUTHORIZED, "refresh token expired")
    };
    Api::new(USER_BASE, "root", ERRORS)
        .post(
            "/signup",
            accounts::sign_up,
            Doc::new("rootSignUp", "Create an account")
                .public()
                .body::<SignUpWire>()
                .answers::<SignedUpWire>(StatusCode::CREATED, "The new account.")
                .fails(StatusCode::CONFLICT, "user already exists"),
        )
        .post(
            "/login",
            accounts::login,
            Doc::new("rootLogin", "Log in")
                .public()
                .body::<LoginWire>()
                .answers::<TokensWire>(StatusCode::OK, "The tokens of a new session.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid credentials")
                .fails(StatusCode::NOT_FOUND, "user doesn't exist"),
        )
        .post(
            "/logout",
            accounts::logout,
            refused(Doc::new("rootLogout", "Log out").public())
                .body::<RefreshWire>()
                .answers::<MessageWire>(StatusCode::OK, "The session has ended."),
        )
        .post(
            "/refresh-token",
            accounts::refresh,
            refused(Doc::new("rootRefresh", "Get a new access token").public())
                .note(
                    "The refresh token stays valid until logout or expiry. The endpoint refuses \
                       refresh tokens of other contracts, because those rotate.",
                )
                .body::<RefreshWire>()
                .answers::<TokenWire>(StatusCode::OK, "A new access token."),
        )
}

/// Returns the routes of contract 002's accounts, below [`AUTH_BASE`].
pub fn auth_api() -> Api {
    Api::new(AUTH_BASE, "root", ERRORS)
        .post(
            "/register",
            accounts::register,
            Doc::new("rootRegister", "Create an account and log in")
                .public()
                .body::<RegisterWire>()
                .answers::<AuthenticatedWire>(
                    StatusCode::OK,
                    "The new account and its access token.",
                )
                .fails(StatusCode::BAD_REQUEST, "Username or email already exists"),
        )
        .post(
            "",
            accounts::authenticate,
            Doc::new("rootAuthenticate", "Log in")
                .public()
                .body::<LoginWire>()
                .answers::<AuthenticatedWire>(StatusCode::OK, "The account and its access token.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid credentials"),
        )
}

/// Returns the routes of both contracts' tasks.
pub fn tasks_api() -> Api {
    let one = |id, summary| {
        Doc::new(id, summary)
            .path("task_id", id_schema(), "The task's integer id or UUID.")
            .fails(StatusCode::NOT_FOUND, "Task not found")
    };
    Api::new("", "root", ERRORS)
        .get(
            "/tasks",
            tasks::list,
            completed_parameter(paging_parameters(
                Doc::new("rootListTasks", "List your tasks"),
                task_cursor(),
            ))
            .answers::<TasksWire>(StatusCode::OK, "Your tasks, newest first.")
            .header("Link"),
        )
        .post(
            "/tasks",
            tasks::create,
            Doc::new("rootCreateTask", "Create a task")
                .body::<NewTaskWire>()
                .answers::<TaskCreatedWire>(StatusCode::CREATED, "The new task.")
                .header("ETag"),
        )
        .get(
            "/tasks/{task_id}",
            tasks::one,
            one("rootGetTask", "Get a task")
                .answers::<TaskWire>(StatusCode::OK, "The task.")
                .shows_version(),
        )
        .delete(
            "/tasks/{task_id}",
            tasks::delete,
            one("rootDeleteTask", "Delete a task")
                .answers::<MessageWire>(StatusCode::OK, "The task was deleted.")
                .guarded(),
        )
}

/// Renders an error of contract 000's accounts, in that contract's words.
pub fn render_user(failure: &Failure) -> Response {
    let (status, text) = match failure {
        Failure::Core(Error::Invalid(_)) => (StatusCode::BAD_REQUEST, "Invalid input data".into()),
        Failure::Core(Error::Conflict(_)) => (StatusCode::CONFLICT, "user already exists".into()),
        Failure::Core(Error::Unauthenticated(why)) => match why {
            AuthError::UnknownUser => (StatusCode::NOT_FOUND, "user doesn't exist".into()),
            AuthError::WrongPassword => (StatusCode::UNAUTHORIZED, "Invalid credentials".into()),
            AuthError::RefreshTokenExpired => {
                (StatusCode::UNAUTHORIZED, "refresh token expired".into())
            }
            why if why.is_more_than_a_password() => (failure.status(), failure.detail()),
            _ => (StatusCode::UNAUTHORIZED, "Invalid token".into()),
        },
        other => (other.status(), other.detail()),
    };
    draw(status, &text, failure)
}

/// Renders an error of contract 002's accounts.
pub fn render_auth(failure: &Failure) -> Response {
    let (status, text) = match failure {
        Failure::Core(Error::Conflict(Conflict::EmailTaken | Conflict::UsernameTaken)) => {
            (StatusCode::BAD_REQUEST, "Username or email already exists".into())
        }
        Failure::Core(Error::Conflict(Conflict::UsernameLooksTaken)) => {
            (StatusCode::BAD_REQUEST, failure.detail())
        }
        Failure::Core(Error::Unauthenticated(why)) if !why.is_more_than_a_password() => {
            (StatusCode::UNAUTHORIZED, "Invalid credentials".into())
        }
        other => general(other),
    };
    draw(status, &text, failure)
}

/// Renders an error of the tasks, or of a path outside all other trees.
pub fn render_tasks(failure: &Failure) -> Response {
    let (status, text) = general(failure);
    draw(status, &text, failure)
}

/// Returns the status and the text of contract 002.
fn general(failure: &Failure) -> (StatusCode, String) {
    let Failure::Core(Error::Invalid(problems)) = failure else {
        return (failure.status(), failure.detail());
    };
    let text = if problems.iter().any(|problem| problem.field == "task_id") {
        "Invalid task ID".into()
    } else {
        format!("Missing required fields or invalid data: {}", failure.detail())
    };
    (StatusCode::BAD_REQUEST, text)
}

fn draw(status: StatusCode, text: &str, failure: &Failure) -> Response {
    let wire = ErrorWire {
        detail: text,
        message: text,
        errors: failure.problems().iter().map(Into::into).collect(),
    };
    answer(status, &wire)
}
