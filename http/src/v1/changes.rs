//! `/changes`: the changes of the caller's tasks, in order.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use taskwell_core::app::{App, Lane};
use taskwell_core::changes;
use taskwell_core::epoch::{Epoch, Stamp};
use taskwell_core::error::Problems;
use taskwell_core::page::Limit;
use taskwell_core::tasks::{self, Changed, History};
use taskwell_core::time::Timestamp;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::TaskWire;
use crate::doc::{Api, Doc};
use crate::extract::Token;
use crate::paging::link_next;
use crate::parameters::Query;
use crate::tree::{Answer, Failure, GONE, json as answer};

pub fn routes(api: Api) -> Api {
    api.get(
        "/changes",
        list,
        Doc::new("listChanges", "List changes to your tasks")
            .note(
                "Lists every creation, update and deletion, through any contract, in the order of \
                 your change numbers. A page may contain fewer changes than `limit` if texts are \
                 long; `more` and the `Link` header point to the rest. After the store was \
                 restored from a backup, changes since an earlier `since` are no longer available: \
                 the response is 410. In this case, read all tasks and continue from the `cursor` \
                 (or the number `last`) in the response.",
            )
            .query(
                "since",
                seq_schema(),
                "Only changes after this number, or after the `cursor` of an \
                                    earlier response. By default, all changes.",
            )
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                "Maximum number of changes.",
            )
            .answers::<ChangesWire>(StatusCode::OK, "Your changes, oldest first.")
            .header("Link")
            .fails(StatusCode::GONE, GONE)
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
}

/// Returns the schema of the number of a change.
pub fn seq_schema() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX })
}

/// The position before the first change.
const START: Stamp = Stamp { epoch: Epoch::FIRST, number: 0 };

/// Size in bytes of texts at which a page ends. 1000 changes with the longest descriptions would be
/// 80 MB.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let since = query.take("since", p, changes::place).unwrap_or(START);
    let limit = query.take("limit", p, Limit::parse).unwrap_or_default().get();
    let mut input = std::mem::take(p).finish(Some(since)).map_err(Failure::from);
    let mut shown: Vec<Changed> = Vec::new();
    let mut bytes = 0;
    loop {
        let count = limit - shown.len();
        let History { changes, last, epoch } = app
            .read_in(Lane::Tasks, claims.clone(), input, move |tx, caller, since| {
                tasks::history(tx, caller, *since, count)
            })
            .await?;
        let is_end = changes.is_empty();
        for change in changes {
            bytes += text_bytes(&change);
            if bytes <= TEXT_BYTES_MAX || shown.is_empty() {
                shown.push(change);
            }
        }
        let number = shown.last().map_or(since.number.min(last), |change| change.seq);
        let cursor = Stamp { epoch, number };
        let more = !is_end && number < last;
        if !more || shown.len() == limit || bytes > TEXT_BYTES_MAX {
            let changes = shown.iter().map(Into::into).collect();
            let wire = ChangesWire { changes, last, cursor: cursor.to_string(), more };
            let mut response = answer(StatusCode::OK, &wire);
            if more {
                link_next(&mut response, &query.uri, "since", &cursor.to_string());
            }
            return Ok(response);
        }
        input = Ok(cursor);
    }
}

fn text_bytes(change: &Changed) -> usize {
    change.task.as_ref().map_or(0, tasks::Task::text_bytes)
}

/// Some of your changes, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = Changes)]
pub struct ChangesWire<'a> {
    pub changes: Vec<ChangeWire<'a>>,
    /// The number of your newest change.
    #[schema(example = 42)]
    pub last: i64,
    /// The `since` for the next request. After the store was restored from a backup, it contains
    /// more than a number.
    #[schema(example = "42")]
    pub cursor: String,
    /// Whether there are changes after the last one in this response.
    pub more: bool,
}

/// A change of a task.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub struct ChangeWire<'a> {
    /// The number of the change. Your changes are numbered from 1 without gaps.
    #[schema(example = 7)]
    seq: i64,
    #[schema(value_type = KindWord)]
    kind: &'static str,
    #[schema(example = 3)]
    task_id: i64,
    task_uuid: Uuid,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The task after this change; `null` if the change deleted it.
    #[schema(required)]
    task: Option<TaskWire<'a>>,
}

impl<'a> From<&'a Changed> for ChangeWire<'a> {
    fn from(change: &'a Changed) -> ChangeWire<'a> {
        ChangeWire {
            seq: change.seq,
            kind: change.kind.as_str(),
            task_id: change.task_id.0,
            task_uuid: change.task_uuid,
            at: change.at,
            task: change.task.as_ref().map(Into::into),
        }
    }
}

/// The kind of a change.
#[derive(ToSchema)]
#[schema(as = ChangeKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words for the schema")]
enum KindWord {
    Created,
    Updated,
    Deleted,
}
