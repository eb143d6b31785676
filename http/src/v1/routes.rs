//! The routes of `v1`, each with its documentation.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::path::BASE;
use super::problem::{ERRORS, LAST_ADMIN, WRONG_PASSWORD};
use super::routes_account::{mail_api, second_factor_api, tokens_api};
use super::routes_live::live_api;
use super::wire::{
    LoginWire, MessageWire, PasswordChangeWire, PasswordChangedWire, PasswordFormWire, PasswordProofWire,
    RefreshWire, SessionWire, SignUpWire, SignedUpWire, TokensWire, UserUpdateWire, UserWire,
    password_form_data,
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
            .answers::<SignedUpWire>(StatusCode::CREATED, "The account is made.")
            .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
    };
    api.route(&Method::POST, "/auth/signup", auth::sign_up, sign_up("signUp", "Make an account"))
        .route(
            &Method::POST,
            "/auth/register",
            auth::sign_up,
            sign_up("register", "Make an account").note("The same as `/auth/signup`."),
        )
        .route(
            &Method::POST,
            "/auth/login",
            auth::login,
            Doc::new("login", "Log in")
                .note("By address or username. OAuth2's password form is taken too, as either type that browsers send forms as; parts and members that are not known are ignored.")
                .public()
                .body::<LoginWire>()
                .body_also(URLENCODED, named::<PasswordFormWire>)
                .body_also(MULTIPART, password_form_data)
                // It makes openapi-python-client import what an operation with several bodies needs.
                .header_parameter("User-Agent", json!({ "type": "string" }), "Names the session in the list of sessions.")
                .answers::<TokensWire>(StatusCode::OK, "A session is open.")
                .fails(StatusCode::UNAUTHORIZED, "Incorrect email or password"),
        )
        .route(
            &Method::POST,
            "/auth/refresh",
            auth::refresh,
            Doc::new("refresh", "Get new tokens")
                .note("The refresh token is used up; using it again ends the session. A token of `/user/login` does not rotate: it is answered as it is.")
                .public()
                .body::<RefreshWire>()
                .answers::<TokensWire>(StatusCode::OK, "New tokens of the same session.")
                .fails(StatusCode::UNAUTHORIZED, "Invalid token"),
        )
        .route(
            &Method::POST,
            "/auth/logout",
            auth::logout,
            Doc::new("logout", "Log out")
                .note("Ends the session: its access and refresh tokens are dead at once.")
                .answers::<MessageWire>(StatusCode::OK, "The session has ended."),
        )
}

fn one_task(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .path("task_id", id_schema(), "The task's integer id or its UUID.")
        .fails(StatusCode::NOT_FOUND, "Task not found")
}

fn tasks_api(api: Api) -> Api {
    let update = |id, summary, media: &'static str| {
        one_task(id, summary)
            .body_as::<TaskUpdateWire>(media)
            .answers::<TaskWire>(StatusCode::OK, "The task as it is now.")
            .header("ETag")
            .guarded()
    };
    api.route(
        &Method::GET,
        "/tasks",
        tasks::list,
        list_parameters(Doc::new("listTasks", "List your tasks"))
            .note("All of them, newest first, unless a limit is given. A task that changes while a long list is read may be missing from it or stand in it as it was.")
            .answers_list::<TaskWire>(StatusCode::OK, "Your tasks."),
    )
    .route(
        &Method::POST,
        "/tasks",
        tasks::create,
        Doc::new("createTask", "Make a task")
            .body::<NewTaskWire>()
            .answers::<TaskWire>(StatusCode::CREATED, "The new task.")
            .header("ETag")
            .header("Location"),
    )
    .route(
        &Method::GET,
        "/tasks/{task_id}",
        tasks::one,
        one_task("getTask", "Read a task")
            .answers::<TaskWire>(StatusCode::OK, "The task.")
            .shows_version(),
    )
    .route(
        &Method::PUT,
        "/tasks/{task_id}",
        tasks::update,
        update("updateTask", "Change a task", "application/json")
            .note("Members that are left out stay as they are."),
    )
    .route(
        &Method::PATCH,
        "/tasks/{task_id}",
        tasks::patch,
        update("patchTask", "Change a task", "application/merge-patch+json")
            .note("JSON Merge Patch (RFC 7396), with the same meaning as `PUT`; plain `application/json` is taken too."),
    )
    .route(
        &Method::DELETE,
        "/tasks/{task_id}",
        tasks::delete,
        one_task("deleteTask", "Delete a task")
            .empty(StatusCode::NO_CONTENT, "The task is gone.")
            .guarded(),
    )
}

