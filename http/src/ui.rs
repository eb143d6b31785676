//! The web app at `/` and `/app`: the embedded files that `http/ui/build.mjs` generates. This
//! module only serves them; the sources are in `http/ui`.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use taskwell_core::app::App;

use crate::compress::takes_gzip;
use crate::ops;
use crate::tree::Failure;

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");
/// Scripts and styles come only from this server. Inline scripts are forbidden.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors \
     'none'; require-trusted-types-for 'script'; trusted-types taskwell",
);
/// The folder of the files whose names change with their content.
const HASHED: &str = "assets/";

// `DIST`: the path and the content of each file.
include!(concat!(env!("OUT_DIR"), "/dist.rs"));

/// The files with fixed names.
struct WebApp {
    html: File,
    /// The same document, marked as from a server that sends no mail.
    html_without_mail: File,
    worker: File,
    manifest: File,
    licences: File,
}

/// A file and its encodings.
struct File {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    content_type: &'static str,
}

/// Returns the routes of the web app, including `/`, which gives programs the version.
pub fn routes() -> Router<App> {
    let web_app = Arc::new(WebApp::of_the_build());
    let shell = {
        let web_app = web_app.clone();
        async move |State(app): State<App>, headers: HeaderMap| web_app.shell(&app, &headers)
    };
    let root = {
        let web_app = web_app.clone();
        async move |State(app): State<App>, headers: HeaderMap| {
            if prefers_html(&headers) {
                web_app.shell(&app, &headers)
            } else {
                ops::version().await
            }
        }
    };
    let (worker, manifest, licences) = (web_app.clone(), web_app.clone(), web_app);
    let manifest = async move |headers: HeaderMap| answer(&manifest.manifest, &headers, ASK_FIRST);
    let licences = async move |headers: HeaderMap| answer(&licences.licences, &headers, ASK_FIRST);
    Router::new()
        .route("/", get(root))
        .route("/app", get(shell.clone()))
        .route("/app/{*rest}", get(shell))
        .route("/assets/sw.js", get(async move |headers: HeaderMap| worker.worker(&headers)))
        .route("/assets/manifest.webmanifest", get(manifest))
        .route("/assets/licenses.txt", get(licences))
        .route("/assets/{*name}", get(async |name, headers: HeaderMap| asset(name, &headers)))
}

/// Whether the request prefers HTML. A browser that opens an address names HTML; programs and
/// `fetch` do not.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

impl WebApp {
    fn of_the_build() -> WebApp {
        WebApp {
            html_without_mail: File::without_mail(),
            html: File::embedded("index.html"),
            worker: File::embedded("sw.js"),
            manifest: File::embedded("manifest.webmanifest"),
            licences: File::embedded("licenses.txt"),
        }
    }

    /// Responds with the only document, which chooses the view itself.
    fn shell(&self, app: &App, headers: &HeaderMap) -> Response {
        let html = if app.settings().mails { &self.html } else { &self.html_without_mail };
        let mut response = answer(html, headers, ASK_FIRST);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
        for (name, value) in [
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }

    /// Responds with the service worker. Its scope is the whole web app, although it is among the
    /// assets.
    fn worker(&self, headers: &HeaderMap) -> Response {
        let mut response = answer(&self.worker, headers, ASK_FIRST);
        let allowed = HeaderName::from_static("service-worker-allowed");
        response.headers_mut().insert(allowed, HeaderValue::from_static("/"));
        // A worker has its own policy, which restricts what it may fetch.
        let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

fn asset(Path(name): Path<String>, headers: &HeaderMap) -> Response {
    match assets().iter().find(|(known, _)| *known == name) {
        Some((_, file)) => answer(file, headers, FOREVER),
        None => Failure::NoRoute.into_response(),
    }
}

/// Returns the files whose names change with their content.
fn assets() -> &'static [(&'static str, File)] {
    static ASSETS: OnceLock<Vec<(&str, File)>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let hashed = DIST.iter().filter_map(|(path, _)| Some((*path, path.strip_prefix(HASHED)?)));
        hashed.map(|(path, name)| (name, File::embedded(path))).collect()
    })
}

/// Returns links to the style sheet and the icon, for pages without scripts.
pub fn styles() -> String {
    let named = |begin: &str, end: &str| {
        let found =
            assets().iter().find(|(name, _)| name.starts_with(begin) && name.ends_with(end));
        found.map_or("", |(name, _)| name)
    };
    format!(
        "<link rel=\"stylesheet\" href=\"/assets/{}\"><link rel=\"icon\" href=\"/assets/{}\">",
        named("page-", ".css"),
        named("icon-", ".svg")
    )
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

impl File {
    /// Returns a file of the build; empty if it is missing, which tests would detect.
    fn embedded(path: &str) -> File {
        let content = DIST.iter().find(|(known, _)| *known == path).map(|(_, content)| *content);
        let plain = Bytes::from_static(content.unwrap_or_default());
        File { plain, gzip: OnceLock::new(), content_type: kind(path) }
    }

    /// Returns the document, marked so that the web app offers nothing that needs mail.
    fn without_mail() -> File {
        let mut html = File::embedded("index.html");
        let marked =
            String::from_utf8_lossy(&html.plain).replacen("<html ", "<html data-mail=\"off\" ", 1);
        html.plain = marked.into_bytes().into();
        html
    }

    /// Returns the compressed file. The first call compresses it.
    fn pressed(&self) -> &Bytes {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            let pressed = encoder.write_all(&self.plain).and_then(|()| encoder.finish());
            pressed.map_or_else(|_| self.plain.clone(), Bytes::from)
        })
    }
}

fn answer(file: &File, headers: &HeaderMap, cache: HeaderValue) -> Response {
    let pressed = takes_gzip(headers) && file.content_type != "image/png";
    let body = if pressed { file.pressed().clone() } else { file.plain.clone() };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if pressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
