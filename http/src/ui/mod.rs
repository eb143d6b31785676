//! The page at `/` and `/app`: its files, embedded, under names that change with their content. What the page does is in
//! `http/ui`; here is only how it is handed out.

mod link;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Path;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use taskwell_core::app::App;

use self::link::{link, without_comments};
use crate::compress::takes_gzip;
use crate::ops;
use crate::tree::Failure;

const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_FIRST: HeaderValue = HeaderValue::from_static("no-cache");
/// What stands in the templates for the folder of this version's files.
const PLACE: &str = "{{place}}";
const FILES: &str = "{{files}}";

#[derive(RustEmbed)]
#[folder = "ui/"]
#[include = "*.html"]
#[include = "*.js"]
#[include = "*.webmanifest"]
#[include = "app/*.js"]
#[include = "account/*.js"]
#[include = "style/*.css"]
#[include = "vendor/*.js"]
#[include = "icons/*.svg"]
#[include = "icons/*.png"]
struct Embedded;

/// The page, put together once.
struct Page {
    html: File,
    csp: HeaderValue,
    worker: File,
    manifest: File,
}

/// A file as it is sent.
struct File {
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    content_type: &'static str,
}

/// The routes of the page, and `/`, which programs get the version from.
pub fn routes() -> Router<App> {
    let page = Arc::new(Page::of_the_build());
    let shell = {
        let page = page.clone();
        async move |headers: HeaderMap| page.shell(&headers)
    };
    let root = {
        let page = page.clone();
        async move |headers: HeaderMap| {
            if prefers_html(&headers) { page.shell(&headers) } else { ops::version().await }
        }
    };
    let (worker, manifest) = (page.clone(), page.clone());
    Router::new()
        .route("/", get(root))
        .route("/app", get(shell.clone()))
        .route("/app/{*rest}", get(shell))
        .route("/assets/sw.js", get(async move |headers: HeaderMap| worker.worker(&headers)))
        .route(
            "/assets/manifest.webmanifest",
            get(async move |headers: HeaderMap| answer(&manifest.manifest, &headers, ASK_FIRST)),
        )
        .route("/assets/{version}/{*path}", get(async |path, headers: HeaderMap| asset(path, &headers)))
}

/// A browser that opens an address asks for HTML by name; programs and `fetch` do not.
fn prefers_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

impl Page {
    fn of_the_build() -> Page {
        let place = format!("/assets/{}", version());
        let list: Vec<String> = assets().iter().map(|(path, _)| format!("  \"{place}/{path}\",\n")).collect();
        let list = list.concat();
        let text = |path: &str| {
            let text = String::from_utf8_lossy(&content(path)).into_owned();
            text.replace(PLACE, &place).replace(FILES, &list)
        };
        let html = text("index.html");
        let csp = policy(&html);
        Page {
            html: File::new(html.into_bytes(), "text/html; charset=utf-8"),
            csp,
            worker: File::new(text("sw.js").into_bytes(), "text/javascript; charset=utf-8"),
            manifest: File::new(text("manifest.webmanifest").into_bytes(), "application/manifest+json"),
        }
    }

    /// The one document; which view it shows is the page's business.
    fn shell(&self, headers: &HeaderMap) -> Response {
        let mut response = answer(&self.html, headers, ASK_FIRST);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.csp.clone());
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

    /// The service worker lies among the assets and cares for the whole page.
    fn worker(&self, headers: &HeaderMap) -> Response {
        let mut response = answer(&self.worker, headers, ASK_FIRST);
        let allowed = HeaderName::from_static("service-worker-allowed");
        response.headers_mut().insert(allowed, HeaderValue::from_static("/"));
        // A worker has a policy of its own: what it may fetch.
        let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'");
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        response
    }
}

fn asset(Path((of, path)): Path<(String, String)>, headers: &HeaderMap) -> Response {
    match assets().iter().find(|(name, _)| of == version() && *name == path) {
        Some((_, file)) => answer(file, headers, FOREVER),
        None => Failure::NoRoute.into_response(),
    }
}

