//! Request bodies: limits on the size of each, on its duration, and on the memory of all of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use bytes::Bytes;
use taskwell_core::error::{Code, Error};

use crate::tree::Failure;

/// Maximum size in bytes of a body that carries a task. A description of 20,000 characters, each
/// escaped as `\uXXXX\uXXXX`, takes a quarter of it.
const TASK_BYTES_MAX: usize = 1024 * 1024;
/// Maximum size in bytes of every other body. No login, sign-up, profile, token or setting needs
/// more.
const BYTES_MAX: usize = 16 * 1024;
/// Paths at which a body carries a task. Paths one segment below them count too.
const TASKS: [&str; 3] = ["/api/v1/tasks", "/api/tasks", "/tasks"];
/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that all bodies of the process may hold until they are parsed.
const ALL_BYTES_MAX: usize = 24 * 1024 * 1024;
/// The same limit for bodies larger than [`BYTES_MAX`], so that a client that sends many of them
/// keeps nobody from logging in.
const ALL_BYTES_MAX_FOR_LARGE: usize = 16 * 1024 * 1024;
/// Bytes to allocate for a body without an announced length.
const FIRST_BYTES: usize = 4 * 1024;
const RETRY_AFTER_S: u32 = 1;

/// Bytes that all bodies hold now.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Returns the maximum size in bytes of a body at `path`, which may also be a route's template.
pub fn bytes_max(path: &str) -> usize {
    let is_of_tasks = |base: &str| {
        let below = path.strip_prefix(base);
        below.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') && !rest[1..].contains('/')
        })
    };
    if TASKS.iter().any(|base| is_of_tasks(base)) { TASK_BYTES_MAX } else { BYTES_MAX }
}

/// A complete body. Its memory counts towards the limit until this is dropped.
pub struct Arrived {
    pub bytes: Bytes,
    share: Share,
}

impl Arrived {
    /// Returns the bytes, and the share to keep while they are in use.
    pub fn into_parts(self) -> (Bytes, Share) {
        (self.bytes, self.share)
    }
}

/// The memory that one body holds.
#[derive(Default)]
pub struct Share(usize);

impl Share {
    /// Grows the share to `to` bytes. Fails if all bodies together exceed the limit.
    fn grow(&mut self, to: usize) -> Result<(), Failure> {
        let more = to - self.0;
        let held = HELD.fetch_add(more, Ordering::Relaxed) + more;
        self.0 = to;
        let most = if to > BYTES_MAX { ALL_BYTES_MAX_FOR_LARGE } else { ALL_BYTES_MAX };
        if held > most {
            return Err(Failure::Core(Error::Unavailable { retry_after_s: RETRY_AFTER_S }));
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Reads a request's body to its end.
pub async fn read(parts: &Parts, body: Body) -> Result<Arrived, Failure> {
    if is_encoded(&parts.headers) {
        return Err(Failure::UnknownContentCoding);
    }
    let most = bytes_max(parts.uri.path());
    // A body whose announced length is too large is refused unread.
    if usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX) > most {
        return Err(Failure::TooLarge(most));
    }
    tokio::time::timeout(TIMEOUT, collect(body, most)).await.unwrap_or(Err(Failure::TooSlow))
}

/// Whether the content is compressed or otherwise encoded (RFC 9110, section 8.4). The server
/// decodes no content, because a small body could unfold into a large one.
fn is_encoded(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut codings =
        codings.flat_map(|value| value.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

async fn collect(mut body: Body, most: usize) -> Result<Arrived, Failure> {
    let upper = body.size_hint().upper().and_then(|upper| usize::try_from(upper).ok());
    let length = upper.unwrap_or(FIRST_BYTES);
    let mut share = Share::default();
    let mut all: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let broken =
            |_| Failure::Core(Error::invalid("body", Code::Syntax, "ended before it was complete"));
        let Ok(piece) = frame.map_err(broken)?.into_data() else { continue };
        let needed = all.len() + piece.len();
        if needed > most {
            return Err(Failure::TooLarge(most));
        }
        // Most bodies come in one piece, which needs no copy.
        if all.is_empty() && body.is_end_stream() {
            return Ok(Arrived { bytes: piece, share });
        }
        if needed > all.capacity() {
            // The capacity doubles, up to the announced length. A client may announce more than it
            // sends, so the length alone allocates nothing.
            let capacity =
                needed.max((all.capacity() * 2).clamp(FIRST_BYTES, most)).min(length.max(needed));
            share.grow(capacity)?;
            all.reserve_exact(capacity - all.len());
        }
        // Copied, because a piece keeps its whole read buffer alive.
        all.extend_from_slice(&piece);
    }
    Ok(Arrived { bytes: all.into(), share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_carries_a_task_may_be_long() {
        for path in
            ["/tasks", "/tasks/7", "/api/tasks/{task_id}", "/api/v1/tasks", "/api/v1/tasks/x"]
        {
            assert_eq!(bytes_max(path), TASK_BYTES_MAX, "{path}");
        }
        for path in [
            "/",
            "",
            "/tasksx",
            "/api/tasks/7/complete",
            "/api/v1/users/me/tokens",
            "/auth",
            "/api/v1/users/7/tasks",
        ] {
            assert_eq!(bytes_max(path), BYTES_MAX, "{path}");
        }
    }
}
