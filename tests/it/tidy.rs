//! Style rules that a machine can check: lengths, dependencies between modules, reasons for
//! dependencies, documented settings, no panics.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::process::taskwell;

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const LINE_COLUMNS_MAX: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Returns all files below `folder`, with their path from the root, except built, downloaded and
/// personal files.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let own = name == ".env" || name.contains(".db") || name.ends_with(".jwt-secret");
        if own || ["target", "node_modules", "__pycache__", ".git"].contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn rust_files(folders: &[&str]) -> Vec<String> {
    let all = folders.iter().flat_map(|folder| files(folder));
    let rust: Vec<String> =
        all.filter(|path| Path::new(path).extension().is_some_and(|end| end == "rs")).collect();
    assert!(!rust.is_empty(), "no Rust in {folders:?}");
    rust
}

/// Returns the code of a file without its tests, comments and string contents.
fn code(path: &str) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().unwrap();
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").unwrap_or(rest.len()),
            '"' => text_length(rest),
            'r' if rest.starts_with("r\"") => 2 + rest[2..].find('"').unwrap() + 1,
            'r' if rest.starts_with("r#\"") => 3 + rest[3..].find("\"#").unwrap() + 2,
            '\'' if rest.starts_with("'\"'") => 3,
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    code
}

/// Returns the length of the string literal that begins here, with its quotes.
fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    panic!("a text without an end: {rest}");
}

/// Returns all names in a file's code.
fn names(path: &str) -> BTreeSet<String> {
    let code = code(path);
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn forbid(folder: &str, forbidden: &[&str]) {
    for path in rust_files(&[folder]) {
        let found = names(&path);
        for name in forbidden {
            assert!(!found.contains(*name), "{path} names {name}, which {folder} must not know");
        }
    }
}

#[test]
fn no_file_is_longer_than_one_can_read() {
    for path in rust_files(&["core", "http", "server", "tests", "bench"]) {
        let lines = read(&path).lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path} has {lines} lines, {FILE_LINES_MAX} allowed");
    }
}

#[test]
fn no_line_is_wider_than_100_columns() {
    for path in rust_files(&["core", "http", "server", "tests", "bench"]) {
        for (number, line) in read(&path).lines().enumerate() {
            // A long word, such as a hash, cannot be wrapped.
            let is_wide = line.chars().count() > LINE_COLUMNS_MAX && line.trim().contains(' ');
            assert!(!is_wide, "{path}:{} is wider than {LINE_COLUMNS_MAX} columns", number + 1);
        }
    }
}

#[test]
fn no_function_is_longer_than_a_screen() {
    for path in rust_files(&["core", "http", "server", "tests"]) {
        let text = read(&path);
        let mut open: Option<(usize, usize, &str)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let words = line.trim_start().split('(').next().unwrap();
            if open.is_none()
                && line.ends_with(['{', '('])
                && words.split(' ').any(|word| word == "fn")
            {
                open = Some((number, indent, line));
            }
            // rustfmt aligns a function's closing brace with its first letter.
            if let Some((start, at, head)) = open
                && indent == at
                && line.trim() == "}"
            {
                let lines = number - start + 1;
                assert!(
                    lines <= FUNCTION_LINES_MAX,
                    "{path}: {lines} lines, {FUNCTION_LINES_MAX} allowed: {head}"
                );
                open = None;
            }
        }
    }
}

#[test]
fn each_file_says_what_lives_in_it() {
    for path in rust_files(&["core", "http", "server", "tests"]) {
        assert!(read(&path).starts_with("//! "), "{path} does not begin with //!");
    }
}

#[test]
fn core_knows_no_transport_and_its_driver_alone_a_runtime() {
    forbid("core/src", &["axum", "http", "hyper", "tower", "tower_http", "clap", "taskwell_http"]);
    let with_tokio =
        rust_files(&["core/src"]).into_iter().filter(|path| names(path).contains("tokio"));
    assert!(
        with_tokio
            .inspect(|path| assert!(
                path.starts_with("core/src/db/postgres/"),
                "{path} names tokio"
            ))
            .count()
            > 0
    );
}

#[test]
fn migrations_come_in_pairs() {
    let files = std::fs::read_dir(root().join("core/migrations")).unwrap();
    let files: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!files.is_empty());
    for file in &files {
        let (name, database) = file.strip_suffix(".sql").unwrap().rsplit_once('.').unwrap();
        let other = if database == "sqlite" { "postgres" } else { "sqlite" };
        assert!(files.contains(&format!("{name}.{other}.sql")), "{file} has no pair");
    }
}

#[test]
fn http_knows_no_storage_and_no_process() {
    // The closures that `http` passes to the app get a transaction, but cannot name tables or
    // queries.
    forbid("http/src", &["db", "sql", "rusqlite", "clap", "std::env"]);
}

#[test]
fn the_rules_of_a_model_know_no_store() {
    for noun in ["tasks", "sessions", "tokens", "users", "mail", "totp", "audit", "idempotency"] {
        let names = names(&format!("core/src/{noun}/model.rs"));
        assert!(
            !names.contains("sql") && !names.contains("ReadTx"),
            "{noun}/model.rs knows the store"
        );
    }
}

