//! The first checks of a request's head: its validity in HTTP, and the normalization of its path.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Uri, Version};

use crate::tree::Failure;

/// Refuses requests that HTTP requires a server to refuse, whatever the path.
pub fn check(request: &Request) -> Result<(), Failure> {
    check_host(request.headers(), request.version())?;
    check_transfer_coding(request.headers())
}

/// Checks `Host` (RFC 9112, section 3.2). A request of HTTP/1.1 has exactly one, and no request has
/// two or an invalid one. If a proxy and a server choose different ones, an attacker can poison
/// caches.
fn check_host(headers: &HeaderMap, version: Version) -> Result<(), Failure> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        // HTTP/2 uses `:authority` instead, and HTTP/1.0 requires neither.
        let needed = version == Version::HTTP_11;
        return if needed { Err(Failure::BadHost("is missing")) } else { Ok(()) };
    };
    if hosts.next().is_some() {
        return Err(Failure::BadHost("must be sent only once"));
    }
    if is_host(host.as_bytes()) {
        Ok(())
    } else {
        Err(Failure::BadHost("must be a host name or an IP address, with an optional port"))
    }
}

/// Whether `value` is `uri-host [ ":" port ]` (RFC 9110, section 7.2). It is empty if the target
/// has no authority.
fn is_host(value: &[u8]) -> bool {
    let at = |text: &[u8], mark| text.iter().position(|b| *b == mark);
    let Some(literal) = value.strip_prefix(b"[") else {
        // A registered name (RFC 3986, section 3.2.2).
        let (name, port) = value.split_at(at(value, b':').unwrap_or(value.len()));
        let is_allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(b);
        return name.iter().all(is_allowed) && is_port(port);
    };
    let Some(end) = at(literal, b']') else {
        return false;
    };
    let is_address = literal[..end].iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b));
    end > 0 && is_address && is_port(&literal[end + 1..])
}

/// Whether `text` is a colon and digits, or empty.
fn is_port(text: &[u8]) -> bool {
    text.is_empty()
        || text.strip_prefix(b":").is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

/// Accepts no transfer coding except `chunked` (RFC 9112, section 6.1). (A message whose last
/// coding is another one has no end, so it never arrives.)
fn check_transfer_coding(headers: &HeaderMap) -> Result<(), Failure> {
    let mut values = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked =
        |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    match (values.next(), values.next()) {
        (None, _) => Ok(()),
        (Some(value), None) if is_chunked(value) => Ok(()),
        _ => Err(Failure::UnknownTransferCoding),
    }
}

/// Normalizes the path: `/api/v1/%74asks/` becomes `/api/v1/tasks`. Decodes only characters that
/// need no encoding (RFC 3986, section 6.2.2.2), so `%2F` does not become a slash.
pub fn normalize_path(request: &mut Request) {
    let path = request.uri().path();
    let ends_in_slash = path.len() > 1 && path.ends_with('/');
    if !ends_in_slash && !path.contains('%') {
        return;
    }
    let decoded = decode_unreserved(path);
    let trimmed = decoded.trim_end_matches('/');
    let path = if trimmed.is_empty() { "/" } else { trimmed };
    let target = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(uri) = Uri::try_from(target) {
        *request.uri_mut() = uri;
    }
}

/// Decodes `%XX` of letters, digits, `-`, `.`, `_` and `~` (RFC 3986, section 2.3).
fn decode_unreserved(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut pieces = path.split('%');
    let mut decoded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let hex = piece.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) =
            byte.filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
        {
            decoded.push(char::from(byte));
            decoded.push_str(&piece[2..]);
        } else {
            decoded.push('%');
            decoded.push_str(piece);
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_encoding_is_decoded_and_only_once() {
        for (path, wanted) in [
            ("/api/v1/%74asks", "/api/v1/tasks"),
            ("/%7Euser/%2d%2E%5f", "/~user/-._"),
            ("/a%2Fb%2fc", "/a%2Fb%2fc"),
            ("/%2574asks", "/%2574asks"),
            ("/%", "/%"),
            ("/%7", "/%7"),
            ("/%+4", "/%+4"),
            ("/%zz%41", "/%zzA"),
            ("/%00%20%C3%A9", "/%00%20%C3%A9"),
        ] {
            assert_eq!(decode_unreserved(path), wanted, "{path}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in [
            "",
            "a",
            "a.example:8000",
            "127.0.0.1",
            "[::1]:80",
            "a_b.local",
            "xn--mller-kva.de",
            "a:",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b", "a, b", "a:b", "a:80:80", "user@a", "http://a", "a/b", "[::1", "[]", "[::1]x",
            "a?b", "a#b", "\"a\"", "<a>",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
