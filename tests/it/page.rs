//! The page: its types, and what people do with it in Debian's Chromium. The tests themselves are in `tests/page`; what they
//! need comes from npm into `target/conformance`. Without a browser: how its files are handed out.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::packages::require;
use crate::support::workshop::{must, workshop};
use crate::support::{Reply, Taskwell};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/page");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../http/ui");
/// What the page may weigh, pressed, all views together.
const WEIGHT_MAX: usize = 60 * 1024;

/// One browser at a time: they measure, and the machine may be small.
static BROWSER: Mutex<()> = Mutex::new(());

/// A folder with the tests and what they need.
fn place() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    require("npm", &["nodejs", "npm"]);
    let place = workshop().join("page");
    std::fs::create_dir_all(&place).unwrap();
    for file in std::fs::read_dir(TESTS).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), place.join(file.file_name())).unwrap();
        }
    }
    let wanted = std::fs::read_to_string(place.join("package.json")).unwrap();
    let stamp = place.join("installed");
    if std::fs::read_to_string(&stamp).ok() != Some(wanted.clone()) {
        must(Command::new("npm").current_dir(&place).args([
            "install",
            "--no-audit",
            "--no-fund",
            "--silent",
        ]));
        std::fs::write(stamp, wanted).unwrap();
    }
    place
}

/// Node with a file of `tests/page`, the real binary and a browser.
fn node(arguments: &[&str]) {
    let place = place();
    require("chromium", &["chromium"]);
    let _browser = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new("node")
        .current_dir(&place)
        .args(arguments)
        .env("TASKWELL", env!("CARGO_BIN_EXE_taskwell"))
        .env("REPOSITORY", concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn in_the_browser(file: &str) {
    node(&["--test", "--test-concurrency=1", "--test-reporter=spec", file]);
}

#[test]
fn accounts_in_the_browser() {
    in_the_browser("accounts.test.mjs");
}

#[test]
fn a_net_that_comes_and_goes_in_the_browser() {
    in_the_browser("offline.test.mjs");
}

#[test]
fn conflicts_in_the_browser() {
    in_the_browser("conflicts.test.mjs");
}

#[test]
fn sessions_that_end_and_browsers_that_keep_nothing() {
    in_the_browser("keeping.test.mjs");
}

#[test]
fn tasks_in_the_browser() {
    in_the_browser("tasks.test.mjs");
}

#[test]
fn words_and_days_in_the_browser() {
    in_the_browser("words.test.mjs");
}

#[test]
fn the_board_and_what_happens_elsewhere_in_the_browser() {
    in_the_browser("board.test.mjs");
}

#[test]
fn everybody_can_see_hear_and_reach_it_in_the_browser() {
    in_the_browser("look.test.mjs");
}

#[test]
fn the_keyboard_does_everything_in_the_browser() {
    in_the_browser("keyboard.test.mjs");
}

#[test]
fn many_tasks_in_the_browser() {
    in_the_browser("speed.test.mjs");
}

#[test]
fn the_types_hold() {
    must(Command::new("npx").current_dir(place()).arg("tsc"));
}

/// How browsers ask for a document.
async fn open(t: &Taskwell, path: &str) -> Reply {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    t.get(path).header("accept", accept).send().await
}

/// The addresses of the page's own files in a text.
fn assets(text: &str) -> BTreeSet<String> {
    text.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned).collect()
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
    for needed in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    for word in ["unsafe", "http:", "https:", "data:", "blob:", "*"] {
        assert!(!policy.contains(word), "{word} in {policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    // Its only script inside the document is the import map.
    let inside: Vec<&str> = reply.text().split("<script").skip(1).collect();
    let own = inside.iter().filter(|script| !script.contains("src=\"/assets/"));
    assert_eq!(own.filter(|script| !script.starts_with(" type=\"importmap\"")).count(), 0);
    assert!(!reply.text().contains("style=\"") && !reply.text().contains("<style"));
}

#[tokio::test]
async fn files_of_the_page_are_kept_for_ever_and_sent_pressed() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    for path in assets(html.text()).iter().filter(|path| !path.ends_with(".webmanifest")) {
        let plain = t.get(path).send().await;
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
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
    let main = assets(html.text()).into_iter().find(|path| path.ends_with("/app.js")).unwrap();
    let here = main.strip_suffix("app.js").unwrap();
    for path in [
        "/assets/0000000000000000/app.js".to_owned(),
        format!("{here}app/types.d.ts"),
        format!("{here}vendor/vendor.json"),
        format!("{here}app/../../../Cargo.toml"),
        format!("{here}app/%2e%2e/%2e%2e/Cargo.toml"),
        format!("{here}index.html"),
        format!("{here}app/"),
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
    for path in assets(html.text()) {
        assert!(kept.contains(&path) || path.ends_with(".webmanifest"), "{path} is not kept");
    }
    for path in &kept {
        if path.matches('/').count() > 2 {
            assert_eq!(t.get(path).send().await.status, 200, "{path}");
        }
    }
    let manifest = t.get("/assets/manifest.webmanifest").send().await;
    assert_eq!(manifest.header("content-type"), Some("application/manifest+json"));
    for icon in manifest.json()["icons"].as_array().unwrap() {
        assert_eq!(t.get(icon["src"].as_str().unwrap()).send().await.status, 200, "{icon}");
    }
}

#[tokio::test]
async fn the_page_weighs_less_than_60_kib() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    let worker = t.get("/assets/sw.js").send().await;
    let mut weight = pressed(&html.body) + pressed(&worker.body);
    for path in assets(worker.text()).iter().filter(|path| path.matches('/').count() > 2) {
        let body = t.get(path).send().await.body;
        let is_picture = Path::new(path).extension().is_some_and(|end| end == "png");
        weight += if is_picture { body.len() } else { pressed(&body) };
    }
    assert!(weight <= WEIGHT_MAX, "{weight} bytes, {WEIGHT_MAX} allowed");
}

#[test]
fn what_the_page_takes_from_others_is_what_they_published() {
    let read = |path: &str| std::fs::read(Path::new(PAGE).join("vendor").join(path)).unwrap();
    let list: Value = serde_json::from_slice(&read("vendor.json")).unwrap();
    let licences = String::from_utf8(read("LICENSES.txt")).unwrap();
    let mut named = BTreeSet::from(["vendor.json".to_owned(), "LICENSES.txt".to_owned()]);
    let installed = place().join("node_modules");
    for entry in list.as_array().unwrap() {
        let text = |member: &str| entry[member].as_str().unwrap_or_else(|| panic!("{member}: {entry}"));
        let ours = read(text("file"));
        let mut hash = String::new();
        for byte in Sha256::digest(&ours) {
            write!(hash, "{byte:02x}").unwrap();
        }
        assert_eq!(hash, text("sha256"), "{entry}");
        let package = installed.join(text("name"));
        assert_eq!(std::fs::read(package.join(text("path"))).unwrap(), ours, "{entry}");
        let about: Value =
            serde_json::from_slice(&std::fs::read(package.join("package.json")).unwrap()).unwrap();
        assert_eq!((&about["version"], &about["license"]), (&entry["version"], &entry["license"]), "{entry}");
        assert!(licences.contains(&format!("{} {}", text("name"), text("version"))), "{entry}");
        named.insert(text("file").to_owned());
    }
    let there = std::fs::read_dir(Path::new(PAGE).join("vendor")).unwrap();
    let there: BTreeSet<String> =
        there.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, named);
}

#[test]
#[ignore = "draws docs/screenshot.png anew"]
fn screenshot() {
    node(&["screenshot.mjs"]);
}
