//! Lists as JSON. A short list is sent in one piece, a long one page by page, so that no complete
//! list is in memory.

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

/// Maximum number of tasks per round trip to the store: for the first one, and for later ones.
const FIRST_ROWS: usize = 32;
const TRIP_ROWS_MAX: usize = 256;
/// Target size in bytes of later round trips.
const TRIP_BYTES: usize = 512 * 1024;
/// Size in bytes at which a page ends, even before its limit. Its `Link` leads to the rest.
const PAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Time after which a page ends, with the tasks found so far and a `Link`. Searches can take this
/// long.
pub const PAGE_WITHIN: Duration = Duration::from_secs(3);

/// The format of a tree's lists.
#[derive(Clone, Copy)]
pub struct Shape {
    pub open: &'static str,
    pub close: &'static str,
    /// Writes one task; the UUID is its owner's.
    pub item: fn(&mut Vec<u8>, &Task, Uuid) -> serde_json::Result<()>,
}

/// The owner of the tasks.
#[derive(Clone, Copy)]
pub enum Owner {
    Caller,
    /// Any user, for an admin.
    User(IdOrUuid),
}

struct Listing {
    app: App,
    claims: Bearer,
    owner: Owner,
    query: ListQuery,
    shape: Shape,
    /// Number of tasks written so far, and their bytes.
    written: usize,
    bytes: usize,
}

/// Responds with a list: streamed completely, or up to the limit with a `Link` to the next page.
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

/// Responds with a page of a list that is always paged, in one piece.
pub fn page<T: Serialize>(items: &[T], next: Option<Cursor>, uri: &Uri) -> Response {
    let mut response = crate::tree::json(StatusCode::OK, &items);
    if let Some(next) = next {
        link_next(&mut response, uri, "cursor", &next.print());
    }
    response
}

impl Listing {
    /// Makes one round trip to the store, appends at most `left` tasks to `buffer`, and returns the
    /// cursor of the next one.
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

    /// Returns the number of tasks for the next round trip, from the mean size of the tasks so far.
    fn rows(&self) -> usize {
        if self.written == 0 {
            return FIRST_ROWS;
        }
        let mean = self.bytes / self.written;
        (TRIP_BYTES / (mean + 1)).clamp(FIRST_ROWS / 4, TRIP_ROWS_MAX)
    }

    /// Streams the rest of a list, page by page. A failure aborts the body, so a list that ends
    /// normally is complete.
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
