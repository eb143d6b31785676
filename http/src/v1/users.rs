//! `/api/v1/users`: one's own account and sessions, and for admins everybody's.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::error::{Code, Error, Problems};
use taskwell_core::id_or_uuid::IdOrUuid;
use taskwell_core::text::Words;
use taskwell_core::users::Account;
use taskwell_core::{sessions, users};
use uuid::Uuid;

use super::wire::{
    PasswordChangeWire, PasswordChangedWire, PasswordProofWire, SessionWire, UserUpdateWire,
    UserWire,
};
use crate::extract::{Body, MergePatch, PathText, PathTexts, Token};
use crate::paging::Paging;
use crate::parameters::Query;
use crate::stream::{self, Owner};
use crate::tasks::ListQuery;
use crate::tree::{Answer, Failure, combine, json};

pub async fn me(State(app): State<App>, Token(claims): Token) -> Answer {
    let user =
        app.read(claims, Ok::<_, Failure>(()), |tx, caller, ()| users::me(tx, caller)).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn update_me(
    State(app): State<App>,
    Token(claims): Token,
    MergePatch(wire): MergePatch<UserUpdateWire>,
) -> Answer {
    let input = wire.and_then(UserUpdateWire::read).map(|change| (Account::Own, change));
    let user = app.update_account(claims, input).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn delete_me(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordProofWire>,
) -> Answer {
    let password = told(&app, &claims, wire.and_then(PasswordProofWire::read)).await?;
    app.delete_me(claims, password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn change_password(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<PasswordChangeWire>,
) -> Answer {
    let (old, new, keeps_tokens) =
        told(&app, &claims, wire.and_then(PasswordChangeWire::read)).await?;
    let ended = app.change_password(claims, old, new, keeps_tokens).await?;
    Ok(json(StatusCode::OK, &PasswordChangedWire::from(ended)))
}

/// The input, or what is wrong with it, told only to somebody whose session lives.
pub async fn told<T>(app: &App, claims: &Bearer, input: Result<T, Failure>) -> Result<T, Failure> {
    match input {
        Ok(input) => Ok(input),
        Err(wrong) => Err(app.refuse(claims.clone(), wrong).await),
    }
}

pub async fn sessions(State(app): State<App>, Token(claims): Token) -> Answer {
    let (sessions, current) = app
        .read(claims, Ok::<_, Failure>(()), |tx, caller, ()| {
            Ok((sessions::list(tx, caller)?, caller.session()))
        })
        .await?;
    let wires: Vec<SessionWire> =
        sessions.into_iter().map(|session| SessionWire::new(session, current)).collect();
    Ok(json(StatusCode::OK, &wires))
}

pub async fn end_sessions(State(app): State<App>, Token(claims): Token) -> Answer {
    let own = Ok::<_, Failure>(Account::Own);
    app.write(claims, own, |tx, caller, own| sessions::end_all(tx, caller, *own)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn end_session(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
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

pub async fn sessions_of(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let (sessions, current) = app
        .read(claims, key(&path.0), |tx, caller, user| {
            Ok((sessions::list_of(tx, caller, *user)?, caller.session()))
        })
        .await?;
    let wires: Vec<SessionWire> =
        sessions.into_iter().map(|session| SessionWire::new(session, current)).collect();
    Ok(json(StatusCode::OK, &wires))
}

pub async fn end_sessions_of(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
) -> Answer {
    let user = key(&path.0).map(Account::Of);
    app.write(claims, user, |tx, caller, user| sessions::end_all(tx, caller, *user)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn end_session_of(
    State(app): State<App>,
    Token(claims): Token,
    path: PathTexts,
) -> Answer {
    let input = combine(key(&path.0).map(Account::Of), session_id(&path.1));
    app.write(claims, input, |tx, caller, (user, session)| {
        sessions::end_one(tx, caller, *user, *session)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let paging = Paging::read(&mut query, p, users::parse_cursor);
    let limit = paging.limit.unwrap_or_default();
    let cursor = paging.start.map(|start| start.cursor(users::cursor_of));
    let words = query.take("q", p, Words::parse).unwrap_or_default();
    let lane = if words.is_empty() { Lane::Accounts } else { Lane::Search };
    let mut input = std::mem::take(p).finish(Some((words.clone(), cursor))).map_err(Failure::from);
    let mut wires: Vec<UserWire> = Vec::new();
    let begun = Instant::now();
    loop {
        let left = limit.get() - wires.len();
        let page = app
            .read_in(lane, claims.clone(), input, move |tx, caller, (words, cursor)| {
                users::list(tx, caller, words, left, *cursor)
            })
            .await?;
        wires.extend(page.items.into_iter().map(UserWire::from));
        let is_full = wires.len() == limit.get() || begun.elapsed() >= stream::PAGE_WITHIN;
        if page.next.is_none_or(|next| is_full && !next.is_skipping()) {
            return Ok(stream::page(&wires, page.next, &query.uri));
        }
        input = Ok((words.clone(), page.next));
    }
}

pub async fn one(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let user =
        app.read(claims, key(&path.0), |tx, caller, key| users::one(tx, caller, *key)).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn update(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    MergePatch(wire): MergePatch<UserUpdateWire>,
) -> Answer {
    let input = combine(key(&path.0).map(Account::Of), wire.and_then(UserUpdateWire::read));
    let user = app.update_account(claims, input).await?;
    Ok(json(StatusCode::OK, &UserWire::from(user)))
}

pub async fn delete(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    app.write(claims, key(&path.0), |tx, caller, key| users::delete(tx, caller, *key)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn tasks(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    mut query: Query,
) -> Answer {
    let wanted = ListQuery::read(&mut query);
    let owner = key(&path.0).map(Owner::User);
    stream::list(app, claims, owner, wanted, super::tasks::LIST, &query.uri).await
}

fn key(path: &str) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse(path).map_err(|flaw| Error::invalid("user_id", flaw.0, flaw.1).into())
}
