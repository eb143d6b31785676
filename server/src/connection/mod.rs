//! One connection, HTTP/1.1 or HTTP/2 without TLS: its limits, and when it closes.

mod activity;
mod body;
mod stream;

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
use activity::{Deadline, HEADER_TIMEOUT};
use body::{ResponseBody, StreamExecutor, record_polls};
use stream::ClientStream;

/// Maximum size of a request head.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// Maximum number of active requests on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// HTTP/2 windows: how many bytes of one request body, and of all bodies on the connection, a
/// client may send before the server reads them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 128 * 1024;
/// How much of one response hyper buffers for an HTTP/2 client.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// How much of one response the system buffers before it sends it.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a client may take to close a connection after it was asked to.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Minimum time between two checks of a connection's deadline.
const TIMER_MIN: Duration = Duration::from_secs(1);

/// The timeouts of a connection that are settings.
#[derive(Clone, Copy)]
pub struct Timeouts {
    /// Maximum time between two requests.
    pub idle: Duration,
    /// Maximum time for which a client may stop reading a response.
    pub write: Duration,
}

/// Limits how much of a response the system buffers for a client, on each connection that
/// `listener` accepts.
///
/// Without the limit, a socket takes megabytes, and more only after a third of them was sent. A
/// client that reads slowly would then look like one that does not read.
pub fn limit_unsent(listener: &TcpListener) {
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
    // Otherwise a response may wait for the acknowledgement of the previous one. If the socket is
    // closed, the next read reports it.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(ClientStream::new(stream, activity.clone(), timeouts.write));
    let builder = builder(timeouts.write);
    let of_requests = activity.clone();
    let handler = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let in_flight = of_requests.begin();
        let is_http2 = request.version() == Version::HTTP_2;
        if is_http2 && of_requests.is_draining() {
            of_requests.close();
        }
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        let service = service.clone();
        async move {
            let mut answer: Response<Body> = record_polls(service.answer(request)).await;
            if !is_http2 && in_flight.is_last() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer.map(|body| ResponseBody::new(body, is_http2, in_flight)))
        }
    });
    let served = run(builder.serve_connection(stream, handler), &activity, timeouts.idle);
    // A client that hangs up or does not speak HTTP is no problem for the operator.
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Drives a connection until the client closes it or its deadline passes.
async fn run<C: GracefulConnection>(
    serving: C,
    activity: &Activity,
    idle: Duration,
) -> Result<(), C::Error> {
    let mut serving = pin!(serving);
    let mut timer = pin!(sleep(HEADER_TIMEOUT));
    let mut close_by = None;
    poll_fn(|cx| {
        activity.register(cx.waker());
        // This comes first because a closing connection without a request closes at once, and a
        // request may have arrived.
        if let Poll::Ready(served) = serving.as_mut().poll(cx) {
            return Poll::Ready(served);
        }
        if activity.is_closing() && close_by.is_none() {
            close_by = Some(Instant::now() + CLOSE_TIMEOUT);
            serving.as_mut().graceful_shutdown();
            if let Poll::Ready(served) = serving.as_mut().poll(cx) {
                return Poll::Ready(served);
            }
        }
        let deadline = activity.deadline(idle).map(|deadline| match close_by {
            Some(at) => Deadline { at, is_idle: false },
            None => deadline,
        });
        // The timer is reset when it fires, not on each request.
        if let Some(deadline) = &deadline
            && deadline.at < timer.deadline()
        {
            timer.as_mut().reset(deadline.at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            match &deadline {
                Some(deadline) if deadline.at <= now && !deadline.is_idle => {
                    return Poll::Ready(Ok(()));
                }
                // This wakes the task, which then shuts the connection down.
                Some(deadline) if deadline.at <= now => activity.close(),
                _ => {}
            }
            timer
                .as_mut()
                .reset(deadline.as_ref().map_or(now, |deadline| deadline.at).max(now + TIMER_MIN));
        }
        Poll::Pending
    })
    .await
}

fn builder(write_timeout: Duration) -> auto::Builder<StreamExecutor> {
    let mut builder = auto::Builder::new(StreamExecutor { write_timeout });
    // hyper's timeout for request heads includes the time between requests.
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
