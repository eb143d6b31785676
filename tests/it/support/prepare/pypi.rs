//! A virtual environment with the packages that Python programs of the tests need.

use std::path::Path;
use std::process::Command;

use super::{announce, output_of, run};

/// Folder of programs in other languages.
pub const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients");
const PACKAGES: [&str; 10] = [
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

/// Makes the environment, unless an earlier run did.
pub fn fetch(folder: &Path) -> Result<(), String> {
    let stamp = folder.join("packages");
    if std::fs::read_to_string(&stamp).ok() == Some(PACKAGES.join(" ")) {
        return Ok(());
    }
    announce("fetching packages from PyPI");
    run("python3", &["-m", "venv", &folder.display().to_string()])?;
    let python = folder.join("bin/python");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "-q"]).args(PACKAGES);
    output_of(&mut pip).map_err(|cause| {
        let python = python.display();
        format!("PyPI: {cause}. Run: {python} -m pip install {}", PACKAGES.join(" "))
    })?;
    std::fs::write(stamp, PACKAGES.join(" ")).map_err(|e| e.to_string())
}
