//! Requirements of the tests other than a Rust toolchain. The first test that needs one prepares
//! all of them: Debian's packages in one call, then the packages from PyPI and npm. If a filter
//! selects tests, each item is prepared at its first use. If an item cannot be prepared, the tests
//! that need it fail with the command to run.

mod debian;
mod npm;
mod pypi;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

pub use self::debian::Program;
pub use self::npm::{WEB_APP, files};
pub use self::pypi::CLIENTS;

/// Packages from a registry, each set in a folder of `target/conformance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// The virtual environment for the Python programs in `tests/clients`.
    Python,
    /// `tests/clients` as an npm package.
    TypeScript,
    /// A copy of the web app's sources.
    WebApp,
    /// `tests/page`.
    BrowserTests,
}

impl Packages {
    const ALL: [Packages; 4] =
        [Packages::Python, Packages::TypeScript, Packages::WebApp, Packages::BrowserTests];

    fn program(self) -> Program {
        if self == Packages::Python { Program::Python } else { Program::Npm }
    }

    fn folder(self) -> PathBuf {
        workshop().join(match self {
            Packages::Python => "venv",
            Packages::TypeScript => "typescript",
            Packages::WebApp => "ui",
            Packages::BrowserTests => "page",
        })
    }

    fn fetch(self) -> Result<(), String> {
        let folder = self.folder();
        match self {
            Packages::Python => pypi::fetch(&folder),
            Packages::TypeScript => npm::fetch_clients(&folder),
            Packages::WebApp => npm::fetch_web_app(&folder),
            Packages::BrowserTests => npm::fetch_browser_tests(&folder),
        }
    }
}

/// The items prepared in this process, each with its error, if any.
struct Prepared {
    programs: Vec<(Program, Option<String>)>,
    packages: Vec<(Packages, Option<String>)>,
}

static PREPARED: Mutex<Prepared> =
    Mutex::new(Prepared { programs: Vec::new(), packages: Vec::new() });

impl Prepared {
    fn install(&mut self, program: Program) {
        if self.programs.iter().any(|(known, _)| *known == program) {
            return;
        }
        let wanted = if runs_all_tests() { &Program::ALL[..] } else { &[program] };
        let failures = debian::install(wanted);
        self.programs.extend(wanted.iter().map(|program| {
            let failure = failures.iter().find(|(failed, _)| failed == program);
            (*program, failure.map(|(_, cause)| cause.clone()))
        }));
        if runs_all_tests() {
            for packages in Packages::ALL {
                self.fetch(packages);
            }
        }
    }

    fn fetch(&mut self, packages: Packages) {
        self.install(packages.program());
        if self.packages.iter().any(|(known, _)| *known == packages) {
            return;
        }
        let failure = self.failure(packages.program()).or_else(|| packages.fetch().err());
        self.packages.push((packages, failure));
    }

    fn failure(&self, program: Program) -> Option<String> {
        self.programs.iter().find(|(known, _)| *known == program)?.1.clone()
    }
}

/// Fails the test unless the program is installed or can be installed.
pub fn require(program: Program) {
    let failure = {
        let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.install(program);
        prepared.failure(program)
    };
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
}

/// Returns the folder with these packages. Fails the test if they cannot be fetched.
pub fn require_packages(packages: Packages) -> PathBuf {
    let failure = {
        let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.fetch(packages);
        let found = prepared.packages.iter().find(|(known, _)| *known == packages);
        found.and_then(|(_, failure)| failure.clone())
    };
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    packages.folder()
}

/// Returns the Python of the virtual environment.
pub fn python() -> PathBuf {
    require_packages(Packages::Python).join("bin/python")
}

/// Whether no filter selects tests. The value of an option counts as a filter.
fn runs_all_tests() -> bool {
    std::env::args().skip(1).all(|argument| argument.starts_with('-'))
}

fn workshop() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/conformance");
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

/// Reports slow steps on the terminal. (Cargo hides the output of tests.)
fn announce(text: &str) {
    let _ = writeln!(std::io::stderr(), "preparing the tests: {text}");
}

/// Runs a program. Returns its last line if it fails.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    output_of(Command::new(program).args(arguments))
}

fn output_of(command: &mut Command) -> Result<(), String> {
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let output = command.output().map_err(|e| e.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let last = errors.lines().last().unwrap_or("no message").to_owned();
    if output.status.success() { Ok(()) } else { Err(last) }
}

/// Runs a command that must succeed. Returns its output.
pub fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{printed}\n{errors}");
    printed
}