#[test]
fn no_query_is_written_outside_the_sql_modules() {
    for path in rust_files(&["core/src", "http/src", "server/src"]) {
        let storage = path.contains("/db/")
            || path.ends_with("/sql.rs")
            || path.ends_with("changes/mod.rs")
            || path.ends_with("tasks/search.rs")
            // Tables of other programs.
            || path.ends_with("import/tables.rs");
        let text = read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap();
        for verb in ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE "] {
            assert!(storage || !text.contains(verb), "{path} has a query");
        }
    }
}

#[test]
fn nothing_panics_outside_tests() {
    let forbidden = [
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        "panic!(",
        "todo!(",
        "unimplemented!(",
        "unreachable!(",
        "dbg!(",
        "unsafe ",
    ];
    let all = rust_files(&["core/src", "http/src", "server/src"]).into_iter();
    // The model checker is compiled for tests only.
    let is_test = |path: &String| path.ends_with("/tests.rs") || path.contains("/sync/model");
    for path in all.filter(|path| !is_test(path)) {
        let code = code(&path);
        for word in forbidden {
            assert!(!code.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn tests_wait_for_conditions_and_never_for_a_fixed_time() {
    // In pieces, so that this file does not contain it.
    let call = ["sleep", "("].concat();
    for path in rust_files(&["tests"]) {
        let sleeps = read(&path).contains(&call);
        assert!(!sleeps || path.ends_with("support/wait.rs"), "{path} sleeps: use support/wait.rs");
    }
}

/// Returns the texts in backticks in the first column of a document's tables.
fn first_column(document: &str) -> BTreeSet<String> {
    let text = read(document);
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let names: BTreeSet<String> = cells.map(|(name, _)| name.to_owned()).collect();
    assert!(!names.is_empty(), "{document} has no table");
    names
}

#[test]
fn each_dependency_has_a_reason_and_each_reason_a_dependency() {
    let manifest = read("Cargo.toml");
    let section =
        manifest.split("[workspace.dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let names =
        section.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned());
    let mut wanted: BTreeSet<String> =
        names.filter(|name| !name.starts_with("taskwell-")).collect();
    let packages: serde_json::Value = serde_json::from_str(&read("http/ui/package.json")).unwrap();
    let packages =
        ["dependencies", "devDependencies"].map(|kind| packages[kind].as_object().unwrap().clone());
    for (name, version) in packages.iter().flatten() {
        let exact = version.as_str().unwrap().chars().all(|c| c.is_ascii_digit() || c == '.');
        assert!(exact, "http/ui/package.json does not pin {name}: {version}");
    }
    wanted.extend(packages.iter().flatten().map(|(name, _)| name.clone()));
    assert_eq!(wanted, first_column("docs/dependencies.md"));
    assert!(
        !read("http/ui/package-lock.json").contains("\"resolved\""),
        "the lock file names a registry"
    );
    for member in ["core", "http", "server"] {
        let text = read(&format!("{member}/Cargo.toml"));
        let dependencies =
            text.split("dependencies]\n").skip(1).filter_map(|section| section.split("\n[").next());
        for line in dependencies.flat_map(str::lines).filter(|line| !line.is_empty()) {
            assert!(
                line.contains("workspace = true"),
                "{member}/Cargo.toml has a version of its own: {line}"
            );
        }
    }
}

#[test]
fn each_setting_is_in_the_documents_and_each_documented_one_exists() {
    let folder = tempfile::tempdir().unwrap();
    let help = taskwell(folder.path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let set = |c: char| !c.is_ascii_uppercase() && c != '_';
    let settings = help
        .split("[env:")
        .skip(1)
        .map(|after| after.trim_start().split(set).next().unwrap().to_owned());
    let settings: BTreeSet<String> = settings.collect();
    assert!(settings.contains("DATABASE_URL"), "{help}");
    let documented = first_column("docs/configuration.md");
    let upper = |name: &String| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    assert_eq!(settings, documented.into_iter().filter(upper).collect());
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    // In pieces, so that this file does not name them.
    let paths = ["work", "root", "home", "Users"].map(|folder| format!("/{folder}/"));
    for path in files("") {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for folder in &paths {
                let inside = |at: usize| {
                    line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}*".contains(c))
                };
                let named = line.match_indices(folder.as_str()).any(|(at, _)| !inside(at));
                assert!(!named, "{path}:{}: {line}", number + 1);
            }
        }
    }
}

#[test]
fn each_route_of_the_older_contracts_stands_in_its_readme() {
    let document: serde_json::Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let (web, root) = (read("http/src/web/README.md"), read("http/src/root/README.md"));
    for path in
        document["paths"].as_object().unwrap().keys().filter(|path| !path.starts_with("/api/v1"))
    {
        let readme = if path.starts_with("/api") { &web } else { &root };
        assert!(readme.contains(path.as_str()), "{path}");
    }
}
