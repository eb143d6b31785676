//! Folders with packages from npm: the generated client, the web app, its tests in the browser.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pypi::CLIENTS;
use super::{announce, output_of};

const BROWSER_TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/page");
/// The sources of the web app.
pub const WEB_APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../http/ui");

/// Installs the packages that the file `wanted` names, unless an earlier run did.
fn install(folder: &Path, wanted: &str, command: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(folder.join(wanted)).unwrap();
    let stamp = folder.join("node_modules/.wanted");
    if std::fs::read_to_string(&stamp).ok().as_ref() == Some(&text) {
        return Ok(());
    }
    announce(&format!("fetching packages from npm into {}", folder.display()));
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args([command, "--no-audit", "--no-fund", "--silent"]);
    output_of(&mut npm).map_err(|cause| {
        format!("npm: {cause}. Run: npm {command} --prefix {}", folder.display())
    })?;
    std::fs::write(stamp, text).map_err(|e| e.to_string())
}

pub fn fetch_clients(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).unwrap();
    for file in ["package.json", "tsconfig.json", "session.ts"] {
        std::fs::copy(Path::new(CLIENTS).join(file), folder.join(file)).unwrap();
    }
    install(folder, "package.json", "install")
}

pub fn fetch_browser_tests(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).unwrap();
    for file in std::fs::read_dir(BROWSER_TESTS).unwrap().map(Result::unwrap) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    install(folder, "package.json", "install")
}

/// Replaces the copy by the current sources, and keeps its packages.
pub fn fetch_web_app(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "node_modules" => {}
            true => std::fs::remove_dir_all(entry.path()).unwrap(),
            false => std::fs::remove_file(entry.path()).unwrap(),
        }
    }
    let sources = Path::new(WEB_APP);
    for entry in std::fs::read_dir(sources).unwrap().map(Result::unwrap) {
        let name = PathBuf::from(entry.file_name());
        let below = match entry.file_type().unwrap().is_dir() {
            true if name == Path::new("node_modules") || name == Path::new("dist") => {
                BTreeSet::new()
            }
            true => files(&entry.path()).into_iter().map(|path| name.join(path)).collect(),
            false => BTreeSet::from([name]),
        };
        for path in below {
            std::fs::create_dir_all(folder.join(&path).parent().unwrap()).unwrap();
            std::fs::copy(sources.join(&path), folder.join(&path)).unwrap();
        }
    }
    install(folder, "package-lock.json", "ci")
}

/// Returns the relative paths of all files below a folder.
pub fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = PathBuf::from(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()).into_iter().map(|path| name.join(path)));
        } else {
            found.insert(name);
        }
    }
    found
}
