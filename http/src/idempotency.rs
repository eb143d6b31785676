//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): clients can repeat a write
//! without doing it twice. This module reads the key and admits one request at a time per key. The
//! store remembers the outcome of each request.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap};
use axum::http::{Method, header::HeaderName};
use taskwell_core::client::Client;
use taskwell_core::idempotency::{IdempotentRequest, digest};

use crate::body;
use crate::tree::Failure;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether a request must pass [`InFlight::admit`].
pub fn is_asked(request: &Request) -> bool {
    let is_write =
        matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    is_write && request.headers().contains_key(IDEMPOTENCY_KEY)
}

/// The requests with a key that this process is handling. Cheap to clone.
#[derive(Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<[u8; 32]>>>);

/// A request in flight, until this is dropped, even if the client disconnects. The transaction may
/// then continue; the store handles that case.
pub struct InFlightGuard {
    running: InFlight,
    mark: [u8; 32],
    body: body::Share,
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.running.lock().remove(&self.mark);
    }
}

impl InFlight {
    /// Admits the request and attaches its key and a digest of its content. Until the
    /// [`InFlightGuard`] is dropped, requests with the same key are refused.
    pub async fn admit(&self, request: Request) -> Result<(Request, InFlightGuard), Failure> {
        let key = key(request.headers())?;
        let mut under_way = self.enter(mark(&request, &key)).ok_or(Failure::KeyBusy)?;
        let (mut parts, body) = request.into_parts();
        let (body, share) = body::read(&parts, body).await?.into_parts();
        under_way.body = share;
        let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let said = digest(&[parts.method.as_str().as_bytes(), target.as_bytes(), kind, &body]);
        let once = IdempotentRequest::new(&key, said).map_err(|flaw| Failure::BadKey(flaw.1))?;
        parts.extensions.insert(once);
        Ok((Request::from_parts(parts, Body::from(body)), under_way))
    }

    fn enter(&self, mark: [u8; 32]) -> Option<InFlightGuard> {
        self.lock().insert(mark).then(|| InFlightGuard {
            running: self.clone(),
            mark,
            body: body::Share::default(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the request's only key: a string in quotes (RFC 9651, section 3.3.3), or the same
/// without quotes.
fn key(headers: &HeaderMap) -> Result<String, Failure> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let text = value.ok_or(Failure::BadKey("must contain only visible ASCII characters".into()))?;
    if values.next().is_some() {
        return Err(Failure::BadKey("must be sent only once".into()));
    }
    match text.strip_prefix('"') {
        None => Ok(text.to_owned()),
        Some(rest) => {
            unquoted(rest).ok_or(Failure::BadKey("must be a string with a closing quote".into()))
        }
    }
}

/// Returns the text before the closing quote, which must end the header.
fn unquoted(rest: &str) -> Option<String> {
    let mut text = String::with_capacity(rest.len());
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '\\' => text.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return chars.next().is_none().then_some(text),
            c => text.push(c),
        }
    }
}

/// Returns a digest of the key and its owner, who is identified by the credentials or, without
/// them, the address. The store is not needed for this.
fn mark(request: &Request, key: &str) -> [u8; 32] {
    let address = request.extensions().get::<Client>().map(|client| client.address().to_string());
    let address = address.unwrap_or_default();
    let mut parts = vec![key.as_bytes()];
    let mut proofs = request.headers().get_all(header::AUTHORIZATION).iter().peekable();
    if proofs.peek().is_none() {
        parts.push(address.as_bytes());
    } else {
        parts.push(b"");
        parts.extend(proofs.map(header::HeaderValue::as_bytes));
    }
    digest(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_its_quotes_or_without() {
        let read = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(IDEMPOTENCY_KEY, header::HeaderValue::from_static(text));
            }
            key(&headers).ok()
        };
        for (text, wanted) in [
            ("8e03978e", Some("8e03978e")),
            ("\"8e03978e\"", Some("8e03978e")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            (r#""a\b""#, None),
            ("\"open", None),
            ("\"a\"b", None),
            ("\"a\";b=1", None),
        ] {
            assert_eq!(read(&[text]).as_deref(), wanted, "{text}");
        }
        assert_eq!(read(&["a", "a"]), None);
    }
}
