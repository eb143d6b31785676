//! The routes of `v1`, each with its documentation.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::path::BASE;
use super::problem::{ERRORS, LAST_ADMIN, WRONG_PASSWORD};
use super::routes_account::{mail_api, second_factor_api, tokens_api};
use super::routes_live::live_api;
use super::wire::{
    LoginWire, MessageWire, PasswordChangeWire, PasswordChangedWire, PasswordFormWire,
    PasswordProofWire, RefreshWire, SessionWire, SignUpWire, SignedUpWire, TokensWire,
    UserUpdateWire, UserWire, password_form_data,
};
use super::wire_tasks::{NewTaskWire, TaskUpdateWire, TaskWire};
use super::{auth, tasks, users};
use crate::doc::{Api, Doc, id_schema, named};
use crate::doc_lists::{list_parameters, paging_parameters, user_cursor, words_schema};
use crate::form::{MULTIPART, URLENCODED};

/// The routes of the tree, with their documentation.
pub fn api() -> Api {
    let accounts = mail_api(auth_api(Api::new(BASE, "v1", ERRORS)));
    let own = second_factor_api(tokens_api(own_account_api(live_api(tasks_api(accounts)))));
    admin_sessions_api(admin_api(own))
}

fn auth_api(api: Api) -> Api {
    let sign_up = |id, summary| {
        Doc::new(id, summary)
            .public()
            .body::<SignUpWire>()
            .answers::<SignedUpWire>(StatusCode::CREATED, "The account was created.")
            .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
    };
    api.route(&Method::POST, "/auth/signup", auth::sign_up, sign_up("signUp", "Create an account"))
        .route(
            &Method::POST,
            "/auth/register",
            auth::sign_up,
            sign_up("register", "Create an account").note("An alias of `/auth/signup`."),
        )
        .route(
            &Method::POST,
            "/auth/login",
            auth::login,
            Doc::new("login", "Log in")
                .note(
                    "Log in with an email address or a username. The endpoint also accepts the \
                       OAuth2 password form, URL-encoded or as multipart. It ignores unknown \
                       fields.",
                )
                .public()
                .body::<LoginWire>()
                .body_also(URLENCODED, named::<PasswordFormWire>)
                .body_also(MULTIPART, password_form_data)
                // It makes openapi-python-client import what an operation with several bodies
                // needs.
                .header_parameter(
                    "User-Agent",
                    json!({ "type": "string" }),
                    "Names the session in \
                    the list of sessions.",
                )
                .answers::<TokensWire>(StatusCode::OK, "The tokens of a new session.")
                .fails(StatusCode::UNAUTHORIZED, "Incorrect email or password"),
        )
        .route(
            &Method::POST,
            "/auth/refresh",
            auth::refresh,
            Doc::new("refresh", "Get new tokens")
                .note(
                    "A refresh token is valid for one use. If you use it again, the session \
                       ends. Refresh tokens from `/user/login` do not rotate: the response \
                       contains them unchanged.",
                )
                .public()
                .body::<RefreshWire>()
                .answers::<TokensWire>(StatusCode::OK, "New tokens for the same session.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
        )
        .route(
            &Method::POST,
            "/auth/logout",
            auth::logout,
            Doc::new("logout", "Log out")
                .note(
                    "Ends the session. Its access token and its refresh token stop working at \
                       once.",
                )
                .answers::<MessageWire>(StatusCode::OK, "The session has ended."),
        )
}

fn one_task(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .path("task_id", id_schema(), "The task's integer id or UUID.")
        .fails(StatusCode::NOT_FOUND, "Task not found")
}

fn tasks_api(api: Api) -> Api {
    let update = |id, summary, media: &'static str| {
        one_task(id, summary)
            .body_as::<TaskUpdateWire>(media)
            .answers::<TaskWire>(StatusCode::OK, "The updated task.")
            .header("ETag")
            .guarded()
    };
    api.route(
        &Method::GET,
        "/tasks",
        tasks::list,
        list_parameters(Doc::new("listTasks", "List your tasks"))
            .note(
                "Without a `limit`, the response contains all tasks, newest first. If a task \
                   changes while the server sends a long list, the list may contain its old state \
                   or omit it.",
            )
            .answers_list::<TaskWire>(StatusCode::OK, "Your tasks."),
    )
    .route(
        &Method::POST,
        "/tasks",
        tasks::create,
        Doc::new("createTask", "Create a task")
            .body::<NewTaskWire>()
            .answers::<TaskWire>(StatusCode::CREATED, "The new task.")
            .header("ETag")
            .header("Location"),
    )
    .route(
        &Method::GET,
        "/tasks/{task_id}",
        tasks::one,
        one_task("getTask", "Get a task")
            .answers::<TaskWire>(StatusCode::OK, "The task.")
            .shows_version(),
    )
    .route(
        &Method::PUT,
        "/tasks/{task_id}",
        tasks::update,
        update("updateTask", "Update a task", "application/json")
            .note("Omitted fields stay unchanged."),
    )
    .route(
        &Method::PATCH,
        "/tasks/{task_id}",
        tasks::patch,
        update("patchTask", "Patch a task", "application/merge-patch+json").note(
            "A JSON Merge Patch (RFC 7396) with the same effect as `PUT`. The endpoint also \
                   accepts `application/json`.",
        ),
    )
    .route(
        &Method::DELETE,
        "/tasks/{task_id}",
        tasks::delete,
        one_task("deleteTask", "Delete a task")
            .empty(StatusCode::NO_CONTENT, "The task was deleted.")
            .guarded(),
    )
}

