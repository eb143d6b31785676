//! One connection, HTTP/1.1 or HTTP/2 in clear text: its limits, and when it ends.

mod activity;
mod answer;
mod line;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use taskwell_http::{Peer, Service};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

pub use activity::Activity;
use activity::{Due, HEADER_TIMEOUT};
use answer::{Answer, Streams, ours};
use line::Line;

/// The most that the head of a request may hold.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// HTTP/2: requests that one connection may have under way.
const STREAMS_MAX: u32 = 128;
/// HTTP/2: what a client may send of one body, and of all on the connection, before any of it was
/// read.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// HTTP/2: what of one answer waits for the client to make room.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// What of one answer the system keeps that it has not sent.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a client that was asked to leave may take.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);
/// How often at most a connection looks whether it is due.
const TIMER_MIN: Duration = Duration::from_secs(1);

/// What can be set about how long a connection waits.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// Between two requests.
    pub idle: Duration,
    /// For a client to read something of its answer.
    pub write: Duration,
}

/// Bounds what the system takes of an answer before the client has room for it, on each connection
/// that `listener` accepts.
///
/// Without the bound a socket takes megabytes, and more only once a third of them has gone: a slow
/// client that reads all the time would look for longer than the write timeout like one that does
/// not read.
pub fn bound_unsent(listener: &TcpListener) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES_MAX) {
        tracing::warn!(%error, "cannot limit unsent data per connection; WRITE_TIMEOUT_SECONDS may \
                                close slow clients");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = listener;
}

/// Serves a connection to its end.
pub async fn serve(
    stream: std::net::TcpStream,
    peer: IpAddr,
    service: Service,
    activity: Arc<Activity>,
    timeouts: Timeouts,
) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%error, "cannot serve an accepted connection"),
    };
    // Without it an answer may wait for the acknowledgement of the last one. A socket that is gone
    // says so soon enough.
    let _ = stream.set_nodelay(true);
    let line = TokioIo::new(Line::new(stream, activity.clone(), timeouts.write));
    let builder = builder(timeouts.write);
    let of_requests = activity.clone();
    let handler = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let under_way = of_requests.begin();
        let is_http2 = request.version() == Version::HTTP_2;
        if is_http2 && of_requests.is_parting() {
            of_requests.leave();
        }
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let service = service.clone();
        async move {
            let mut answer: Response<Body> = ours(service.answer(request)).await;
            if !is_http2 && under_way.is_last() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer.map(|body| Answer::new(body, is_http2, under_way)))
        }
    });
    let served = run(builder.serve_connection(line, handler), &activity, timeouts.idle);
    // Peers that hang up or speak no HTTP are their own problem, not the log's.
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Drives a connection until it ends by itself or is due to be closed.
async fn run<C: GracefulConnection>(
    serving: C,
    activity: &Activity,
    idle: Duration,
) -> Result<(), C::Error> {
    let mut serving = pin!(serving);
    let mut timer = pin!(sleep(HEADER_TIMEOUT));
    let mut leave_by = None;
    poll_fn(|cx| {
        activity.wakes(cx.waker());
        // First, so that a request that has arrived is seen: a connection without one is closed at
        // once.
        if let Poll::Ready(served) = serving.as_mut().poll(cx) {
            return Poll::Ready(served);
        }
        if activity.is_leaving() && leave_by.is_none() {
            leave_by = Some(Instant::now() + LEAVE_WITHIN);
            serving.as_mut().graceful_shutdown();
            if let Poll::Ready(served) = serving.as_mut().poll(cx) {
                return Poll::Ready(served);
            }
        }
        let due = activity.due(idle).map(|due| match leave_by {
            Some(at) => Due { at, is_idle: false },
            None => due,
        });
        // The timer is reset when it fires, not on each request.
        if let Some(due) = &due
            && due.at < timer.deadline()
        {
            timer.as_mut().reset(due.at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            match &due {
                Some(due) if due.at <= now && !due.is_idle => return Poll::Ready(Ok(())),
                // Wakes this task, which then asks its client to leave.
                Some(due) if due.at <= now => activity.leave(),
                _ => {}
            }
            timer.as_mut().reset(due.as_ref().map_or(now, |due| due.at).max(now + TIMER_MIN));
        }
        Poll::Pending
    })
    .await
}

fn builder(write_timeout: Duration) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(Streams { write_timeout });
    // hyper's timeout for heads counts the time between requests too.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX as usize)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BYTES_MAX)
        .keep_alive_interval(PING_EVERY);
    builder
}
