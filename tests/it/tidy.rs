//! Style that a machine can check.

use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(ROOT).join(folder), &mut found);
    assert!(!found.is_empty(), "{folder}");
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap()
}

#[test]
fn no_file_is_longer_than_400_lines_and_each_says_what_it_is() {
    for folder in ["core/src", "http/src", "server/src", "bench/src", "tests/it"] {
        for (path, text) in sources(folder) {
            assert!(text.lines().count() <= 400, "{} wants to be two", path.display());
            assert!(text.starts_with("//!"), "{} does not say what lives there", path.display());
        }
    }
}

#[test]
fn imports_go_one_way() {
    let none_names = |folder: &str, words: &[&str]| {
        for (path, text) in sources(folder) {
            for word in words {
                assert!(!text.contains(word), "{} names {word}", path.display());
            }
        }
    };
    none_names("core/src", &["axum", "tokio", "hyper", "taskwell_http"]);
    none_names("http/src", &["core::db", "::sql::", "rusqlite"]);
    none_names("http/src/web", &["crate::v1", "crate::root"]);
    none_names("http/src/root", &["crate::v1", "crate::web"]);
    none_names("http/src/v1", &["crate::web", "crate::root"]);
    none_names("core/src/users", &["crate::sessions", "crate::tasks"]);
    none_names("core/src/changes", &["crate::sessions", "crate::tasks"]);
    none_names("core/src/tasks", &["crate::sessions"]);
    none_names("core/src/db", &["crate::users", "crate::sessions", "crate::tasks"]);
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let reasons = read("docs/dependencies.md");
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains('=') && !line.starts_with("taskwell")) {
        let name = line.split('=').next().unwrap().trim();
        assert!(reasons.contains(&format!("| `{name}` |")), "{name} has no line in docs/dependencies.md");
    }
}

#[test]
fn each_setting_is_documented() {
    let told = read("docs/configuration.md");
    let config = read("server/src/config.rs");
    let names: Vec<&str> =
        config.split("env = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(told.contains(&format!("| `{name}` |")), "{name} is not in docs/configuration.md");
    }
}

#[test]
fn each_route_of_the_older_contracts_stands_in_its_readme() {
    let document: serde_json::Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let (web, root) = (read("http/src/web/README.md"), read("http/src/root/README.md"));
    for path in document["paths"].as_object().unwrap().keys().filter(|path| !path.starts_with("/api/v1")) {
        let readme = if path.starts_with("/api") { &web } else { &root };
        assert!(readme.contains(path.as_str()), "{path}");
    }
}