fn own_account_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users/me",
        users::me,
        Doc::new("getMe", "Get your account").answers::<UserWire>(StatusCode::OK, "Your account."),
    )
    .route(
        &Method::PATCH,
        "/users/me",
        users::update_me,
        account_update(Doc::new("updateMe", "Update your account"))
            .note("A new `email` requires your `current_password`."),
    )
    .route(
        &Method::DELETE,
        "/users/me",
        users::delete_me,
        Doc::new("deleteMe", "Delete your account")
            .note("Deletes the account and all its data. Requires your password.")
            .body::<PasswordProofWire>()
            .empty(StatusCode::NO_CONTENT, "The account was deleted.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .route(
        &Method::POST,
        "/users/me/password",
        users::change_password,
        Doc::new("changePassword", "Change your password")
            .note(
                "Requires the current password. Ends your other sessions, all links to reset the \
                   password and, unless `keep_tokens` is true, your personal access tokens.",
            )
            .body::<PasswordChangeWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The password was changed.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD),
    )
    .route(
        &Method::GET,
        "/users/me/sessions",
        users::sessions,
        Doc::new("listSessions", "List your sessions")
            .answers_list::<SessionWire>(StatusCode::OK, "Your active sessions, newest first."),
    )
    .route(
        &Method::DELETE,
        "/users/me/sessions",
        users::end_sessions,
        Doc::new("endSessions", "End all your sessions")
            .note("Also ends the session that sends the request.")
            .empty(StatusCode::NO_CONTENT, "All sessions have ended."),
    )
    .route(
        &Method::DELETE,
        "/users/me/sessions/{session_id}",
        users::end_session,
        Doc::new("endSession", "End one of your sessions")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
}

/// An operation of admins'.
fn admin(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .note("Only for admins.")
        .fails(StatusCode::FORBIDDEN, "Not enough permissions")
}

/// What an admin's operation on its own account needs, named by its id though it is.
const OWN_BY_SESSION: &str =
    "Only for admins. On your own account, it requires an access token from a login.";

/// One about a user.
fn admin_of_user(id: &'static str, summary: &'static str) -> Doc {
    admin(id, summary)
        .path("user_id", id_schema(), "The user's integer id or UUID.")
        .fails(StatusCode::NOT_FOUND, "User not found")
}

fn admin_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users",
        users::list,
        paging_parameters(admin("listUsers", "List all accounts"), user_cursor())
            .query(
                "q",
                words_schema(),
                "Only accounts whose username, email address or name contains each of these words.",
            )
            .answers_list::<UserWire>(
                StatusCode::OK,
                "The accounts, ordered by id. Without a `limit`, a page has 100.",
            ),
    )
    .route(
        &Method::GET,
        "/users/{user_id}",
        users::one,
        admin_of_user("getUser", "Get an account").answers::<UserWire>(
            StatusCode::OK,
            "The \
            account.",
        ),
    )
    .route(
        &Method::PATCH,
        "/users/{user_id}",
        users::update,
        account_update(admin_of_user("updateUser", "Update an account"))
            .note(
                "Only for admins. On your own account, it requires an access token from a login, \
                   and a new `email` requires your `current_password`.",
            )
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}",
        users::delete,
        admin_of_user("deleteUser", "Delete an account")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "The account and all its data were deleted.")
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .route(
        &Method::GET,
        "/users/{user_id}/tasks",
        users::tasks,
        list_parameters(admin_of_user("listUserTasks", "List a user's tasks"))
            .answers_list::<TaskWire>(StatusCode::OK, "The user's tasks."),
    )
}

fn admin_sessions_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users/{user_id}/sessions",
        users::sessions_of,
        admin_of_user("listUserSessions", "List a user's sessions")
            .answers_list::<SessionWire>(StatusCode::OK, "The active sessions, newest first."),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}/sessions",
        users::end_sessions_of,
        admin_of_user("endUserSessions", "End all sessions of a user")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "All sessions of the user have ended."),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}/sessions/{session_id}",
        users::end_session_of,
        admin("endUserSession", "End a session of a user")
            .note(OWN_BY_SESSION)
            .path("user_id", id_schema(), "The user's integer id or UUID.")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
}

/// What `PATCH` of an account says, whoever's it is.
fn account_update(doc: Doc) -> Doc {
    doc.body::<UserUpdateWire>()
        .answers::<UserWire>(StatusCode::OK, "The updated account.")
        .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
        .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
}
