//! The OpenAPI document with other tools: generated clients work, and Schemathesis finds nothing.
//! Their packages come from PyPI and npm into `target/conformance`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::prepare::{CLIENTS, Packages, must, python, require_packages};
use crate::support::process::{Server, taskwell};

/// Writes the document of the binary to a file.
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
            .arg(format!("{CLIENTS}/openapi-python-client.yml")),
    );
    assert!(!said.contains("arning"), "{said}");
    let server = Server::start(folder.path());
    let session = must(
        Command::new(&python)
            .arg(format!("{CLIENTS}/session.py"))
            .arg(format!("http://{}", server.address))
            .env("PYTHONPATH", &client),
    );
    assert!(session.contains("went well"), "{session}");
}

#[test]
fn a_client_made_by_openapi_typescript_completes_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let place = require_packages(Packages::TypeScript);
    let in_place = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(&place);
        command
    };
    must(
        in_place("npx")
            .arg("openapi-typescript")
            .arg(document(folder.path()))
            .args(["-o", "schema.ts"]),
    );
    must(in_place("npx").arg("tsc"));
    let server = Server::start(folder.path());
    let address = format!("http://{}", server.address);
    let session = must(in_place("npx").args(["tsx", "session.ts", &address]));
    assert!(session.contains("went well"), "{session}");
}

/// Whether a rule refused the input that a schema cannot express: a taken name, two passwords that
/// differ, a common password, or a username with other characters than letters and digits, a class
/// that patterns cannot name in every language.
fn is_rule_beyond_schemas(answer: &str) -> bool {
    let rules = [
        "already exists",
        "do not match",
        "commonly used",
        "cannot be combined with",
        "use cursor for more",
        "only letters, digits",
        "several scripts",
        "looks like another name",
    ];
    rules.iter().any(|words| answer.contains(words))
}

/// Whether the text is short enough once trimmed. The server counts after trimming, a schema's
/// `maxLength` before.
fn is_short_when_trimmed(finding: &str) -> bool {
    let text = finding
        .split_once("violates `maxLength`")
        .and_then(|(_, rest)| rest.split_once("became \""));
    let text = text.and_then(|(_, rest)| rest.split_once("\")")).map(|(text, _)| text);
    text.is_some_and(|text| text.trim() != text && text.trim().chars().count() <= 200)
}

/// Whether the finding is about `page` without a limit, which the server ignores.
fn is_page_without_limit(finding: &str) -> bool {
    finding.contains("parameter `page` in query") && !finding.contains("limit=")
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
        // These end the session that all others need, or never end.
        .args(
            ["logout", "webSignOut", "endSessions", "streamEvents"]
                .map(|id| format!("--exclude-operation-id={id}")),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("= SUMMARY ="), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let findings = said.split("= FAILURES =").nth(1).unwrap_or("");
    let is_allowed = |finding: &&str| {
        finding.contains("Schema-valid request rejected") && is_rule_beyond_schemas(finding)
            || finding.contains("Schema-violating request accepted")
                && (is_short_when_trimmed(finding) || is_page_without_limit(finding))
    };
    let others: Vec<&str> =
        findings.split("\n- ST").skip(1).filter(|finding| !is_allowed(finding)).collect();
    assert!(others.is_empty(), "{} findings: ST{}", others.len(), others.join("\nST"));
}
