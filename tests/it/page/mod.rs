//! The web app: its build matches its sources, and it works in Debian's Chromium. The browser tests
//! are in `tests/page`; their npm packages are in `target/conformance`. Other tests check how the
//! server delivers its files.

mod served;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::support::prepare::{Packages, Program, WEB_APP, files, must, require, require_packages};

/// One browser at a time, because the tests measure and the machine may be small.
static BROWSER: Mutex<()> = Mutex::new(());

/// Runs a file of `tests/page` in Node, with the real binary and a browser.
fn node(arguments: &[&str]) {
    let [place, sources] = [Packages::BrowserTests, Packages::WebApp].map(require_packages);
    require(Program::Chromium);
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
    must(
        Command::new("npm")
            .current_dir(require_packages(Packages::WebApp))
            .args(["run", "--silent", "build"]),
    );
    let (ours, built) =
        (Path::new(WEB_APP).join("dist"), require_packages(Packages::WebApp).join("dist"));
    let advice = "run `npm ci && npm run build` in http/ui";
    assert_eq!(files(&ours), files(&built), "{advice}");
    for path in files(&built) {
        let same =
            std::fs::read(ours.join(&path)).unwrap() == std::fs::read(built.join(&path)).unwrap();
        assert!(same, "{} differs: {advice}", path.display());
    }
}

/// The web app recognizes some responses by their text.
#[test]
fn the_answers_that_the_web_app_knows_are_those_of_the_server() {
    let source = |path: &str| std::fs::read_to_string(Path::new(WEB_APP).join(path)).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut server = String::new();
    for folder in ["core/src", "http/src"].map(|folder| repository.join(folder)) {
        let rust = files(&folder)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "rs"));
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
    must(
        Command::new("npm")
            .current_dir(require_packages(Packages::WebApp))
            .args(["run", "--silent", "check"]),
    );
}

/// Returns the web app's files that a file imports, including type-only and dynamic imports.
fn imports(path: &Path) -> BTreeSet<PathBuf> {
    let src = Path::new(WEB_APP).join("src");
    let folder = path.parent().unwrap();
    let text = std::fs::read_to_string(src.join(path)).unwrap();
    let named = ["from \".", "import(\".", "import \"."].map(|before| text.split(before).skip(1));
    let named =
        named.into_iter().flatten().map(|after| format!(".{}", after.split('"').next().unwrap()));
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
        files
            .find(|file| src.join(file).is_file())
            .unwrap_or_else(|| panic!("{}: {name}", path.display()))
    });
    found.collect()
}

#[test]
fn no_files_of_the_web_app_import_each_other() {
    let is_script =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "ts" || end == "tsx");
    let scripts = files(&Path::new(WEB_APP).join("src")).into_iter().filter(is_script);
    let mut waiting: BTreeMap<_, _> = scripts.map(|path| (path.clone(), imports(&path))).collect();
    assert!(waiting.len() > 30, "{} files", waiting.len());
    // Remove files without remaining imports until none is left.
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

#[test]
#[ignore = "draws docs/screenshot.png anew"]
fn screenshot() {
    node(&["screenshot.mjs"]);
}
