//! `/api/tasks`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::tasks::{self, Task, Update};
use uuid::Uuid;

use super::wire::{CompleteWire, DoneWire, NewTaskWire, TaskUpdateWire, TaskWire};
use crate::extract::{Body, Conditions, PathText, Token};
use crate::parameters::Query;
use crate::stream::{self, Owner, Shape};
use crate::tasks::{ListQuery, shown, uuid_key, with_etag};
use crate::tree::{Answer, Failure, combine, json};

const LIST: Shape = Shape {
    open: "[",
    close: "]",
    item: |out, task, owner| serde_json::to_writer(out, &TaskWire::new(task, owner)),
};

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let wanted = ListQuery::read(&mut query);
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
    Ok(with_etag(draw(StatusCode::CREATED, &task, owner), &task))
}

pub async fn one(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
) -> Answer {
    let (task, owner) = app
        .read_in(Lane::Tasks, claims, uuid_key(&path), |tx, caller, key| {
            let found = tasks::one(tx, caller, *key);
            let task = found.map_err(|error| tasks::reveal_foreign(tx, *key, error))?;
            Ok((task, caller.uuid()))
        })
        .await?;
    Ok(shown(&task, &conditions, |task| draw(StatusCode::OK, task, owner)))
}

pub async fn update(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
    Body(wire): Body<TaskUpdateWire>,
) -> Answer {
    write(app, claims, &path, &conditions, wire.and_then(TaskUpdateWire::read)).await
}

pub async fn complete(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
    Body(wire): Body<CompleteWire>,
) -> Answer {
    write(app, claims, &path, &conditions, wire.and_then(CompleteWire::read)).await
}

async fn write(
    app: App,
    claims: Bearer,
    path: &PathText,
    conditions: &Conditions,
    update: Result<Update, Failure>,
) -> Answer {
    let expected = conditions.expected();
    let input = combine(uuid_key(path), update);
    let (task, owner) = app
        .write(claims, input, move |tx, caller, (key, update)| {
            let updated = tasks::update(tx, caller, *key, &expected, update);
            let task = updated.map_err(|error| tasks::reveal_foreign(tx, *key, error))?;
            Ok((task, caller.uuid()))
        })
        .await?;
    Ok(with_etag(draw(StatusCode::OK, &task, owner), &task))
}

pub async fn delete(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
) -> Answer {
    let expected = conditions.expected();
    app.write(claims, uuid_key(&path), move |tx, caller, key| {
        let deleted = tasks::delete(tx, caller, *key, &expected);
        deleted.map_err(|error| tasks::reveal_foreign(tx, *key, error))
    })
    .await?;
    let done = DoneWire { success: true, message: "Task deleted successfully" };
    Ok(json(StatusCode::OK, &done))
}

fn draw(status: StatusCode, task: &Task, owner: Uuid) -> Response {
    json(status, &TaskWire::new(task, owner))
}