fn own_account_api(api: Api) -> Api {
    api.route(
        &Method::GET,
        "/users/me",
        users::me,
        Doc::new("getMe", "Read your account").answers::<UserWire>(StatusCode::OK, "Your account."),
    )
    .route(
        &Method::PATCH,
        "/users/me",
        users::update_me,
        account_update(Doc::new("updateMe", "Change your account"))
            .note("Another `email` asks for your `current_password`."),
    )
    .route(
        &Method::DELETE,
        "/users/me",
        users::delete_me,
        Doc::new("deleteMe", "Delete your account")
            .note("With all that is yours. Asks for your password.")
            .body::<PasswordProofWire>()
            .empty(StatusCode::NO_CONTENT, "The account is gone.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .route(
        &Method::POST,
        "/users/me/password",
        users::change_password,
        Doc::new("changePassword", "Change your password")
            .note("Asks for the old one. Ends your other sessions, all links to reset the password, and your personal access tokens unless `keep_tokens` is true.")
            .body::<PasswordChangeWire>()
            .answers::<PasswordChangedWire>(StatusCode::OK, "The new password holds from now on.")
            .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD),
    )
    .route(
        &Method::GET,
        "/users/me/sessions",
        users::sessions,
        Doc::new("listSessions", "List your sessions")
            .answers_list::<SessionWire>(StatusCode::OK, "Your living sessions, newest first."),
    )
    .route(
        &Method::DELETE,
        "/users/me/sessions",
        users::end_sessions,
        Doc::new("endSessions", "End all your sessions")
            .note("The one that asks among them.")
            .empty(StatusCode::NO_CONTENT, "You are logged out everywhere."),
    )
    .route(
        &Method::DELETE,
        "/users/me/sessions/{session_id}",
        users::end_session,
        Doc::new("endSession", "End a session of yours")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
}

/// An operation of admins'.
fn admin(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary).note("For admins.").fails(StatusCode::FORBIDDEN, "Not enough permissions")
}

/// What an admin's operation on its own account needs, named by its id though it is.
const OWN_BY_SESSION: &str = "For admins. Your own account only with an access token of a login.";

/// One about a user.
fn admin_of_user(id: &'static str, summary: &'static str) -> Doc {
    admin(id, summary)
        .path("user_id", id_schema(), "The user's integer id or its UUID.")
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
                "Only accounts that have each of these words in username, email or name.",
            )
            .answers_list::<UserWire>(
                StatusCode::OK,
                "Accounts in the order of their ids, 100 a page unless a limit is given.",
            ),
    )
    .route(
        &Method::GET,
        "/users/{user_id}",
        users::one,
        admin_of_user("getUser", "Read an account").answers::<UserWire>(StatusCode::OK, "The account."),
    )
    .route(
        &Method::PATCH,
        "/users/{user_id}",
        users::update,
        account_update(admin_of_user("updateUser", "Change an account"))
            .note("For admins. Your own account changes only with an access token of a login, and another `email` of it asks for your `current_password`.")
            .fails(StatusCode::CONFLICT, LAST_ADMIN),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}",
        users::delete,
        admin_of_user("deleteUser", "Delete an account")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "The account is gone, with all that was its.")
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
            .answers_list::<SessionWire>(StatusCode::OK, "The living sessions, newest first."),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}/sessions",
        users::end_sessions_of,
        admin_of_user("endUserSessions", "End all sessions of a user")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "The user is logged out everywhere."),
    )
    .route(
        &Method::DELETE,
        "/users/{user_id}/sessions/{session_id}",
        users::end_session_of,
        admin("endUserSession", "End a session of a user")
            .note(OWN_BY_SESSION)
            .path("user_id", id_schema(), "The user's integer id or its UUID.")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
}

/// What `PATCH` of an account says, whoever's it is.
fn account_update(doc: Doc) -> Doc {
    doc.body::<UserUpdateWire>()
        .answers::<UserWire>(StatusCode::OK, "The account as it is now.")
        .fails(StatusCode::BAD_REQUEST, "Username or email already exists")
        .fails(StatusCode::FORBIDDEN, WRONG_PASSWORD)
}
