//! `X-Request-Id`: the id of a request in responses and in the log.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::header::{HeaderName, HeaderValue};

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;

/// The id of a request in the log and in `X-Request-Id`: the client's if it is well-formed,
/// otherwise a new one.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("")
    }

    pub fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    pub fn of(request: &Request) -> RequestId {
        let decent = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_CHARS_MAX).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        };
        let given = request.headers().get(X_REQUEST_ID).filter(decent);
        given.map_or_else(RequestId::next, |given| RequestId(given.clone()))
    }

    /// Returns the next number, counted from a random start. It is unique in this process and most
    /// likely among all instances.
    #[expect(clippy::disallowed_methods, reason = "a request id is not part of a transaction")]
    fn next() -> RequestId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static START: OnceLock<u64> = OnceLock::new();
        let start = START
            .get_or_init(|| taskwell_core::clock::random_bytes().map_or(0, u64::from_be_bytes));
        let id = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let text = format!("{id:016x}");
        RequestId(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0")))
    }
}
