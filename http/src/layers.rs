//! What every request passes through: its id, its line in the log, headers that hold for all answers, CORS.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::Method;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;

/// A request's name in logs and in `X-Request-Id`: the client's, if it sent a decent one.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or("")
    }

    fn of(request: &Request) -> RequestId {
        let decent = |value: &&HeaderValue| {
            let bytes = value.as_bytes();
            (1..=REQUEST_ID_CHARS_MAX).contains(&bytes.len())
                && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        };
        let given = request.headers().get(X_REQUEST_ID).filter(decent);
        given.map_or_else(RequestId::next, |given| RequestId(given.clone()))
    }

    /// A number that starts anywhere and counts on: unique here, and most likely among instances.
    fn next() -> RequestId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static START: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
        let start = START.get_or_init(|| taskwell_core::clock::random_bytes().map_or(0, u64::from_be_bytes));
        let id = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let text = format!("{id:016x}");
        RequestId(HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0")))
    }
}

/// Names the request, times it, writes its line, and sets the headers that every answer has.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::of(&request);
    let line = tracing::enabled!(tracing::Level::INFO)
        .then(|| (request.method().clone(), request.uri().path().to_owned()));
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-cache"));
    if let Some((method, path)) = line {
        let status = response.status().as_u16();
        let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
        let duration_ms = (duration_ms * 1000.0).round() / 1000.0;
        tracing::info!(%method, path, status, duration_ms, request_id = id.as_str(), "request");
    }
    response.headers_mut().insert(X_REQUEST_ID, id.0);
    response
}

/// Which pages of other origins may call (003, "CORS enabled for frontend integration").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// These origins, such as `https://app.example.org`.
    Origins(Vec<String>),
    /// Any origin, without credentials.
    Any,
}

/// Where the usual front-end development servers listen.
const DEV_PORTS: [u16; 12] = [3000, 3001, 4173, 4200, 4321, 5000, 5173, 5174, 5500, 8080, 8081, 9000];

impl Default for Cors {
    /// The development servers on this machine.
    fn default() -> Cors {
        let origins = DEV_PORTS
            .into_iter()
            .flat_map(|port| ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}")));
        Cors::Origins(origins.collect())
    }
}

impl Cors {
    pub(crate) fn layer(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::ACCEPT,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                X_REQUEST_ID,
                HeaderName::from_static("idempotency-key"),
                HeaderName::from_static("x-requested-with"),
            ])
            .expose_headers([header::ETAG, header::LINK, header::LOCATION, header::RETRY_AFTER, X_REQUEST_ID])
            .max_age(Duration::from_secs(600));
        match self {
            Cors::Any => layer.allow_origin(AllowOrigin::any()),
            Cors::Origins(origins) => {
                let values = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok());
                layer.allow_origin(AllowOrigin::list(values)).allow_credentials(true)
            }
        }
    }
}
