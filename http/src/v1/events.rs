//! `/api/v1/events`: a live stream of the changes to the caller's tasks (server-sent events, WHATWG
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

/// How long a client waits before it reconnects.
const RETRY: &str = "retry: 2000\n\n";
/// How often a stream sends a comment if nothing happens. It keeps proxies from closing the
/// connection, detects disconnected clients, and triggers a check of the session.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const HEARTBEAT: &str = ": nothing new\n\n";
/// Maximum number of changes per round trip.
const PAGE: usize = 32;
/// How long to wait before the next try while the store is unavailable.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An open stream. Unsent changes are in the store, not in memory.
struct Stream {
    app: App,
    bearer: Bearer,
    watch: Subscription,
    /// The last change sent.
    since: Stamp,
    heartbeat: Instant,
    /// Whether the client has received `ready`.
    is_ready: bool,
    /// Whether there may be more changes, so that the next look does not wait.
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
    // A client that reconnects automatically repeats the URL, so the header is newer.
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
    // From now on, each commit wakes the stream. The first look finds the commits before that.
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
        // nginx would buffer the stream.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

impl Stream {
    /// Returns the next piece; `None` once the session has ended or the server stops.
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Stream)>> {
        let mut piece = String::new();
        loop {
            if !self.is_behind {
                // Wait for a wake-up or the next heartbeat.
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

    /// Checks the session and reads the changes since the last look, in one round trip.
    async fn look(&self) -> Result<History, Failure> {
        let input: Result<Stamp, Failure> = Ok(self.since);
        let look =
            self.app.read_in(Lane::Tasks, self.bearer.clone(), input, |tx, caller, since| {
                tasks::history(tx, caller, *since, PAGE)
            });
        look.await
    }

    /// Tells the client to read everything again. The stream continues from the newest change.
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
        // After a restore, the client may know more changes than the store. It receives `ready`,
        // and continues from the store's newest change.
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

/// Writes one event. Its data has only one line.
fn event(out: &mut String, name: &str, id: Stamp, data: &str) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = write!(out, "event: {name}\nid: {id}\ndata: {data}\n\n");
}
