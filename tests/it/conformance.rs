//! The OpenAPI document in other hands: clients made from it work, and Schemathesis finds nothing. What these need comes
//! from PyPI and npm into `target/conformance`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/clients");
const PYTHON_PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-python-client==0.29.1"];

fn workshop() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/conformance");
    std::fs::create_dir_all(&path).unwrap();
    path.canonicalize().unwrap()
}

/// Runs a command that must go well; what it said.
fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}\n{complaint}");
    said
}

/// Sees that a program is there; installs Debian's packages where it is not.
fn require(program: &str, packages: &[&str]) {
    let there = || Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there() {
        let _ = Command::new("apt-get").args(["update", "-q"]).output();
        let _ = Command::new("apt-get").args(["install", "-y", "-q"]).args(packages).output();
    }
    assert!(there(), "{program} is missing: install {packages:?}");
}

/// The Python of a virtual environment with what the tests need, made once.
fn python() -> PathBuf {
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

/// The document of the binary, in a file.
fn document(folder: &Path) -> PathBuf {
    let path = folder.join("openapi.json");
    std::fs::write(&path, must(taskwell(folder).arg("openapi"))).unwrap();
    path
}

#[test]
fn a_client_made_by_openapi_python_client_completes_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let python = python();
    let client = folder.path().join("client");
    let said = must(
        Command::new(python.with_file_name("openapi-python-client"))
            .arg("generate")
            .arg("--path")
            .arg(document(folder.path()))
            .arg("--output-path")
            .arg(&client)
            .arg("--config")
            .arg(format!("{SOURCES}/openapi-python-client.yml")),
    );
    assert!(!said.contains("arning"), "{said}");
    let server = Server::start(folder.path());
    let session = must(
        Command::new(&python)
            .arg(format!("{SOURCES}/session.py"))
            .arg(format!("http://{}", server.address))
            .env("PYTHONPATH", &client),
    );
    assert!(session.contains("went well"), "{session}");
}

#[test]
fn a_client_made_by_openapi_typescript_completes_a_session() {
    let folder = tempfile::tempdir().unwrap();
    require("npm", &["nodejs", "npm"]);
    let place = workshop().join("typescript");
    std::fs::create_dir_all(&place).unwrap();
    for file in ["package.json", "tsconfig.json", "session.ts"] {
        std::fs::copy(format!("{SOURCES}/{file}"), place.join(file)).unwrap();
    }
    let in_place = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(&place);
        command
    };
    must(in_place("npm").args(["install", "--no-audit", "--no-fund", "--silent"]));
    must(in_place("npx").arg("openapi-typescript").arg(document(folder.path())).args(["-o", "schema.ts"]));
    must(in_place("npx").arg("tsc"));
    let server = Server::start(folder.path());
    let address = format!("http://{}", server.address);
    let session = must(in_place("npx").args(["tsx", "session.ts", &address]));
    assert!(session.contains("went well"), "{session}");
}

/// What a document's own rule refuses and a schema can't say: a taken name, two passwords that differ, a common password.
fn is_rule_beyond_schemas(answer: &str) -> bool {
    ["already exists", "do not match", "commonly used"].iter().any(|words| answer.contains(words))
}

#[test]
fn schemathesis_finds_nothing_but_rules_that_a_schema_cannot_say() {
    let folder = tempfile::tempdir().unwrap();
    let python = python();
    let server = Server::start(folder.path());
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    must(taskwell(folder.path()).args(["user", "set-role", "ada", "admin"]));
    let tokens = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let token = tokens["access_token"].as_str().unwrap();
    let output = Command::new(python.with_file_name("schemathesis"))
        .current_dir(folder.path())
        .args(["run", &format!("http://{}/openapi.json", server.address)])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all"])
        .args(["--max-examples", "5", "--continue-on-failure", "--no-color"])
        // These end the session that all others need.
        .args(["logout", "webSignOut", "endSessions"].map(|id| format!("--exclude-operation-id={id}")))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("= SUMMARY ="), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let findings = said.split("= FAILURES =").nth(1).unwrap_or("");
    for finding in findings.split("\n- ST").skip(1) {
        let allowed = finding.contains("Schema-valid request rejected") && is_rule_beyond_schemas(finding);
        assert!(allowed, "ST{finding}");
    }
}
