//! HTTP for tasks that all trees share: versions as entity tags, and list parameters. The
//! contracts' formats are elsewhere.

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use taskwell_core::error::{Error, Problems};
use taskwell_core::id_or_uuid::IdOrUuid;
use taskwell_core::page::{Cursor, Limit};
use taskwell_core::tasks::{Order, Priority, Query as Wanted, Status, Task};
use taskwell_core::text::Words;
use taskwell_core::time::Timestamp;

use crate::extract::{Conditions, PathText};
use crate::paging::{Paging, Start};
use crate::parameters::{Query, flag};
use crate::tree::Failure;

/// Parses the task's id in a path: the integer or the UUID.
pub fn key(path: &PathText) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse(&path.0).map_err(|flaw| task_id_flaw(flaw).into())
}

/// Parses the task's id in a path of contract 001, which uses only UUIDs.
pub fn uuid_key(path: &PathText) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse_uuid(&path.0).map_err(|flaw| task_id_flaw(flaw).into())
}

fn task_id_flaw(flaw: taskwell_core::error::Violation) -> Error {
    Error::invalid("task_id", flaw.0, flaw.1)
}

/// Adds the task's version as the `ETag` of the response.
pub fn with_etag(mut response: Response, task: &Task) -> Response {
    let tag = HeaderValue::try_from(format!("\"{}\"", task.stamp()));
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Responds with one task as `draw` renders it, or with 304 if the client has this version.
pub fn shown(
    task: &Task,
    conditions: &Conditions,
    draw: impl FnOnce(&Task) -> Response,
) -> Response {
    let response = if conditions.has(task.stamp()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        draw(task)
    };
    with_etag(response, task)
}

/// The parameters of a list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    pub wanted: Wanted,
    /// `None` means all tasks.
    pub limit: Option<Limit>,
    pub cursor: Option<Cursor>,
}

impl ListQuery {
    /// Parses the parameters of `v1` and `web`.
    pub fn read(query: &mut Query) -> Result<ListQuery, Failure> {
        let p = &mut Problems::default();
        let sort = query.take("sort", p, Order::parse).unwrap_or_default();
        let wanted = Wanted {
            status: query.take("status", p, Status::parse),
            completed: query.take("completed", p, flag),
            priority: query.take("priority", p, Priority::parse),
            due_before: query.take("due_before", p, Timestamp::parse),
            due_after: query.take("due_after", p, Timestamp::parse),
            words: query.take("q", p, Words::parse).unwrap_or_default(),
            order: sort,
        };
        ListQuery::paged(wanted, query, p)
    }

    /// Parses the parameters of `root`, whose contracts define none: only paging and `completed`.
    pub fn read_few(query: &mut Query) -> Result<ListQuery, Failure> {
        let p = &mut Problems::default();
        let wanted = Wanted { completed: query.take("completed", p, flag), ..Wanted::default() };
        ListQuery::paged(wanted, query, p)
    }

    fn paged(
        mut wanted: Wanted,
        query: &mut Query,
        problems: &mut Problems,
    ) -> Result<ListQuery, Failure> {
        let paging = Paging::read(query, problems, Order::of_cursor);
        let cursor = paging.start.map(|start| match start {
            Start::Cursor((order, cursor)) => {
                // A cursor continues in the order of its list.
                wanted.order = order;
                cursor
            }
            Start::Offset(offset) => wanted.order.cursor_of(offset),
        });
        let list = ListQuery { wanted, limit: paging.limit, cursor };
        Ok(std::mem::take(problems).finish(Some(list))?)
    }
}
