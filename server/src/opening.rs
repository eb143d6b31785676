//! The opening of a connection: until its first bytes tell which HTTP it speaks, hyper sets no time limit; this one does.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// What HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that fails where it stays open what is spoken on it.
pub struct Opening {
    stream: TcpStream,
    undecided: Option<Undecided>,
}

struct Undecided {
    deadline: Pin<Box<Sleep>>,
    /// How many bytes of the preface have come.
    matched: usize,
}

impl Opening {
    /// `stream`, which has `patience` to say what it speaks.
    pub fn new(stream: TcpStream, patience: Duration) -> Opening {
        Opening { stream, undecided: Some(Undecided { deadline: Box::pin(sleep(patience)), matched: 0 }) }
    }
}

impl Undecided {
    /// Whether it is still open after these bytes.
    fn remains(&mut self, bytes: &[u8]) -> bool {
        let is_preface = PREFACE[self.matched..].starts_with(bytes);
        self.matched += bytes.len();
        is_preface && self.matched < PREFACE.len()
    }
}

impl AsyncRead for Opening {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context, buffer: &mut ReadBuf) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        if let Some(undecided) = &mut this.undecided {
            if polled.is_pending() && undecided.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "nothing was asked in time")));
            }
            if !undecided.remains(&buffer.filled()[before..]) {
                this.undecided = None;
            }
        }
        polled
    }
}

impl AsyncWrite for Opening {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context,
        parts: &[std::io::IoSlice],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, parts)
    }
}
