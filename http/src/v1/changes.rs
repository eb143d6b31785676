//! `/api/v1/changes`: what happened to the caller's tasks, in order.

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::app::{App, Lane};
use taskwell_core::changes;
use taskwell_core::epoch::{Epoch, Stamp};
use taskwell_core::error::Problems;
use taskwell_core::page::Limit;
use taskwell_core::tasks::{self, Changed, History};

use super::wire_tasks::ChangesWire;
use crate::extract::Token;
use crate::paging::link_next;
use crate::parameters::Query;
use crate::tree::{Answer, Failure, json};

/// Before the first change.
const START: Stamp = Stamp { epoch: Epoch::FIRST, number: 0 };
/// A page ends where its texts come to so many bytes: 1000 changes of the longest descriptions
/// would be 80 MB.
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
            let mut response = json(StatusCode::OK, &wire);
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
