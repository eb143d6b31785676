//! Security headers of all responses, whatever the route and the status.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Responses are data: they load nothing, and no frame may show them. Pages set their own policy.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Two years, as preload lists require. Subdomains are not included, because they may belong to
/// others.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Adds the headers. `https` means that clients reach this server only by HTTPS.
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
