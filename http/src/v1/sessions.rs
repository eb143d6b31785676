//! `/users/me/sessions` and `/users/{user_id}/sessions`: active sessions, and how to end them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use taskwell_core::app::App;
use taskwell_core::error::{Code, Error};
use taskwell_core::sessions::{self, Session};
use taskwell_core::time::Timestamp;
use taskwell_core::users::Account;
use utoipa::ToSchema;
use uuid::Uuid;

use super::users::{OWN_BY_SESSION, admin, admin_of_user, key};
use crate::doc::{Api, Doc, id_schema};
use crate::extract::{PathText, PathTexts, Token};
use crate::tree::{Answer, Failure, combine, json as answer};

pub fn routes(api: Api) -> Api {
    api.get(
        "/users/me/sessions",
        list,
        Doc::new("listSessions", "List your sessions")
            .answers_list::<SessionWire>(StatusCode::OK, "Your active list, newest first."),
    )
    .delete(
        "/users/me/sessions",
        end_all,
        Doc::new("endSessions", "End all your sessions")
            .note("Also ends the session that sends the request.")
            .empty(StatusCode::NO_CONTENT, "All sessions have ended."),
    )
    .delete(
        "/users/me/sessions/{session_id}",
        end_one,
        Doc::new("endSession", "End one of your sessions")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
    .get(
        "/users/{user_id}/sessions",
        list_of,
        admin_of_user("listUserSessions", "List a user's sessions")
            .answers_list::<SessionWire>(StatusCode::OK, "The active sessions, newest first."),
    )
    .delete(
        "/users/{user_id}/sessions",
        end_all_of,
        admin_of_user("endUserSessions", "End all sessions of a user")
            .note(OWN_BY_SESSION)
            .empty(StatusCode::NO_CONTENT, "All sessions of the user have ended."),
    )
    .delete(
        "/users/{user_id}/sessions/{session_id}",
        end_one_of,
        admin("endUserSession", "End a session of a user")
            .note(OWN_BY_SESSION)
            .path("user_id", id_schema(), "The user's integer id or UUID.")
            .path("session_id", json!({ "type": "string", "format": "uuid" }), "The session's id.")
            .empty(StatusCode::NO_CONTENT, "The session has ended.")
            .fails(StatusCode::NOT_FOUND, "Session not found"),
    )
}

pub async fn list(State(app): State<App>, Token(claims): Token) -> Answer {
    let (sessions, current) = app
        .read(claims, Ok::<_, Failure>(()), |tx, caller, ()| {
            Ok((sessions::list(tx, caller)?, caller.session()))
        })
        .await?;
    Ok(draw(sessions, current))
}

fn draw(sessions: Vec<Session>, current: Option<Uuid>) -> Response {
    let wires: Vec<SessionWire> =
        sessions.into_iter().map(|session| SessionWire::new(session, current)).collect();
    answer(StatusCode::OK, &wires)
}

pub async fn end_all(State(app): State<App>, Token(claims): Token) -> Answer {
    let own = Ok::<_, Failure>(Account::Own);
    app.write(claims, own, |tx, caller, own| sessions::end_all(tx, caller, *own)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn end_one(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let input = session_id(&path.0).map(|session| (Account::Own, session));
    app.write(claims, input, |tx, caller, (own, session)| {
        sessions::end_one(tx, caller, *own, *session)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn session_id(text: &str) -> Result<Uuid, Failure> {
    let uuid =
        Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
    uuid.ok_or_else(|| Error::invalid("session_id", Code::Format, "must be a UUID").into())
}

pub async fn list_of(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let (sessions, current) = app
        .read(claims, key(&path.0), |tx, caller, user| {
            Ok((sessions::list_of(tx, caller, *user)?, caller.session()))
        })
        .await?;
    Ok(draw(sessions, current))
}

pub async fn end_all_of(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let user = key(&path.0).map(Account::Of);
    app.write(claims, user, |tx, caller, user| sessions::end_all(tx, caller, *user)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn end_one_of(State(app): State<App>, Token(claims): Token, path: PathTexts) -> Answer {
    let input = combine(key(&path.0).map(Account::Of), session_id(&path.1));
    app.write(claims, input, |tx, caller, (user, session)| {
        sessions::end_one(tx, caller, *user, *session)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A session, which a login opened.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionWire {
    id: Uuid,
    /// Whether this session sent the request.
    current: bool,
    /// Browser and system, derived from the user agent.
    #[schema(example = "Firefox on Linux")]
    name: String,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Accurate to the hour.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl SessionWire {
    pub fn new(session: Session, current: Option<Uuid>) -> SessionWire {
        SessionWire {
            id: session.uuid,
            current: Some(session.uuid) == current,
            name: session.name(),
            user_agent: session.user_agent,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
        }
    }
}