/// The files of this version: the page's own modules in one for each folder, its style sheets in one, and the others as they are.
fn assets() -> &'static [(String, File)] {
    static ASSETS: OnceLock<Vec<(String, File)>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let read = |path: &str| String::from_utf8_lossy(&content(path)).into_owned();
        let styles = ["style/base.css", "style/tasks.css", "style/account.css"].map(read);
        let made = [
            ("app.js", link("app", &["main"], &read)),
            ("account.js", link("account", &["sign", "settings", "admin"], &read)),
            ("page.css", without_comments(&styles.concat())),
        ];
        let made = made.into_iter().map(|(path, text)| (path.to_owned(), text.into_bytes()));
        let whole =
            paths().into_iter().filter(|path| path.starts_with("vendor/") || path.starts_with("icons/"));
        let whole = whole.map(|path| (path.to_string(), content(&path).into_owned()));
        made.chain(whole).map(|(path, bytes)| (path.clone(), File::new(bytes, kind(&path)))).collect()
    })
}

fn paths() -> Vec<Cow<'static, str>> {
    let mut paths: Vec<_> = Embedded::iter().collect();
    paths.sort();
    paths
}

/// Made of every file's name and content: another build has another.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        for path in paths() {
            hash.update(path.as_bytes());
            hash.update(content(&path));
        }
        let mut version = String::new();
        for byte in &hash.finalize()[..8] {
            // Writing to a string can't fail.
            let _ = write!(version, "{byte:02x}");
        }
        version
    })
}

/// The links to the style sheet and the icon, for pages that work without a script.
pub fn styles() -> String {
    let place = format!("/assets/{}", version());
    format!(
        "<link rel=\"stylesheet\" href=\"{place}/page.css\"><link rel=\"icon\" href=\"{place}/icons/icon.svg\">"
    )
}

fn content(path: &str) -> Cow<'static, [u8]> {
    Embedded::get(path).map(|file| file.data).unwrap_or_default()
}

/// Scripts and styles come from here alone; the one script inside the document, the import map, is named by its hash.
fn policy(html: &str) -> HeaderValue {
    let map =
        html.split_once("<script type=\"importmap\">").and_then(|(_, rest)| rest.split_once("</script>"));
    let hash = STANDARD.encode(Sha256::digest(map.map_or("", |(map, _)| map)));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'sha256-{hash}'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types taskwell"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

impl File {
    fn new(plain: Vec<u8>, content_type: &'static str) -> File {
        File { plain: plain.into(), gzip: OnceLock::new(), content_type }
    }

    /// Pressed once, when first asked for.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_modules_of_the_page_have_a_name_in_common() {
        let mut at: BTreeMap<String, Cow<'static, str>> = BTreeMap::new();
        for path in
            paths().into_iter().filter(|path| path.starts_with("app/") || path.starts_with("account/"))
        {
            let text = String::from_utf8_lossy(&content(&path)).into_owned();
            for line in text.lines() {
                let renames = line.starts_with("import ") && line.contains(" as ");
                assert!(!renames, "{path} renames: {line}");
                let line = line.trim_start_matches("export ").trim_start_matches("async ");
                let kinds = ["function ", "const ", "let ", "class "];
                if let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) {
                    let name: String =
                        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    let other = at.insert(name.clone(), path.clone());
                    assert_eq!(other, None, "{name} stands in {path}, too");
                }
            }
        }
        assert!(at.len() > 200, "{} names", at.len());
    }

    #[test]
    fn nothing_but_a_comment_looks_like_one() {
        for path in
            paths().into_iter().filter(|path| path.starts_with("app/") || path.starts_with("account/"))
        {
            let text = String::from_utf8_lossy(&content(&path)).into_owned();
            for opening in text.match_indices("/*").map(|(at, _)| &text[at..]) {
                assert!(
                    opening.starts_with("/** ") || opening.starts_with("/**\n"),
                    "{path}: {}",
                    &opening[..20]
                );
            }
            assert_eq!(text.matches("/*").count(), text.matches("*/").count(), "{path}");
        }
    }
}
