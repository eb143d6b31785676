//! The web app: that its build is that of its sources, and what people do with it in Debian's Chromium. The tests themselves
//! are in `tests/page`; what they need comes from npm into `target/conformance`. Without a browser: how its files are
//! handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::support::packages::require;
use crate::support::web_app::{SOURCES, files, sources, tests};
use crate::support::workshop::must;
use crate::support::{Reply, Taskwell};

/// What a first load may weigh for somebody who is signed in, compressed.
const WEIGHT_MAX: usize = 90 * 1024;

/// One browser at a time: they measure, and the machine may be small.
static BROWSER: Mutex<()> = Mutex::new(());

/// Node with a file of `tests/page`, the real binary and a browser.
fn node(arguments: &[&str]) {
    let (place, sources) = (tests(), sources());
    require("chromium", &["chromium"]);
    let _browser = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new("node")
        .current_dir(place)
        .args(arguments)
        .env("TASKWELL", env!("CARGO_BIN_EXE_taskwell"))
        .env("WEB_APP", sources)
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
fn what_is_typed_is_not_lost_in_the_browser() {
    in_the_browser("typed.test.mjs");
}

#[test]
fn acts_touch_what_is_shown_in_the_browser() {
    in_the_browser("acts.test.mjs");
}

#[test]
fn tasks_in_the_browser() {
    in_the_browser("tasks.test.mjs");
}

#[test]
fn languages_in_the_browser() {
    in_the_browser("language.test.mjs");
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
fn what_is_typed_and_added_does_what_was_meant_in_the_browser() {
    in_the_browser("meant.test.mjs");
}

#[test]
fn forms_and_questions_in_the_browser() {
    in_the_browser("asking.test.mjs");
}

#[test]
fn nobody_is_shut_out_in_the_browser() {
    in_the_browser("access.test.mjs");
}

#[test]
fn badges_cards_and_the_page_without_javascript_in_the_browser() {
    in_the_browser("reach.test.mjs");
}

#[test]
fn back_reload_and_links_in_the_browser() {
    in_the_browser("history.test.mjs");
}

#[test]
fn many_tasks_in_the_browser() {
    in_the_browser("speed.test.mjs");
}

#[test]
fn the_committed_build_is_that_of_the_sources() {
    must(Command::new("npm").current_dir(sources()).args(["run", "--silent", "build"]));
    let (ours, built) = (Path::new(SOURCES).join("dist"), sources().join("dist"));
    let advice = "run `npm ci && npm run build` in http/ui";
    assert_eq!(files(&ours), files(&built), "{advice}");
    for path in files(&built) {
        let same = std::fs::read(ours.join(&path)).unwrap() == std::fs::read(built.join(&path)).unwrap();
        assert!(same, "{} differs: {advice}", path.display());
    }
}

/// The web app knows some answers by their words.
#[test]
fn the_answers_that_the_web_app_knows_are_those_of_the_server() {
    let source = |path: &str| std::fs::read_to_string(Path::new(SOURCES).join(path)).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut server = String::new();
    for folder in ["core/src", "http/src"].map(|folder| repository.join(folder)) {
        let rust = files(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
        rust.for_each(|path| server.push_str(&std::fs::read_to_string(folder.join(path)).unwrap()));
    }
    let (german, forms) = (source("src/texts/de.ts"), source("src/account/forms.tsx"));
    let blamed = forms.split("const BLAMED").nth(1).unwrap().split("};").next().unwrap();
    let details = german.split("details: {").nth(1).unwrap().split("    },").next().unwrap();
    let known: Vec<&str> = [blamed, details]
        .iter()
        .flat_map(|part| part.lines())
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\":").map(|(key, _)| key))
        .collect();
    assert!(known.len() > 10, "{known:?}");
    for words in known {
        assert!(server.contains(words), "no answer of the server says: {words}");
    }
}

#[test]
fn the_sources_satisfy_the_type_checker_eslint_and_prettier() {
    must(Command::new("npm").current_dir(sources()).args(["run", "--silent", "check"]));
}

/// The files of the web app that a file of it imports, for their types alone or when they are wanted, too.
fn imports(path: &Path) -> BTreeSet<PathBuf> {
    let src = Path::new(SOURCES).join("src");
    let folder = path.parent().unwrap();
    let text = std::fs::read_to_string(src.join(path)).unwrap();
    let named = ["from \".", "import(\".", "import \"."].map(|before| text.split(before).skip(1));
    let named = named.into_iter().flatten().map(|after| format!(".{}", after.split('"').next().unwrap()));
    let found = named.map(|name| {
        let mut at = folder.to_owned();
        for part in name.split('/') {
            match part {
                "." => {}
                ".." => drop(at.pop()),
                part => at.push(part),
            }
        }
        let at = at.to_str().unwrap();
        let files = ["ts", "tsx"].map(|end| PathBuf::from(format!("{at}.{end}")));
        let mut files = files.into_iter().chain([Path::new(at).join("index.ts")]);
        files.find(|file| src.join(file).is_file()).unwrap_or_else(|| panic!("{}: {name}", path.display()))
    });
    found.collect()
}

#[test]
fn no_files_of_the_web_app_import_each_other() {
    let is_script = |path: &PathBuf| path.extension().is_some_and(|end| end == "ts" || end == "tsx");
    let scripts = files(&Path::new(SOURCES).join("src")).into_iter().filter(is_script);
    let mut waiting: BTreeMap<_, _> = scripts.map(|path| (path.clone(), imports(&path))).collect();
    assert!(waiting.len() > 30, "{} files", waiting.len());
    // Those that import nothing that is left go, until none is left.
    while !waiting.is_empty() {
        let done: Vec<PathBuf> = waiting
            .iter()
            .filter(|(_, imports)| imports.iter().all(|path| !waiting.contains_key(path)))
            .map(|(path, _)| path.clone())
            .collect();
        assert!(!done.is_empty(), "a circle among {:?}", waiting.keys());
        waiting.retain(|path, _| !done.contains(path));
    }
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
    for needed in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(policy.contains("require-trusted-types-for 'script'"), "{policy}");
    for word in ["unsafe", "http:", "https:", "data:", "blob:", "*"] {
        assert!(!policy.contains(word), "{word} in {policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
    let mut scripts = reply.text().split("<script").skip(1);
    assert!(scripts.all(|script| script.contains(" src=\"/assets/") && script.contains("></script>")));
    assert!(!reply.text().contains("style=\"") && !reply.text().contains("<style"));
}

#[tokio::test]
async fn files_of_the_page_are_kept_for_ever_and_sent_pressed() {
    let t = Taskwell::on_sqlite();
    let html = open(&t, "/").await;
    for path in assets(html.text()).iter().filter(|path| is_hashed(path)) {
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
    let built = files(&Path::new(SOURCES).join("dist/assets"));
    let scripts = built.iter().filter(|path| path.extension().is_some_and(|end| end == "js"));
    for path in scripts {
        assert!(kept.contains(&format!("/assets/{}", path.display())), "{} is not kept", path.display());
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
    // What the shell names, down to the scripts that its script cannot start without.
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
        let about = std::fs::read(sources().join("node_modules").join(package).join("package.json")).unwrap();
        let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
        let line = format!(
            "{package} {} ({})",
            about["version"].as_str().unwrap(),
            about["license"].as_str().unwrap()
        );
        assert!(licences.text().contains(&line), "{line}");
    }
}

#[test]
#[ignore = "draws docs/screenshot.png anew"]
fn screenshot() {
    node(&["screenshot.mjs"]);
}
