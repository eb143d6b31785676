//! Programs of other languages that tests run: what they need comes from PyPI and npm into
//! `target/conformance`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::packages::{installed, require};

/// Programs in other languages.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients");
const PYTHON_PACKAGES: [&str; 10] = [
    "aiosmtpd==1.4.6",
    "schemathesis==4.32.5",
    "openapi-python-client==0.29.1",
    "sqlmodel==0.0.24",
    "sqlalchemy==2.0.43",
    "psycopg[binary]==3.3.9",
    "bcrypt==5.0.0",
    "fastapi-users[sqlalchemy]==15.0.5",
    "aiosqlite==0.22.1",
    "tortoise-orm[psycopg]==1.1.9",
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

/// The Python of a virtual environment with what the tests need, made once.
pub fn python() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = workshop().join("venv");
    let python = venv.join("bin/python");
    let stamp = venv.join("packages");
    if std::fs::read_to_string(&stamp).ok() != Some(PYTHON_PACKAGES.join(" ")) {
        require("python3", &["python3", "python3-venv"]);
        let made = || {
            let output = Command::new("python3").args(["-m", "venv"]).arg(&venv).output();
            output.is_ok_and(|output| output.status.success())
        };
        assert!(installed(&["python3-venv"], made), "python3-venv is missing: install it");
        must(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(PYTHON_PACKAGES));
        std::fs::write(stamp, PYTHON_PACKAGES.join(" ")).unwrap();
    }
    python
}
