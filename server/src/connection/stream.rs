//! The bytes of a connection: which HTTP it speaks, what begins to arrive, whether the client
//! reads, and an end that lets it read the last answer.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

/// What HTTP/2 begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long what a client still sends is read after the last answer. A socket that is closed with
/// bytes unread resets the connection, and the answer with it.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP connection that notes in its [`Activity`] what happens, and fails where an answer makes no
/// progress.
pub struct Line {
    stream: TcpStream,
    activity: Arc<Activity>,
    spoken: Spoken,
    write_timeout: Duration,
    /// Runs while a write waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs once all is written.
    parting: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy)]
enum Spoken {
    /// So many bytes of the preface have come.
    Undecided(usize),
    Http1,
    Http2,
}

impl Line {
    pub fn new(stream: TcpStream, activity: Arc<Activity>, write_timeout: Duration) -> Line {
        Line {
            stream,
            activity,
            spoken: Spoken::Undecided(0),
            write_timeout,
            stalled: None,
            parting: None,
        }
    }

    fn note_read(&mut self, bytes: &[u8]) {
        if let Spoken::Undecided(matched) = self.spoken {
            let now = matched + bytes.len().min(PREFACE.len() - matched);
            self.spoken = if bytes[..now - matched] != PREFACE[matched..now] {
                Spoken::Http1
            } else if now == PREFACE.len() {
                Spoken::Http2
            } else {
                Spoken::Undecided(now)
            };
        }
        // In HTTP/2 they may be anything, such as the answer to a ping.
        if matches!(self.spoken, Spoken::Http1) && !bytes.is_empty() {
            self.activity.head_began();
        }
    }

    /// What a write came to, or that it has waited too long.
    fn written<T>(&mut self, cx: &mut Context, polled: Poll<Result<T>>) -> Poll<Result<T>> {
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

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context, buffer: &mut ReadBuf) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        this.note_read(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.parting.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let parting = this.parting.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut bytes = [0; 4096];
        loop {
            // Whoever is asked to leave, or hears that it was idle too long, is sent no answer that
            // could be lost.
            if this.activity.is_leaving() || parting.as_mut().poll(cx).is_ready() {
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
        this.written(cx, polled)
    }
}
