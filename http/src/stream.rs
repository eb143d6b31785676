//! Lists as JSON: a short one in one piece, a long one page by page, so that no list is ever held
//! in memory.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::error::Result;
use taskwell_core::id_or_uuid::IdOrUuid;
use taskwell_core::page::{Cursor, Page};
use taskwell_core::tasks::{self, Task};
use uuid::Uuid;

use crate::paging::link_next;
use crate::tasks::ListQuery;
use crate::tree::{Answer, Failure, combine};

/// Tasks that the first trip to the store brings at most, and a later one.
const FIRST_ROWS: usize = 32;
const TRIP_ROWS_MAX: usize = 256;
/// What a later trip should come to, in bytes.
const TRIP_BYTES: usize = 512 * 1024;
/// A page ends here, however many tasks were asked for: its `Link` comes early.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A page of a search ends after so long, with what was found and a `Link`.
pub const PAGE_WITHIN: Duration = Duration::from_secs(3);

/// How a tree writes a list down.
#[derive(Clone, Copy)]
pub struct Shape {
    pub open: &'static str,
    pub close: &'static str,
    /// Writes one task; the UUID is its owner's.
    pub item: fn(&mut Vec<u8>, &Task, Uuid) -> serde_json::Result<()>,
}

/// Whose tasks.
#[derive(Clone, Copy)]
pub enum Owner {
    Caller,
    /// Somebody's, for an admin.
    User(IdOrUuid),
}

struct Listing {
    app: App,
    claims: Bearer,
    owner: Owner,
    query: ListQuery,
    shape: Shape,
    /// How many tasks were written so far, and how many bytes.
    written: usize,
    bytes: usize,
}

/// Answers a list: whole and streamed, or up to the limit with a `Link` to the next page.
pub async fn list(
    app: App,
    claims: Bearer,
    owner: Result<Owner, Failure>,
    query: Result<ListQuery, Failure>,
    shape: Shape,
    uri: &Uri,
) -> Answer {
    let asked = combine(owner, query);
    let (owner, query) = match asked {
        Ok(asked) => asked,
        Err(wrong) => {
            return app
                .read(claims, Err(wrong), |_, _, (): &()| Ok(StatusCode::OK.into_response()))
                .await;
        }
    };
    let wanted = query.limit.map(taskwell_core::page::Limit::get);
    let mut next = query.cursor;
    let mut listing = Listing { app, claims, owner, query, shape, written: 0, bytes: 0 };
    let mut buffer = Vec::with_capacity(8 * 1024);
    buffer.extend_from_slice(shape.open.as_bytes());
    let begun = Instant::now();
    loop {
        let left = wanted.map_or(usize::MAX, |wanted| wanted - listing.written);
        next = listing.trip(&mut buffer, left, next).await?;
        let is_full = buffer.len() >= PAGE_BYTES_MAX || begun.elapsed() >= PAGE_WITHIN;
        match wanted {
            Some(_) if next.is_some_and(Cursor::is_skipping) => {}
            Some(wanted) if next.is_some() && listing.written < wanted && !is_full => {}
            _ => break,
        }
    }
    if let (None, Some(next)) = (wanted, next) {
        return Ok(listing.stream(buffer, next));
    }
    buffer.extend_from_slice(shape.close.as_bytes());
    let mut response = json_bytes(Body::from(buffer));
    if let Some(next) = next {
        link_next(&mut response, uri, "cursor", &next.print());
    }
    Ok(response)
}

/// A list that is always paged, in one piece.
pub fn page<T: Serialize>(items: &[T], next: Option<Cursor>, uri: &Uri) -> Response {
    let mut response = crate::tree::json(StatusCode::OK, &items);
    if let Some(next) = next {
        link_next(&mut response, uri, "cursor", &next.print());
    }
    response
}

impl Listing {
    /// One trip to the store for at most `left` tasks: appends them to `buffer`; where to go on.
    async fn trip(
        &mut self,
        buffer: &mut Vec<u8>,
        left: usize,
        after: Option<Cursor>,
    ) -> Result<Option<Cursor>, Failure> {
        let count = self.rows().min(left);
        let input = Ok::<_, Failure>((self.owner, self.query.wanted.clone()));
        let lane = if self.query.wanted.words.is_empty() { Lane::Tasks } else { Lane::Search };
        let (page, uuid): (Page<Task>, Uuid) = self
            .app
            .read_in(lane, self.claims.clone(), input, move |tx, caller, (owner, wanted)| {
                let page = match owner {
                    Owner::Caller => tasks::list(tx, caller, wanted, count, after)?,
                    Owner::User(user) => tasks::list_of(tx, caller, *user, wanted, count, after)?,
                };
                Ok((page, caller.uuid()))
            })
            .await?;
        for task in &page.items {
            if self.written > 0 {
                buffer.push(b',');
            }
            self.written += 1;
            self.bytes += task.text_bytes();
            (self.shape.item)(buffer, task, uuid).map_err(|e| {
                taskwell_core::error::Error::Internal(format!("cannot write a task as JSON: {e}"))
            })?;
        }
        Ok(page.next)
    }

    /// How many tasks the next trip should bring, by the size of those before.
    fn rows(&self) -> usize {
        if self.written == 0 {
            return FIRST_ROWS;
        }
        let mean = self.bytes / self.written;
        (TRIP_BYTES / (mean + 1)).clamp(FIRST_ROWS / 4, TRIP_ROWS_MAX)
    }

    /// The rest of a list, page by page. A page that fails breaks the body off: a list that ends
    /// well is whole.
    fn stream(self, head: Vec<u8>, next: Cursor) -> Response {
        enum Step {
            Head(Vec<u8>, Cursor),
            Page(Cursor),
            End,
        }
        let pages =
            stream::try_unfold((self, Step::Head(head, next)), |(mut listing, step)| async move {
                let (piece, step) = match step {
                    Step::Head(head, next) => (head, Step::Page(next)),
                    Step::Page(after) => {
                        let mut buffer = Vec::with_capacity(64 * 1024);
                        let next = listing
                            .trip(&mut buffer, usize::MAX, Some(after))
                            .await
                            .map_err(|failure| {
                                tracing::warn!(?failure, "a list was cut off while it was sent");
                                std::io::Error::other("the list was cut off")
                            })?;
                        if let Some(next) = next {
                            (buffer, Step::Page(next))
                        } else {
                            buffer.extend_from_slice(listing.shape.close.as_bytes());
                            (buffer, Step::End)
                        }
                    }
                    Step::End => return Ok(None),
                };
                Ok::<_, std::io::Error>(Some((Bytes::from(piece), (listing, step))))
            });
        json_bytes(Body::from_stream(pages))
    }
}

fn json_bytes(body: Body) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}
