//! Compressed responses (gzip, RFC 1952) to requests that accept them.
//!
//! Proxies can compress too, but some then turn the entity tag `"17"` into the weak tag `W/"17"`,
//! which cannot guard a write (RFC 9110, section 13.1.1). A response compressed here has its own
//! strong tag, `"17-gzip"` (section 8.8.3.3), and proxies leave it unchanged.

use std::future::poll_fn;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use tokio::task::yield_now;

/// Suffix of the entity tag of a compressed response.
pub const MARK: &str = "-gzip";
/// Minimum size in bytes. Shorter responses gain nothing. Responses with an entity tag are
/// compressed at any size, because proxies begin at 20 bytes.
const BYTES_MIN: u64 = 1024;
/// Maximum size in bytes to compress in one step. Longer responses are compressed piece by piece,
/// so that other requests get their turn.
const WHOLE_BYTES_MAX: u64 = 32 * 1024;
const PIECE_BYTES: usize = 32 * 1024;
/// Maximum number of responses in the process that are compressed piece by piece at a time. Each
/// takes 320 KiB. Further responses are sent uncompressed.
const STREAMS_MAX: usize = 64;
const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");

/// The encodings that a request accepts.
pub struct Asked {
    takes_gzip: bool,
    is_head: bool,
    /// The values of `If-None-Match`; empty if the client does not accept gzip.
    known: Vec<HeaderValue>,
}

impl Asked {
    pub fn of(request: &Request) -> Asked {
        let (headers, is_head) = (request.headers(), request.method() == Method::HEAD);
        if !takes_gzip(headers) {
            return Asked { takes_gzip: false, is_head, known: Vec::new() };
        }
        let known = headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect();
        Asked { takes_gzip: true, is_head, known }
    }

    /// Whether the client has the compressed response with this tag.
    fn knows(&self, marked: &[u8]) -> bool {
        self.known.iter().any(|tags| tags.as_bytes().windows(marked.len()).any(|tag| tag == marked))
    }
}

/// Whether the client prefers gzip to no compression (RFC 9110, section 12.5.3).
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut plain) = (None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    for coding in values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(',')) {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let name = name.trim();
        let quality = Some(quality(parameters));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            gzip = gzip.max(quality);
        } else if name == "*" {
            any = quality;
        } else if name.eq_ignore_ascii_case("identity") {
            plain = quality;
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && plain.is_none_or(|plain| gzip >= plain)
}

/// Returns the weight of a coding in thousandths (RFC 9110, section 12.4.2); 0 if it is malformed.
fn quality(parameters: &str) -> u16 {
    let mut named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let Some((_, weight)) = named.find(|(name, _)| name.trim().eq_ignore_ascii_case("q")) else {
        return 1000;
    };
    let (whole, fraction) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "0" => format!("{fraction:0<3}").parse().unwrap_or(0),
        "1" if fraction.bytes().all(|b| b == b'0') => 1000,
        _ => 0,
    }
}

/// Returns the response in the encoding that the request accepts.
pub async fn answer(asked: &Asked, mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_MODIFIED {
        note_vary(response.headers_mut());
        if let Some(marked) =
            marked(response.headers()).filter(|marked| asked.knows(marked.as_bytes()))
        {
            response.headers_mut().insert(header::ETAG, marked);
        }
        return response;
    }
    if !is_worth_it(&response) {
        return response;
    }
    note_vary(response.headers_mut());
    if !asked.takes_gzip || asked.is_head {
        return response;
    }
    let size = response.body().size_hint().exact();
    let has_tag = response.headers().contains_key(header::ETAG);
    match size {
        Some(size) if has_tag || size <= WHOLE_BYTES_MAX => whole(response, has_tag).await,
        _ => match Place::take() {
            Some(place) => streamed(response, place),
            None => response,
        },
    }
}

/// Tells caches that the response depends on `Accept-Encoding`.
fn note_vary(headers: &mut HeaderMap) {
    let is_noted = |value: &HeaderValue| value.as_bytes().ends_with(VARY.as_bytes());
    if !headers.get_all(header::VARY).iter().any(is_noted) {
        headers.append(header::VARY, VARY);
    }
}

