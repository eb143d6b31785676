//! `/api/v1/changes`: what happened to the caller's tasks, in order.

use axum::extract::State;
use axum::http::StatusCode;
use taskwell_core::app::App;
use taskwell_core::error::{Code, Flaw, Problems};
use taskwell_core::page::Limit;
use taskwell_core::tasks::{self, Changed, History};

use super::wire_tasks::ChangesWire;
use crate::extract::{Query, Token, Unknown};
use crate::stream::link_next;
use crate::tree::{Answer, Failure, json};

/// A page ends where its texts come to so many bytes: 1000 changes of the longest descriptions would be 80 MB.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let since = query.take("since", p, parse_seq).unwrap_or(0);
    let limit = query.take("limit", p, Limit::parse).unwrap_or_default().get();
    query.finish(Unknown::Refuse, p);
    let mut input = std::mem::take(p).finish(Some(since)).map_err(Failure::from);
    let mut shown: Vec<Changed> = Vec::new();
    let mut bytes = 0;
    loop {
        let count = limit - shown.len();
        let History { changes, last } = app
            .read(claims.clone(), input, move |tx, caller, since| tasks::history(tx, caller, *since, count))
            .await?;
        let is_end = changes.is_empty();
        for change in changes {
            bytes += text_bytes(&change);
            if bytes <= TEXT_BYTES_MAX || shown.is_empty() {
                shown.push(change);
            }
        }
        let seq = shown.last().map_or(since, |change| change.seq);
        let more = !is_end && seq < last;
        if !more || shown.len() == limit || bytes > TEXT_BYTES_MAX {
            let changes = shown.iter().map(Into::into).collect();
            let mut response = json(StatusCode::OK, &ChangesWire { changes, last, more });
            if more {
                link_next(&mut response, &query.uri, "since", &seq.to_string());
            }
            return Ok(response);
        }
        input = Ok(seq);
    }
}

fn text_bytes(change: &Changed) -> usize {
    let texts = |task: &tasks::Task| task.title.len() + task.description.as_ref().map_or(0, String::len);
    change.task.as_ref().map_or(0, texts)
}

/// A number in the sequence: 0 before the first change.
pub fn parse_seq(text: &str) -> Result<i64, Flaw> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let flaw = || Flaw::new(Code::Range, "must be a whole number from 0 to 9223372036854775807");
    text.parse().ok().filter(|_| is_number).ok_or_else(flaw)
}
