//! `/tasks` (contracts 000 and 002).

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::app::{App, Lane};
use taskwell_core::tasks;

use super::wire::{MessageWire, NewTaskWire, TaskCreatedWire, TaskWire};
use crate::extract::{Body, Conditions, PathText, Token};
use crate::parameters::Query;
use crate::stream::{self, Owner, Shape};
use crate::tasks::{ListQuery, key, shown, with_etag};
use crate::tree::{Answer, json};

const LIST: Shape = Shape {
    open: r#"{"tasks":["#,
    close: "]}",
    item: |out, task, owner| serde_json::to_writer(out, &TaskWire::new(task, owner)),
};

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let wanted = ListQuery::read_few(&mut query);
    stream::list(app, claims, Ok(Owner::Caller), wanted, LIST, &query.uri).await
}

pub async fn create(
    State(app): State<App>,
    Token(claims): Token,
    Body(wire): Body<NewTaskWire>,
) -> Answer {
    let new = wire.and_then(NewTaskWire::read);
    let (task, owner) = app
        .write(claims, new, |tx, caller, new| Ok((tasks::create(tx, caller, new)?, caller.uuid())))
        .await?;
    let response = json(StatusCode::CREATED, &TaskCreatedWire::new(&task, owner));
    Ok(with_etag(response, &task))
}

pub async fn one(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
) -> Answer {
    let (task, owner) = app
        .read_in(Lane::Tasks, claims, key(&path), |tx, caller, key| {
            Ok((tasks::one(tx, caller, *key)?, caller.uuid()))
        })
        .await?;
    Ok(shown(&task, &conditions, |task| json(StatusCode::OK, &TaskWire::new(task, owner))))
}

pub async fn delete(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
) -> Answer {
    let expected = conditions.expected();
    app.write(claims, key(&path), move |tx, caller, key| {
        tasks::delete(tx, caller, *key, &expected)
    })
    .await?;
    Ok(json(StatusCode::OK, &MessageWire { message: "Task deleted" }))
}
