//! What the trees share about tasks over HTTP: versions as entity tags, the list's parameters. No
//! shape of a contract.

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

/// The task that a path means, by integer or UUID.
pub fn key(path: &PathText) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse(&path.0).map_err(|flaw| task_id_flaw(flaw).into())
}

/// The same where the contract knows UUIDs only (001).
pub fn uuid_key(path: &PathText) -> Result<IdOrUuid, Failure> {
    IdOrUuid::parse_uuid(&path.0).map_err(|flaw| task_id_flaw(flaw).into())
}

fn task_id_flaw(flaw: taskwell_core::error::Violation) -> Error {
    Error::invalid("task_id", flaw.0, flaw.1)
}

/// An answer that shows one task, with its version.
pub fn with_etag(mut response: Response, task: &Task) -> Response {
    let tag = HeaderValue::try_from(format!("\"{}\"", task.stamp()));
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// One task that was asked for: what `draw` makes of it, or 304 where the client has this version.
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

/// What a list is asked for.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    pub wanted: Wanted,
    /// All, where there is none.
    pub limit: Option<Limit>,
    pub cursor: Option<Cursor>,
}

impl ListQuery {
    /// The parameters of `v1` and `web`.
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

    /// The parameters of `root`, whose documents know none: only paging, and which tasks are
    /// completed.
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
                // A cursor goes on in the order of the list that it comes from.
                wanted.order = order;
                cursor
            }
            Start::Offset(offset) => wanted.order.cursor_of(offset),
        });
        let list = ListQuery { wanted, limit: paging.limit, cursor };
        Ok(std::mem::take(problems).finish(Some(list))?)
    }
}
