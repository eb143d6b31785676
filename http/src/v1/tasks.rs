//! `/api/v1/tasks`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::tasks::{self, Task, Update};

use super::path::BASE;
use super::wire_tasks::{NewTaskWire, TaskUpdateWire, TaskWire};
use crate::extract::{Body, Conditions, MergePatch, PathText, Token};
use crate::parameters::Query;
use crate::stream::{self, Owner, Shape};
use crate::tasks::{ListQuery, key, shown, with_etag};
use crate::tree::{Answer, Failure, combine, json};

/// A plain array of tasks.
pub const LIST: Shape = Shape {
    open: "[",
    close: "]",
    item: |out, task, _| serde_json::to_writer(out, &TaskWire::from(task)),
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
    let task = app.write(claims, new, tasks::create).await?;
    let mut response = with_etag(draw(StatusCode::CREATED, &task), &task);
    if let Ok(location) = HeaderValue::try_from(format!("{}/tasks/{}", BASE, task.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub async fn one(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
) -> Answer {
    let task = app
        .read_in(Lane::Tasks, claims, key(&path), |tx, caller, key| tasks::one(tx, caller, *key))
        .await?;
    Ok(shown(&task, &conditions, |task| draw(StatusCode::OK, task)))
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

pub async fn patch(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    conditions: Conditions,
    MergePatch(wire): MergePatch<TaskUpdateWire>,
) -> Answer {
    write(app, claims, &path, &conditions, wire.and_then(TaskUpdateWire::read)).await
}

async fn write(
    app: App,
    claims: Bearer,
    path: &PathText,
    conditions: &Conditions,
    update: Result<Update, Failure>,
) -> Answer {
    let expected = conditions.expected();
    let input = combine(key(path), update);
    let task = app
        .write(claims, input, move |tx, caller, (key, update)| {
            tasks::update(tx, caller, *key, &expected, update)
        })
        .await?;
    Ok(with_etag(draw(StatusCode::OK, &task), &task))
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
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn draw(status: StatusCode, task: &Task) -> Response {
    json(status, &TaskWire::from(task))
}
