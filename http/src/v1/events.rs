//! `/api/v1/events`: what happens to the caller's tasks, as it happens (server-sent events, WHATWG
//! HTML, section 9.2).

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use taskwell_core::app::{App, Lane};
use taskwell_core::bearer::Bearer;
use taskwell_core::changes;
use taskwell_core::epoch::Stamp;
use taskwell_core::error::{Error, Problems};
use taskwell_core::live::Subscription;
use taskwell_core::tasks::{self, History};
use tokio::time::{Instant, sleep, timeout_at};

use super::changes::{ChangeWire, seq_schema};
use crate::doc::{Api, Doc};
use crate::extract::Token;
use crate::parameters::Query;
use crate::tree::{Answer, Failure};

/// What a client that lost its stream waits before it asks for another.
const RETRY: &str = "retry: 2000\n\n";
/// How often a stream says something though nothing happens: so proxies keep it, and a client that
/// is gone is noticed. Then it is also asked whether the session lives.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const HEARTBEAT: &str = ": nothing new\n\n";
/// Changes that one trip brings.
const PAGE: usize = 32;
/// When a store that is away is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An open stream. What it has not sent yet is in the store, not in memory.
struct Stream {
    app: App,
    bearer: Bearer,
    watch: Subscription,
    /// The last change that was sent.
    since: Stamp,
    heartbeat: Instant,
    /// The client was told that it is up to date.
    is_ready: bool,
    /// There may be more to send: it is looked without waiting.
    is_behind: bool,
}

pub fn routes(api: Api) -> Api {
    api.get(
        "/events",
        follow,
        Doc::new("streamEvents", "Stream changes to your tasks")
            .note(
                "Sends server-sent events. `change`: the data is a change as in `/changes`, and \
                 the id is its number. `ready`: the server has sent all missed changes; the data \
                 `{\"last\":42,\"cursor\":\"42\"}` has your newest number. `reset`: the store was \
                 restored from a backup. Read all tasks again; the stream continues from the \
                 `cursor` in the data. The server sends a comment at least every 15 seconds. The \
                 stream ends when its session ends or the server stops. An account can have 16 \
                 streams at a time on one instance.",
            )
            .query(
                "last_event_id",
                seq_schema(),
                "Same as the header `Last-Event-ID`, for clients that \
                cannot set it. The header takes precedence.",
            )
            .header_parameter(
                "Last-Event-ID",
                seq_schema(),
                "The stream starts with all changes after this event, without a gap. By default, \
                 it starts with new changes.",
            )
            .streams(StatusCode::OK, "The stream of events.", "text/event-stream")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
}

pub async fn follow(
    State(app): State<App>,
    Token(bearer): Token,
    headers: HeaderMap,
    mut query: Query,
) -> Answer {
    let p = &mut Problems::default();
    let asked = query.take("last_event_id", p, changes::place);
    // A client that comes back by itself asks for the same URL: its header is newer.
    let header = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let header = header
        .filter(|text| !text.is_empty())
        .and_then(|text| p.take("Last-Event-ID", changes::place(text)));
    let input = std::mem::take(p).finish(Some(())).map_err(Failure::from);
    let (owner, last) = app
        .read_in(Lane::Tasks, bearer.clone(), input, |tx, caller, ()| {
            Ok((caller.id(), tasks::newest(tx, caller)?))
        })
        .await?;
    // From here on what is committed wakes the stream; what came in between, its first look finds.
    let watch = app.watch(owner)?;
    let since = header.or(asked).unwrap_or(last);
    let heartbeat = Instant::now() + HEARTBEAT_EVERY;
    let stream = Stream { app, bearer, watch, since, heartbeat, is_ready: false, is_behind: true };
    let pieces = stream::once(async { Ok(Bytes::from_static(RETRY.as_bytes())) });
    let pieces = pieces.chain(stream::try_unfold(stream, Stream::next));
    let mut response = Response::new(Body::from_stream(pieces));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would hold it back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

impl Stream {
    /// The next piece; nothing once the session has ended or the server stops.
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Stream)>> {
        let mut piece = String::new();
        loop {
            if !self.is_behind {
                // Woken, or it is time for a heartbeat.
                let _ = timeout_at(self.heartbeat, self.watch.woken()).await;
            }
            if self.watch.is_over() {
                return Ok(None);
            }
            if Instant::now() >= self.heartbeat {
                piece.push_str(HEARTBEAT);
                self.heartbeat = Instant::now() + HEARTBEAT_EVERY;
            }
            match self.look().await {
                Ok(history) => self.tell(&mut piece, &history)?,
                Err(Failure::Core(Error::Gone { newest })) => self.reset(&mut piece, newest),
                Err(Failure::Core(Error::Unavailable { .. })) => {
                    self.is_behind = true;
                    sleep(AGAIN_AFTER).await;
                }
                Err(Failure::Core(Error::Internal(cause))) => {
                    tracing::error!(cause, "an event stream was cut off");
                    return Err(std::io::Error::other("the event stream was cut off"));
                }
                Err(_) => return Ok(None),
            }
            if !piece.is_empty() {
                return Ok(Some((piece.into(), self)));
            }
        }
    }

    /// Whether the session lives, and what has happened since the last look, in one trip.
    async fn look(&self) -> Result<History, Failure> {
        let input: Result<Stamp, Failure> = Ok(self.since);
        let look =
            self.app.read_in(Lane::Tasks, self.bearer.clone(), input, |tx, caller, since| {
                tasks::history(tx, caller, *since, PAGE)
            });
        look.await
    }

    /// The client must read everything again, and goes on from the newest change.
    fn reset(&mut self, piece: &mut String, newest: Stamp) {
        self.since = newest;
        self.is_ready = true;
        self.is_behind = true;
        let data = json!({ "last": newest.number, "cursor": newest.to_string() });
        event(piece, "reset", newest, &data.to_string());
    }

    fn tell(
        &mut self,
        piece: &mut String,
        History { changes, last, epoch }: &History,
    ) -> std::io::Result<()> {
        for change in changes {
            let data =
                serde_json::to_string(&ChangeWire::from(change)).map_err(std::io::Error::other)?;
            self.since = Stamp { epoch: *epoch, number: change.seq };
            event(piece, "change", self.since, &data);
        }
        self.watch.saw(*last);
        self.is_behind = !changes.is_empty() && self.since.number < *last;
        // Where the store was restored, the client knows more than it: it is told, and from here on
        // what is there counts.
        let is_restored = *last < self.since.number;
        if is_restored || !self.is_ready && !self.is_behind {
            self.since = Stamp { epoch: *epoch, number: *last };
            self.is_ready = true;
            let data = json!({ "last": last, "cursor": self.since.to_string() });
            event(piece, "ready", self.since, &data.to_string());
        }
        Ok(())
    }
}

/// One event; its data is of one line.
fn event(out: &mut String, name: &str, id: Stamp, data: &str) {
    use std::fmt::Write as _;
    // Writing into a string does not fail.
    let _ = write!(out, "event: {name}\nid: {id}\ndata: {data}\n\n");
}
