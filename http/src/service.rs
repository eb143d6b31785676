//! The path of each request: its id, normalization of its path, HTTP checks, CORS, the router, the
//! tree's error format, common headers, compression and the log line. This is one function instead
//! of layers, because each layer adds a cost to every request.

use std::convert::Infallible;
use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use taskwell_core::app::App;
use taskwell_core::client::Client;
use taskwell_core::error::Error;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::{Cors, CorsLayer};

use crate::client::{self, Network, Peer};
use crate::compress::{self, Asked};
use crate::idempotency::{self, InFlight};
use crate::options::Options;
use crate::request_id::{RequestId, X_REQUEST_ID};
use crate::tree::{Failure, Tree};
use crate::{account_pages, apis, head, headers, openapi, ops, root, swagger, ui, v1, web};

/// The trees. The first one that contains a path renders its failures.
const TREES: [Tree; 6] = [
    Tree { base: v1::BASE, render: v1::render },
    Tree { base: web::AUTH_BASE, render: web::render_auth },
    Tree { base: web::BASE, render: web::render },
    Tree { base: root::USER_BASE, render: root::render_user },
    Tree { base: root::AUTH_BASE, render: root::render_auth },
    // Contains all other paths.
    Tree { base: "", render: root::render_tasks },
];

/// The complete service: the five contracts, their documentation, and the endpoints for operators.
/// Cheap to clone.
#[derive(Clone)]
pub struct Service(Arc<Routes>);

struct Routes {
    router: Router,
    with_cors: Cors<Router>,
    /// For responses that bypass the router.
    cors: CorsLayer,
    running: InFlight,
    trusted_proxies: Vec<Network>,
    /// Whether clients reach this server by HTTPS.
    https: bool,
}

/// Builds the service for `app`.
pub fn service(app: App, options: &Options) -> Service {
    let document: Arc<str> = openapi::document(apis::all()).into();
    let https = app.settings().public_url.starts_with("https://");
    let contact: Option<Arc<str>> = options.security_contact.as_deref().map(Into::into);
    let readiness = options.readiness.clone();
    let plain = Router::new()
        .route("/version", get(ops::version))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(async move |app| ops::readyz(app, &readiness).await))
        .route("/openapi.json", get(async move || swagger::document(&document)))
        .route(
            "/.well-known/security.txt",
            get(async move || ops::security_txt(contact.as_deref())),
        )
        .route("/.well-known/change-password", get(account_pages::change_password))
        .route("/change-password", get(account_pages::change_page).post(account_pages::change))
        .route("/verify-email", get(account_pages::verify_page).post(account_pages::verify))
        .route("/reset-password", get(account_pages::reset_page).post(account_pages::reset))
        .route("/.well-known/jwks.json", get(ops::jwks))
        .merge(swagger::routes())
        .merge(ui::routes());
    let router = apis::all()
        .into_iter()
        .fold(plain, |routes, api| routes.merge(api.router))
        .fallback(async || Failure::NoRoute)
        .method_not_allowed_fallback(async || Failure::WrongMethod)
        .with_state(app);
    let cors = options.cors.layer();
    let with_cors = cors.layer(router.clone());
    let (running, trusted_proxies) = (InFlight::default(), options.trusted_proxies.clone());
    Service(Arc::new(Routes { router, with_cors, cors, running, trusted_proxies, https }))
}

impl Service {
    /// Handles one request of any kind.
    pub async fn answer(&self, mut request: Request) -> Response {
        let started = Instant::now();
        let id = RequestId::of(&request);
        head::normalize_path(&mut request);
        let asked = Asked::of(&request);
        if let Some(Peer(peer)) = request.extensions().get::<Peer>() {
            let address = client::address(*peer, request.headers(), &self.0.trusted_proxies);
            request.extensions_mut().insert(Client::of(address));
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let tree =
            TREES.iter().find(|tree| tree.holds(uri.path())).unwrap_or(&TREES[TREES.len() - 1]);
        let answered = AssertUnwindSafe(self.route(request)).catch_unwind().await;
        let response = answered.unwrap_or_else(|_| {
            Failure::Core(Error::Internal("a handler panicked".into())).into_response()
        });
        let mut response = compress::answer(&asked, tree.draw(response, &id)).await;
        headers::security_headers(response.headers_mut(), self.0.https);
        response.headers_mut().insert(X_REQUEST_ID, id.value());
        log(&method, &uri, &response, started, &id);
        response
    }

    async fn route(&self, request: Request) -> Response {
        if let Err(failure) = head::check(&request) {
            let origin = request.headers().get(header::ORIGIN).cloned();
            return self.refused(failure, origin).await;
        }
        if !idempotency::is_asked(&request) {
            return self.handle(request).await;
        }
        let origin = request.headers().get(header::ORIGIN).cloned();
        match self.0.running.admit(request).await {
            Ok((request, under_way)) => {
                let response = self.handle(request).await;
                drop(under_way);
                response
            }
            Err(failure) => self.refused(failure, origin).await,
        }
    }

    /// Responds to a request that is refused before routing. CORS headers let pages of allowed
    /// origins read the reason.
    async fn refused(&self, failure: Failure, origin: Option<HeaderValue>) -> Response {
        let Some(origin) = origin else {
            return failure.into_response();
        };
        let mut request = Request::default();
        request.headers_mut().insert(header::ORIGIN, origin);
        let refuse = service_fn(move |_: Request| {
            ready(Ok::<_, Infallible>(failure.clone().into_response()))
        });
        let Ok(response) = self.0.cors.layer(refuse).oneshot(request).await;
        response
    }

    async fn handle(&self, request: Request) -> Response {
        // Only browsers send `Origin`, and only they need CORS headers.
        let answered: Result<Response, Infallible> =
            if request.headers().contains_key(header::ORIGIN) {
                self.0.with_cors.clone().oneshot(request).await
            } else {
                self.0.router.clone().oneshot(request).await
            };
        let Ok(response) = answered;
        response
    }
}

/// Logs the request.
fn log(method: &Method, uri: &Uri, response: &Response, started: Instant, id: &RequestId) {
    if tracing::enabled!(tracing::Level::INFO) {
        let (path, status) = (uri.path(), response.status().as_u16());
        let duration_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        tracing::info!(%method, path, status, duration_ms, request_id = id.as_str(), "request");
    }
}
