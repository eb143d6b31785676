//! The web app as the server delivers it: files, headers, size.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::support::prepare::{Packages, WEB_APP, files, require_packages};
use crate::support::{Reply, Taskwell};

/// Maximum compressed size of a first load for a signed-in user.
const WEIGHT_MAX: usize = 90 * 1024;

/// Requests a document as browsers do.
async fn open(t: &Taskwell, path: &str) -> Reply {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    t.get(path).header("accept", accept).send().await
}

/// Returns the addresses of the page's own files in a text.
fn assets(text: &str) -> BTreeSet<String> {
    text.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect()
}

/// Whether a file's name changes with its content.
fn is_hashed(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(name, _)| {
        let hash = name.rsplit('-').next().unwrap();
        hash.len() == 8 && hash.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}

fn pressed(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

#[tokio::test]
async fn the_page_is_html_for_browsers_and_the_root_stays_json_for_programs() {
    let t = Taskwell::on_sqlite();
    for path in ["/", "/app", "/app/board", "/app/anything/at/all"] {
        let reply = open(&t, path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(reply.text().starts_with("<!doctype html>"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-cache"), "{path}");
        let vary = reply.header("vary").unwrap();
        assert!(vary.contains("accept") && vary.contains("accept-encoding"), "{path}: {vary}");
    }
    for accept in ["*/*", "application/json"] {
        let reply = t.get("/").header("accept", accept).send().await;
        assert!(reply.header("content-type").unwrap().contains("application/json"), "{reply:?}");
        reply.json();
    }
    t.get("/").send().await.json();
}

#[tokio::test]
async fn the_pages_policy_lets_nothing_in_from_elsewhere_and_no_script_within() {
    let t = Taskwell::on_sqlite();
    let reply = open(&t, "/").await;
    let policy = reply.header("content-security-policy").unwrap();
    for needed in
        ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    for word in ["unsafe", "http:", "https:", "data:", "blob:", "*"] {
        assert!(!policy.contains(word), "{word} in {policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    let mut scripts = reply.text().split("<script").skip(1);
    assert!(
        scripts.all(|script| script.contains(" src=\"/assets/") && script.contains("></script>"))
    );
    assert!(!reply.text().contains("style=\"") && !reply.text().contains("<style"));
}

#[tokio::test]
async fn files_of_the_page_are_kept_for_ever_and_sent_pressed() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    for path in assets(html.text()).iter().filter(|path| is_hashed(path)) {
        let plain = t.get(path).send().await;
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(
            plain.header("cache-control"),
            Some("public, max-age=31536000, immutable"),
            "{path}"
        );
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let zipped = t.get(path).header("accept-encoding", "br, gzip;q=0.8").send().await;
        if Path::new(path).extension().is_some_and(|end| end == "png") {
            assert_eq!(zipped.header("content-encoding"), None, "{path}");
            continue;
        }
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(zipped.header("vary"), Some("accept-encoding"), "{path}");
        let mut unpacked = Vec::new();
        GzDecoder::new(zipped.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body, "{path}");
        let refused = t.get(path).header("accept-encoding", "gzip;q=0").send().await;
        assert_eq!(refused.header("content-encoding"), None, "{path}");
    }
}

#[tokio::test]
async fn files_that_the_page_does_not_have_are_not_found() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    let main = assets(html.text()).into_iter().find(|path| path.contains("/app-")).unwrap();
    for path in [
        "/assets/app-00000000.js".to_owned(),
        main.replace("/assets/", "/assets/assets/"),
        main.replace("app-", "%2e%2e/app-"),
        "/assets/index.html".to_owned(),
        "/assets/../../../Cargo.toml".to_owned(),
        "/assets/%2e%2e/%2e%2e/Cargo.toml".to_owned(),
        "/assets/".to_owned(),
    ] {
        let reply = t.get(&path).send().await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.json()["detail"].is_string(), "{path}: {reply:?}");
    }
}

#[tokio::test]
async fn the_worker_keeps_all_files_of_the_page_and_asks_for_each_new_version() {
    let t = Taskwell::on_sqlite();
    let worker = t.get("/assets/sw.js").send().await;
    assert_eq!(worker.header("service-worker-allowed"), Some("/"));
    assert_eq!(worker.header("cache-control"), Some("no-cache"));
    let kept = assets(worker.text());
    let html = open(&t, "/").await;
    for path in assets(html.text()).iter().filter(|path| is_hashed(path)) {
        assert!(kept.contains(path), "{path} is not kept");
    }
    let built = files(&Path::new(WEB_APP).join("dist/assets"));
    let scripts = built.iter().filter(|path| path.extension().is_some_and(|end| end == "js"));
    for path in scripts {
        assert!(
            kept.contains(&format!("/assets/{}", path.display())),
            "{} is not kept",
            path.display()
        );
    }
    for path in kept.iter().filter(|path| is_hashed(path)) {
        assert_eq!(t.get(path).send().await.status, 200, "{path}");
    }
    let manifest = t.get("/assets/manifest.webmanifest").send().await;
    assert_eq!(manifest.header("content-type"), Some("application/manifest+json"));
    for icon in manifest.json()["icons"].as_array().unwrap() {
        assert_eq!(t.get(icon["src"].as_str().unwrap()).send().await.status, 200, "{icon}");
    }
}

#[tokio::test]
async fn a_first_load_weighs_less_than_90_kib() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    let mut weight = pressed(&html.body) + pressed(&t.get("/assets/sw.js").send().await.body);
    // The files that the shell names, and the scripts that its script needs to start.
    for path in assets(html.text()).iter().filter(|path| !path.contains("licenses")) {
        let body = t.get(path).send().await.body;
        let is_picture = Path::new(path).extension().is_some_and(|end| end == "png");
        weight += if is_picture { body.len() } else { pressed(&body) };
    }
    assert!(weight <= WEIGHT_MAX, "{weight} bytes, {WEIGHT_MAX} allowed");
}

#[tokio::test]
async fn a_script_has_a_source_map_and_the_bundle_its_licences() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    for path in assets(html.text()).iter().filter(|path| path.contains(".js")) {
        let script = t.get(path).send().await;
        let map = script.text().rsplit_once("//# sourceMappingURL=").unwrap().1.trim();
        let map = t.get(&format!("/assets/{map}")).send().await.json();
        for source in map["sources"].as_array().unwrap() {
            assert!(source.as_str().unwrap().starts_with("../../"), "{source}");
        }
    }
    let licences = t.get("/assets/licenses.txt").send().await;
    assert_eq!(licences.header("content-type"), Some("text/plain; charset=utf-8"));
    for package in ["preact", "@preact/signals", "@preact/signals-core"] {
        let about = std::fs::read(
            require_packages(Packages::WebApp)
                .join("node_modules")
                .join(package)
                .join("package.json"),
        )
        .unwrap();
        let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
        let line = format!(
            "{package} {} ({})",
            about["version"].as_str().unwrap(),
            about["license"].as_str().unwrap()
        );
        assert!(licences.text().contains(&line), "{line}");
    }
}
