//! `/docs`: Swagger UI from the binary. Nothing on the page comes from another host.

use axum::Router;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use taskwell_core::app::App;

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Taskwell API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = "window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', \
deepLinking: true, tryItOutEnabled: true, persistAuthorization: false });\n";

/// Scripts and styles come only from this server. Swagger UI sets inline styles by script, which
/// this policy allows.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Returns the routes of the page and its assets.
pub fn routes() -> Router<App> {
    let assets = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs/assets",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some("Taskwell API"),
    });
    Router::new()
        .merge(assets.with_state(()))
        .route("/docs", get(page))
        .route("/docs/start.js", get(async || typed("text/javascript", START)))
}

async fn page() -> Response {
    let mut response = typed("text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}

/// Responds with the document that [`crate::openapi()`] returned.
pub fn document(text: &str) -> Response {
    typed("application/json", text.to_string())
}

fn typed(content_type: &'static str, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
