//! The web app's sources and its tests in the browser, each in a folder of `target/conformance`
//! with its packages from npm.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::packages::require;
use super::workshop::{must, workshop};

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/page");
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../http/ui");

/// Installs what a folder's `package.json` wants, unless that was done: `lock` changes with it.
fn install(folder: &Path, lock: &str, command: &str) {
    let wanted = std::fs::read_to_string(folder.join(lock)).unwrap();
    let stamp = folder.join("node_modules/.wanted");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        must(Command::new("npm").current_dir(folder).args([
            command,
            "--no-audit",
            "--no-fund",
            "--silent",
        ]));
        std::fs::write(stamp, wanted).unwrap();
    }
}

/// A folder with the tests and what they need.
pub fn tests() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        require("npm", &["nodejs", "npm"]);
        let place = workshop().join("page");
        std::fs::create_dir_all(&place).unwrap();
        for file in std::fs::read_dir(TESTS).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), place.join(file.file_name())).unwrap();
            }
        }
        install(&place, "package.json", "install");
        place
    })
}

/// The paths of all files below a folder, from there.
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

/// A copy of the web app's sources, with the packages that its lock file names. Made once: tests
/// read it side by side.
pub fn sources() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        require("npm", &["nodejs", "npm"]);
        let place = workshop().join("ui");
        std::fs::create_dir_all(&place).unwrap();
        for entry in std::fs::read_dir(&place).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true if entry.file_name() == "node_modules" => {}
                true => std::fs::remove_dir_all(entry.path()).unwrap(),
                false => std::fs::remove_file(entry.path()).unwrap(),
            }
        }
        let ours = Path::new(SOURCES);
        for entry in std::fs::read_dir(ours).unwrap().map(Result::unwrap) {
            let name = PathBuf::from(entry.file_name());
            let below = match entry.file_type().unwrap().is_dir() {
                true if name == Path::new("node_modules") || name == Path::new("dist") => {
                    BTreeSet::new()
                }
                true => files(&entry.path()).into_iter().map(|path| name.join(path)).collect(),
                false => BTreeSet::from([name]),
            };
            for path in below {
                std::fs::create_dir_all(place.join(&path).parent().unwrap()).unwrap();
                std::fs::copy(ours.join(&path), place.join(&path)).unwrap();
            }
        }
        install(&place, "package-lock.json", "ci");
        place
    })
}
