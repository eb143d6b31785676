//! `/tasks`, and for admins `/users/{user_id}/tasks`.

mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::tasks::{self, Task, Update};

use super::path::BASE;
use super::users::{self, admin_of_user};
use crate::doc::{Api, Doc, id_schema};
use crate::doc_lists::list_parameters;
use crate::extract::{Body, Conditions, MergePatch, PathText, Token};
use crate::parameters::Query;
use crate::stream::{self, Owner, Shape};
use crate::tasks::{ListQuery, key, shown, with_etag};
use crate::tree::{Answer, Failure, combine, json};
pub use wire::TaskWire;
use wire::{NewTaskWire, TaskUpdateWire};

pub fn routes(api: Api) -> Api {
    api.get(
        "/tasks",
        list,
        list_parameters(Doc::new("listTasks", "List your tasks"))
            .note(
                "Without a `limit`, the response contains all tasks, newest first. If a task \
                   changes while the server sends a long list, the list may contain its old state \
                   or omit it.",
            )
            .answers_list::<TaskWire>(StatusCode::OK, "Your tasks."),
    )
    .post(
        "/tasks",
        create,
        Doc::new("createTask", "Create a task")
            .body::<NewTaskWire>()
            .answers::<TaskWire>(StatusCode::CREATED, "The new task.")
            .header("ETag")
            .header("Location"),
    )
    .get(
        "/tasks/{task_id}",
        one,
        one_task("getTask", "Get a task")
            .answers::<TaskWire>(StatusCode::OK, "The task.")
            .shows_version(),
    )
    .put(
        "/tasks/{task_id}",
        update,
        update_doc("updateTask", "Update a task", "application/json")
            .note("Omitted fields stay unchanged."),
    )
    .patch(
        "/tasks/{task_id}",
        patch,
        update_doc("patchTask", "Patch a task", "application/merge-patch+json").note(
            "A JSON Merge Patch (RFC 7396) with the same effect as `PUT`. The endpoint also \
                   accepts `application/json`.",
        ),
    )
    .delete(
        "/tasks/{task_id}",
        delete,
        one_task("deleteTask", "Delete a task")
            .empty(StatusCode::NO_CONTENT, "The task was deleted.")
            .guarded(),
    )
    .get(
        "/users/{user_id}/tasks",
        list_of,
        list_parameters(admin_of_user("listUserTasks", "List a user's tasks"))
            .answers_list::<TaskWire>(StatusCode::OK, "The user's tasks."),
    )
}

fn one_task(id: &'static str, summary: &'static str) -> Doc {
    Doc::new(id, summary)
        .path("task_id", id_schema(), "The task's integer id or UUID.")
        .fails(StatusCode::NOT_FOUND, "Task not found")
}

fn update_doc(id: &'static str, summary: &'static str, media: &'static str) -> Doc {
    one_task(id, summary)
        .body_as::<TaskUpdateWire>(media)
        .answers::<TaskWire>(StatusCode::OK, "The updated task.")
        .header("ETag")
        .guarded()
}

/// A plain array of tasks.
const LIST: Shape = Shape {
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

pub async fn list_of(
    State(app): State<App>,
    Token(claims): Token,
    path: PathText,
    mut query: Query,
) -> Answer {
    let wanted = ListQuery::read(&mut query);
    let owner = users::key(&path.0).map(Owner::User);
    stream::list(app, claims, owner, wanted, LIST, &query.uri).await
}

fn draw(status: StatusCode, task: &Task) -> Response {
    json(status, &TaskWire::from(task))
}
