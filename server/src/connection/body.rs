//! Answers on their way: a request is under way until its answer's end was taken, and a stream of
//! HTTP/2 whose client takes nothing is cut. (Over HTTP/1.1 the bytes themselves wait, which `line`
//! sees.)

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

/// What is given to a stream of HTTP/2 at a time: so much must be read within the write timeout,
/// and no more than that and the send buffer waits in memory.
const PIECE_BYTES: usize = 16 * 1024;

thread_local! {
    /// What our side of the stream that is polled said last.
    static LAST: Cell<Said> = const { Cell::new(Said::Nothing) };
}

#[derive(Clone, Copy, PartialEq)]
enum Said {
    /// It was not asked: what it gave last has not been taken.
    Nothing,
    /// There is more to send.
    More,
    /// There is nothing to send yet.
    Wait,
}

/// `future`, which is our side of a stream.
pub async fn ours<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = future.as_mut().poll(cx);
        LAST.set(if polled.is_pending() { Said::Wait } else { Said::More });
        polled
    })
    .await
}

/// The body of an answer.
pub struct Answer {
    body: Body,
    /// What of a long piece has not been given yet; for HTTP/2 alone.
    rest: Bytes,
    is_http2: bool,
    _under_way: InFlightGuard,
}

impl Answer {
    pub fn new(body: Body, is_http2: bool, under_way: InFlightGuard) -> Answer {
        Answer { body, rest: Bytes::new(), is_http2, _under_way: under_way }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            let polled = Pin::new(&mut this.body).poll_frame(cx);
            LAST.set(if polled.is_pending() { Said::Wait } else { Said::More });
            let is_long = |bytes: &Bytes| this.is_http2 && bytes.len() > PIECE_BYTES;
            match polled {
                Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some_and(is_long) => {
                    this.rest = frame.into_data().unwrap_or_default();
                }
                other => return other,
            }
        }
        LAST.set(Said::More);
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

/// Runs the streams of HTTP/2 connections; each is dropped, and so reset, when its client takes
/// nothing for so long.
#[derive(Clone)]
pub struct Streams {
    pub write_timeout: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let write_timeout = self.write_timeout;
        TokioExecutor::new().execute(async move {
            let mut stream = pin!(stream);
            let mut stalled: Option<Pin<Box<Sleep>>> = None;
            poll_fn(|cx| {
                LAST.set(Said::Nothing);
                if stream.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                match LAST.get() {
                    Said::Wait => stalled = None,
                    Said::More => stalled = Some(Box::pin(sleep(write_timeout))),
                    Said::Nothing => {}
                }
                stalled.as_mut().map_or(Poll::Pending, |stalled| stalled.as_mut().poll(cx))
            })
            .await;
        });
    }
}
