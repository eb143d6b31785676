//! The bytes of a connection. This module detects the protocol, the start of a request head and a
//! client that stops reading. It closes a connection so that the client can read the last response.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

/// The first bytes of an HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long to read what a client still sends after the last response. Closing a socket with unread
/// bytes resets the connection, and the client loses the response.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP connection that records events in its [`Activity`] and fails if a response makes no
/// progress.
pub struct ClientStream {
    stream: TcpStream,
    activity: Arc<Activity>,
    protocol: Protocol,
    write_timeout: Duration,
    /// The write timeout, while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The time that is left for reading after the last write.
    lingering: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
enum Protocol {
    /// The given number of bytes of the preface have arrived.
    Undecided(usize),
    Http1,
    Http2,
}

impl ClientStream {
    pub fn new(
        stream: TcpStream,
        activity: Arc<Activity>,
        write_timeout: Duration,
    ) -> ClientStream {
        ClientStream {
            stream,
            activity,
            protocol: Protocol::Undecided(0),
            write_timeout,
            stalled: None,
            lingering: None,
        }
    }

    fn note_read(&mut self, bytes: &[u8]) {
        if let Protocol::Undecided(matched) = self.protocol {
            let now = matched + bytes.len().min(PREFACE.len() - matched);
            self.protocol = if bytes[..now - matched] != PREFACE[matched..now] {
                Protocol::Http1
            } else if now == PREFACE.len() {
                Protocol::Http2
            } else {
                Protocol::Undecided(now)
            };
        }
        // Over HTTP/2, the bytes may belong to any frame, such as the response to a ping.
        if matches!(self.protocol, Protocol::Http1) && !bytes.is_empty() {
            self.activity.head_began();
        }
    }

    /// Returns the result of a write, or an error once the write has waited for the timeout.
    fn check_progress<T>(&mut self, cx: &mut Context, polled: Poll<Result<T>>) -> Poll<Result<T>> {
        if polled.is_ready() {
            if self.stalled.take().is_some() {
                self.activity.set_blocked(false);
            }
            return polled;
        }
        let stalled = self.stalled.get_or_insert_with(|| {
            self.activity.set_blocked(true);
            Box::pin(sleep(self.write_timeout))
        });
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(
            ErrorKind::TimedOut,
            "the client did not read the response in time",
        )))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context, buffer: &mut ReadBuf) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        this.note_read(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.check_progress(cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut bytes = [0; 4096];
        loop {
            // A connection that was idle when it was asked to close has no response to lose.
            if this.activity.is_closing() || lingering.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context,
        parts: &[IoSlice],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.check_progress(cx, polled)
    }
}
