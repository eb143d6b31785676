//! Programs of other languages that tests run: what they need comes from PyPI and npm into `target/conformance`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Programs in other languages.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients");
const PYTHON_PACKAGES: [&str; 7] = [
    "aiosmtpd==1.4.6",
    "schemathesis==4.32.5",
    "openapi-python-client==0.29.1",
    "sqlmodel==0.0.24",
    "sqlalchemy==2.0.43",
    "psycopg[binary]==3.3.9",
    "bcrypt==5.0.0",
];

pub fn workshop() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/conformance");
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

/// Runs a command that must go well; what it said.
pub fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}\n{complaint}");
    said
}

/// Sees that a program is there; installs Debian's packages where it is not.
pub fn require(program: &str, packages: &[&str]) {
    let there = || Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there() {
        let _ = Command::new("apt-get").args(["update", "-q"]).output();
        let _ = Command::new("apt-get").args(["install", "-y", "-q"]).args(packages).output();
    }
    assert!(there(), "{program} is missing: install {packages:?}");
}

/// The Python of a virtual environment with what the tests need, made once.
pub fn python() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = workshop().join("venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("packages");
    if std::fs::read_to_string(&stamp).ok() != Some(PYTHON_PACKAGES.join(" ")) {
        require("python3", &["python3", "python3-venv"]);
        let make = || Command::new("python3").args(["-m", "venv"]).arg(&venv).output();
        if !make().is_ok_and(|output| output.status.success()) {
            let _ = Command::new("apt-get").args(["install", "-y", "-q", "python3-venv"]).output();
            must(Command::new("python3").args(["-m", "venv"]).arg(&venv));
        }
        must(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(PYTHON_PACKAGES));
        std::fs::write(stamp, PYTHON_PACKAGES.join(" ")).unwrap();
    }
    python
}
