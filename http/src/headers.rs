//! What every answer tells a browser, whatever its route and whether it went well: to take it for
//! nothing but what it is.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Answers are data: nothing is loaded by them, and they are shown in no frame. A page says what it
/// needs itself.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Two years, as preload lists ask. Subdomains may be somebody else's.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Puts them in. `https` says that people reach this server by HTTPS alone.
pub fn security_headers(headers: &mut HeaderMap, https: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(COOP, HeaderValue::from_static("same-origin"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CSP);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}
