//! Endpoints for operators and their tools: liveness, readiness, version, public keys, security
//! contact.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use taskwell_core::app::App;
use taskwell_core::clock::Clock;
use taskwell_core::sessions::token::PublicKey;
use utoipa::ToSchema;

use crate::tree::{Failure, json};

/// Whether this instance accepts new requests; no longer once the process begins to stop.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Makes `/readyz` fail, so that load balancers choose other instances.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Serialize, ToSchema)]
pub struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct About {
    #[schema(example = "taskwell")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    #[schema(example = "/docs")]
    docs: &'static str,
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
}

/// Reports that the process runs.
pub async fn livez() -> Response {
    json(StatusCode::OK, &Health { status: "ok" })
}

/// How long the store may take to respond to a probe. Probes time out early themselves.
const PING_WITHIN: Duration = Duration::from_secs(1);

/// Reports whether the store responds and the process is not stopping.
pub async fn readyz(State(app): State<App>, readiness: &Readiness) -> Response {
    let stopping = readiness.0.load(Ordering::Relaxed);
    let status = if stopping {
        "stopping"
    } else if matches!(tokio::time::timeout(PING_WITHIN, app.ping()).await, Ok(Ok(()))) {
        return json(StatusCode::OK, &Health { status: "ok" });
    } else {
        "the database does not answer"
    };
    let mut response = json(StatusCode::SERVICE_UNAVAILABLE, &Health { status });
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Returns the public keys of access tokens (RFC 7517, RFC 8037); none if a secret signs them.
pub async fn jwks(State(app): State<App>) -> Response {
    let key = |key: &PublicKey| {
        let x = BASE64URL_NOPAD.encode(&key.x);
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key.id, "x": x
        })
    };
    let keys: Vec<_> = app.public_keys().iter().map(key).collect();
    let mut response = json(StatusCode::OK, &serde_json::json!({ "keys": keys }));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// Says where to report vulnerabilities (RFC 9116).
pub fn security_txt(contact: Option<&str>) -> Response {
    const YEAR_S: i64 = 365 * 86_400;
    let Some(contact) = contact else {
        return Failure::NoRoute.into_response();
    };
    let expires = Clock::default().now().plus_seconds(YEAR_S);
    let text = format!("Contact: {contact}\nExpires: {expires}\n");
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text)
        .into_response()
}

pub async fn version() -> Response {
    let about = About {
        name: "taskwell",
        version: env!("CARGO_PKG_VERSION"),
        docs: "/docs",
        openapi: "/openapi.json",
    };
    json(StatusCode::OK, &about)
}
