//! CORS: the origins whose pages may send requests, and the headers that they may read.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::http::header::{self, HeaderValue};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::request_id::X_REQUEST_ID;
use crate::tree::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// Origins whose pages may send requests (003, "CORS enabled for frontend integration").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// These origins, such as `https://app.example.org`.
    Origins(Vec<String>),
    /// Any origin, without credentials.
    Any,
}

/// Ports of common front-end development servers.
const DEV_PORTS: [u16; 12] =
    [3000, 3001, 4173, 4200, 4321, 5000, 5173, 5174, 5500, 8080, 8081, 9000];

impl Default for Cors {
    /// Allows the development servers on this machine.
    fn default() -> Cors {
        let origins = DEV_PORTS.into_iter().flat_map(|port| {
            ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"))
        });
        Cors::Origins(origins.collect())
    }
}

impl Cors {
    pub(crate) fn layer(&self) -> CorsLayer {
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            // Libraries for tracing, caching and tunnels add their own headers to each request.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([
                header::ETAG,
                header::LINK,
                header::LOCATION,
                header::RETRY_AFTER,
                RATE_LIMIT,
                RATE_LIMIT_POLICY,
                X_REQUEST_ID,
            ])
            .max_age(Duration::from_mins(10));
        match self {
            Cors::Any => layer.allow_origin(AllowOrigin::any()),
            Cors::Origins(origins) => {
                let values = origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok());
                // Shared, because the layer is cloned for each request.
                let known: Arc<HashSet<HeaderValue>> = Arc::new(values.collect());
                layer
                    .allow_origin(AllowOrigin::predicate(move |origin, _| known.contains(origin)))
                    .allow_credentials(true)
            }
        }
    }
}
