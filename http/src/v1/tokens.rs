//! `/api/v1/users/me/tokens` and `/api/v1/audit`: personal access tokens, and what was done to
//! accounts.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use taskwell_core::app::App;
use taskwell_core::error::{Code, Error, Problems};
use taskwell_core::{audit, tokens, users};
use uuid::Uuid;

use super::wire_tokens::{AuditWire, MadeTokenWire, NewTokenWire, TokenWire};
use crate::extract::{Body, PathText, Token};
use crate::paging::Paging;
use crate::parameters::Query;
use crate::stream;
use crate::tree::{Answer, Failure, json, secret_json};

pub async fn create(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<NewTokenWire>,
) -> Answer {
    let new = wire.and_then(NewTokenWire::read);
    let (token, secret) = app.write_without_replay(claims, new, tokens::create).await?;
    let wire = MadeTokenWire { token: secret.as_str().to_owned(), made: token.into() };
    Ok(secret_json(StatusCode::CREATED, &wire))
}

pub async fn list(State(app): State<App>, Token(claims): Token) -> Answer {
    let tokens =
        app.read(claims, Ok::<_, Failure>(()), |tx, caller, ()| tokens::list(tx, caller)).await?;
    let wires: Vec<TokenWire> = tokens.into_iter().map(Into::into).collect();
    Ok(json(StatusCode::OK, &wires))
}

pub async fn delete(State(app): State<App>, Token(claims): Token, path: PathText) -> Answer {
    let uuid = Some(&path.0)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| Failure::Core(Error::invalid("token_id", Code::Format, "must be a UUID")));
    app.write(claims, uuid, |tx, caller, uuid| tokens::delete(tx, caller, *uuid)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn audit(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let paging = Paging::read(&mut query, p, audit::parse_cursor);
    let limit = paging.limit.unwrap_or_default();
    let cursor = paging.start.map(|start| start.cursor(audit::cursor_of));
    let input = std::mem::take(p).finish(Some((limit, cursor))).map_err(Failure::from);
    let page = app
        .read(claims, input, |tx, caller, (limit, cursor)| {
            users::audit_log(tx, caller, *limit, *cursor)
        })
        .await?;
    let wires: Vec<AuditWire> = page.items.into_iter().map(Into::into).collect();
    Ok(stream::page(&wires, page.next, &query.uri))
}
