//! Lists as JSON: a short one in one piece, a long one page by page, so that no list is ever held in memory.

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use taskwell_core::app::App;
use taskwell_core::bearer::Bearer;
use taskwell_core::error::Result;
use taskwell_core::key::Key;
use taskwell_core::page::{Cursor, Page};
use taskwell_core::tasks::{self, Task};
use uuid::Uuid;

use crate::tasks::ListQuery;
use crate::tree::{Answer, Failure, both};

/// Tasks that one trip to the store brings; a longer list is streamed in pieces of this size.
const PAGE: usize = 256;

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
    User(Key),
}

struct Listing {
    app: App,
    claims: Bearer,
    owner: Owner,
    query: ListQuery,
    shape: Shape,
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
    let asked = both(owner, query);
    let (owner, query) = match asked {
        Ok(asked) => asked,
        Err(wrong) => {
            return app.read(claims, Err(wrong), |_, _, (): &()| Ok(StatusCode::OK.into_response())).await;
        }
    };
    let wanted = query.limit.map(taskwell_core::page::Limit::get);
    let cursor = query.cursor;
    let listing = Listing { app, claims, owner, query, shape };
    let mut buffer = Vec::with_capacity(8 * 1024);
    buffer.extend_from_slice(shape.open.as_bytes());
    let mut written = 0;
    let mut next = cursor;
    loop {
        let count = wanted.map_or(PAGE, |wanted| (wanted - written).min(PAGE));
        next = listing.trip(&mut buffer, written == 0, count, next, &mut written).await?;
        match wanted {
            Some(wanted) if next.is_some() && written < wanted => {}
            _ => break,
        }
    }
    if let (None, Some(next)) = (wanted, next) {
        return Ok(listing.stream(buffer, next, written));
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
    /// One trip to the store: appends its tasks to `buffer`; where to go on.
    async fn trip(
        &self,
        buffer: &mut Vec<u8>,
        first: bool,
        count: usize,
        after: Option<Cursor>,
        written: &mut usize,
    ) -> Result<Option<Cursor>, Failure> {
        let input = (self.owner, self.query.wanted.clone());
        let (page, uuid): (Page<Task>, Uuid) = self
            .app
            .read(self.claims.clone(), Ok::<_, Failure>(input), move |tx, caller, (owner, wanted)| {
                let page = match owner {
                    Owner::Caller => tasks::list(tx, caller, wanted, count, after)?,
                    Owner::User(user) => tasks::list_of(tx, caller, *user, wanted, count, after)?,
                };
                Ok((page, caller.uuid()))
            })
            .await?;
        let mut first = first;
        for task in &page.items {
            if !first {
                buffer.push(b',');
            }
            first = false;
            (self.shape.item)(buffer, task, uuid)
                .map_err(|e| taskwell_core::error::Error::Internal(format!("a task has no JSON: {e}")))?;
        }
        *written += page.items.len();
        Ok(page.next)
    }

    /// The rest of a list, page by page. A page that fails breaks the body off: a list that ends well is whole.
    fn stream(self, head: Vec<u8>, next: Cursor, written: usize) -> Response {
        enum Step {
            Head(Vec<u8>, Cursor),
            Page(Cursor),
            End,
        }
        let pages = stream::try_unfold(
            (self, Step::Head(head, next), written),
            |(listing, step, mut written)| async move {
                let (piece, step) = match step {
                    Step::Head(head, next) => (head, Step::Page(next)),
                    Step::Page(after) => {
                        let mut buffer = Vec::with_capacity(64 * 1024);
                        let first = written == 0;
                        let next = listing
                            .trip(&mut buffer, first, PAGE, Some(after), &mut written)
                            .await
                            .map_err(|failure| {
                                tracing::warn!(?failure, "a streamed list was broken off");
                                std::io::Error::other("the list was broken off")
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
                Ok::<_, std::io::Error>(Some((Bytes::from(piece), (listing, step, written))))
            },
        );
        json_bytes(Body::from_stream(pages))
    }
}

fn json_bytes(body: Body) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// `Link: <…>; rel="next"` (RFC 8288): this request again, from `next` on, which the parameter `name` says.
pub fn link_next(response: &mut Response, uri: &Uri, name: &str, next: &str) {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(given, _)| given != name))
        .append_pair(name, next)
        .finish();
    let link = format!("<{}?{query}>; rel=\"next\"", uri.path());
    if let Ok(link) = HeaderValue::try_from(link) {
        response.headers_mut().insert(header::LINK, link);
    }
}
