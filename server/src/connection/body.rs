//! Response bodies. A request is active until the last frame of its response has been taken. An
//! HTTP/2 stream whose client stops reading is reset. Over HTTP/1.1, `stream` detects such a
//! client.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use hyper_util::rt::TokioExecutor;
use tokio::time::{Sleep, sleep};

use super::activity::InFlightGuard;

/// Size of the frames that an HTTP/2 stream gets. The client must read each one within the write
/// timeout, and only one of them waits in memory beside the send buffer.
const PIECE_BYTES: usize = 16 * 1024;

thread_local! {
    /// The last result of polling the response of the current stream.
    static LAST: Cell<Polled> = const { Cell::new(Polled::Nothing) };
}

#[derive(Clone, Copy, PartialEq)]
enum Polled {
    /// hyper did not poll the response: the client has not taken the last frame.
    Nothing,
    /// The response has more to send.
    More,
    /// The response has nothing to send yet.
    Pending,
}

/// Runs the handler of a request and records whether it is pending.
pub async fn record_polls<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        LAST.set(if polled.is_pending() { Polled::Pending } else { Polled::More });
        polled
    })
    .await
}

/// The body of a response.
pub struct ResponseBody {
    body: Body,
    /// The rest of a frame that is longer than [`PIECE_BYTES`]; always empty over HTTP/1.1.
    rest: Bytes,
    is_http2: bool,
    _in_flight: InFlightGuard,
}

impl ResponseBody {
    pub fn new(body: Body, is_http2: bool, in_flight: InFlightGuard) -> ResponseBody {
        ResponseBody { body, rest: Bytes::new(), is_http2, _in_flight: in_flight }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            let polled = Pin::new(&mut this.body).poll_frame(cx);
            LAST.set(if polled.is_pending() { Polled::Pending } else { Polled::More });
            let is_long = |bytes: &Bytes| this.is_http2 && bytes.len() > PIECE_BYTES;
            match polled {
                Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some_and(is_long) => {
                    this.rest = frame.into_data().unwrap_or_default();
                }
                other => return other,
            }
        }
        LAST.set(Polled::More);
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower() + rest);
        if let Some(upper) = body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// Runs the streams of HTTP/2 connections. It drops, and thereby resets, a stream whose client
/// reads nothing for `write_timeout`.
#[derive(Clone)]
pub struct StreamExecutor {
    pub write_timeout: Duration,
}

impl<F> hyper::rt::Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let write_timeout = self.write_timeout;
        TokioExecutor::new().execute(async move {
            let mut stream = pin!(stream);
            let mut stalled: Option<Pin<Box<Sleep>>> = None;
            poll_fn(|cx| {
                LAST.set(Polled::Nothing);
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match LAST.get() {
                    Polled::Pending => stalled = None,
                    Polled::More => stalled = Some(Box::pin(sleep(write_timeout))),
                    Polled::Nothing => {}
                }
                stalled.as_mut().map_or(Poll::Pending, |stalled| stalled.as_mut().poll(cx))
            })
            .await;
        });
    }
}