/// Whether compression is safe and useful. Responses with a token or another secret, which no cache
/// may store, stay uncompressed: next to text that an attacker chooses, the compressed length
/// reveals the secret letter by letter (BREACH).
fn is_worth_it(response: &Response) -> bool {
    let headers = response.headers();
    let is_short = response.body().size_hint().exact().is_some_and(|size| size < BYTES_MIN);
    if is_short && !headers.contains_key(header::ETAG) {
        return false;
    }
    let is_secret = headers.get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store");
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    !is_secret && is_text(kind) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Whether the media type is text that may be compressed. Event streams are excluded, because each
/// event must arrive at once.
fn is_text(kind: &[u8]) -> bool {
    let texts: [&[u8]; 5] = [
        b"application/json",
        b"application/problem+json",
        b"text/",
        b"application/javascript",
        b"image/svg+xml",
    ];
    texts.iter().any(|text| kind.starts_with(text)) && !kind.starts_with(b"text/event-stream")
}

/// Returns the strong entity tag of the compressed response.
fn marked(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?;
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    HeaderValue::try_from(format!("\"{tag}{MARK}\"")).ok()
}

fn mark(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_ENCODING, GZIP);
    headers.remove(header::CONTENT_LENGTH);
    if let Some(marked) = marked(headers) {
        headers.insert(header::ETAG, marked);
    }
}

/// Compresses the whole body. With `must`, it does so even if the result is longer.
async fn whole(response: Response, must: bool) -> Response {
    let (mut parts, mut body) = response.into_parts();
    let mut plain = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(frame) = frame else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        plain.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    match pressed(&plain) {
        Ok(pressed) if must || pressed.len() < plain.len() => {
            mark(&mut parts.headers);
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(pressed.len()));
            Response::from_parts(parts, Body::from(pressed))
        }
        _ => Response::from_parts(parts, Body::from(plain)),
    }
}

fn pressed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2 + 64), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn streamed(response: Response, place: Place) -> Response {
    let (mut parts, body) = response.into_parts();
    mark(&mut parts.headers);
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let pressed = Pressed { body, rest: Bytes::new(), encoder: Some(encoder), _place: place };
    Response::from_parts(parts, Body::from_stream(stream::try_unfold(pressed, Pressed::next)))
}

/// One of the [`STREAMS_MAX`] slots.
struct Place;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Option<Place> {
        let place = Place;
        // If this is one too many, the drop of `place` releases it.
        (TAKEN.fetch_add(1, Ordering::Relaxed) < STREAMS_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that is compressed while it is sent.
struct Pressed {
    body: Body,
    /// Received bytes that are not compressed yet.
    rest: Bytes,
    /// `None` after the last piece.
    encoder: Option<GzEncoder<Vec<u8>>>,
    _place: Place,
}

impl Pressed {
    /// Returns the next compressed piece. If the body fails, so does the compressed one.
    async fn next(mut self) -> Result<Option<(Bytes, Pressed)>, axum::Error> {
        loop {
            if self.rest.is_empty() {
                let frame =
                    poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await.transpose()?;
                let Some(frame) = frame else {
                    let Some(encoder) = self.encoder.take() else { return Ok(None) };
                    let end = encoder.finish().map_err(axum::Error::new)?;
                    return Ok(Some((end.into(), self)));
                };
                self.rest = frame.into_data().unwrap_or_default();
            }
            let Some(encoder) = &mut self.encoder else { return Ok(None) };
            let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
            encoder.write_all(&piece).map_err(axum::Error::new)?;
            let pressed = std::mem::take(encoder.get_mut());
            // Let other tasks run.
            yield_now().await;
            if !pressed.is_empty() {
                return Ok(Some((pressed.into(), self)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_wanted_more_than_nothing() {
        let takes = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(text));
            }
            takes_gzip(&headers)
        };
        for text in [
            "gzip",
            "GZIP",
            "x-gzip",
            "gzip, deflate, br, zstd",
            "br;q=1.0, gzip;q=0.8, *;q=0.1",
            "gzip;q=0.001",
            "gzip ; q=1.000",
            "gzip;q=1.",
            "gzip;Q=0.5",
            "*",
            "deflate, *;q=0.5",
            "identity;q=0, gzip;q=0.1",
            "gzip, identity",
            "*;q=0, gzip",
        ] {
            assert!(takes(&[text]), "{text}");
        }
        for text in [
            "",
            "br",
            "identity",
            "gzip;q=0",
            "gzip;q=0.000",
            "gzip; q=0.",
            "gzip;q=0, *",
            "*;q=0",
            "gzip;q=0.5, identity",
            "gzip;q=2",
            "gzip;q=-1",
            "gzip;q=0.0001",
            "gzip;q=x",
            "gzip;q=1.001",
            "gzipped",
            "not-gzip",
        ] {
            assert!(!takes(&[text]), "{text}");
        }
        assert!(takes(&["br", "gzip"]) && !takes(&[]));
    }
}
