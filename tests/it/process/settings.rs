//! Settings: their sources, invalid values at startup, and secrets that never appear in output.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};

fn refused(folder: &Path, name: &str, value: &str) -> String {
    let output: Output = taskwell(folder).args(["--port", "0"]).env(name, value).output().unwrap();
    assert!(!output.status.success(), "{name}={value} was taken");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_value_is_refused_with_its_name_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, allowed) in [
        ("BCRYPT_COST", "3", "4..=31"),
        ("BCRYPT_COST", "32", "4..=31"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "-1", "0..=3600"),
        ("HOST", "nowhere", "IP address"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0", "1..=525600"),
        ("MAX_CONNECTIONS", "many", "invalid digit"),
        ("LOG_FORMAT", "xml", "auto, text, json"),
        ("RUST_LOG", "taskwell_core=loud", "info"),
        ("CORS_ORIGINS", "example.org", "https://app.example.org"),
        ("DATABASE_URL", "mysql://x", "sqlite://PATH"),
        ("DATABASE_URL", "sqlite://", "sqlite://PATH"),
        ("PASSWORD_MIN_LENGTH", "73", "1..=72"),
    ] {
        let told = refused(folder.path(), name, value);
        assert!(told.contains(name) && told.contains(allowed), "{name}={value}: {told}");
    }
    let by_flag = taskwell(folder.path()).args(["--port", "abc"]).output().unwrap();
    let by_environment = taskwell(folder.path()).env("PORT", "abc").output().unwrap();
    for output in [by_flag, by_environment] {
        assert!(!output.status.success());
        assert!(String::from_utf8(output.stderr).unwrap().contains("'abc' for '--port <PORT>'"));
    }
}

#[test]
fn a_secret_that_is_short_or_an_examples_is_refused_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    for secret in ["short-canary", "changeme-canary-changeme-changeme-changeme", &"x".repeat(40)] {
        let told = refused(folder.path(), "JWT_SECRET", secret);
        assert!(told.contains("JWT_SECRET") && !told.contains(secret), "{told}");
    }
    let help = taskwell(folder.path()).arg("--help").env("JWT_SECRET", "canary").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("[env: JWT_SECRET") && !help.contains("canary"));
}

#[test]
fn dotenv_is_read_and_the_environment_wins() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "DATABASE_URL=sqlite://from-dotenv.db\nPORT=abc\n")
        .unwrap();
    let server = Server::run(taskwell(folder.path()).env("PORT", "0"));
    assert!(folder.path().join("from-dotenv.db").exists());
    drop(server);
    std::fs::write(folder.path().join(".env"), "this is no setting: canary\n").unwrap();
    let output = taskwell(folder.path()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && told.contains(".env") && !told.contains("canary"),
        "{told}"
    );
}

#[test]
fn a_secret_is_made_once_for_its_owner_alone_and_tokens_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&new));
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    for file in ["taskwell.db", "taskwell.db.jwt-secret", "taskwell.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(server.stop(), Some(0));
    let again = Server::start(folder.path());
    assert_eq!(again.send("GET", "/api/v1/users/me", &token, None).status, 200);
    drop(again);
    let other = Server::run(
        taskwell(folder.path())
            .args(["--port", "0"])
            .env("JWT_SECRET", "another secret of 32 bytes or more"),
    );
    assert_eq!(other.send("GET", "/api/v1/users/me", &token, None).status, 401);
}

#[test]
fn the_secret_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "a secret in a file, 32 bytes or more\n").unwrap();
    let start =
        || taskwell(folder.path()).args(["--port", "0", "--jwt-secret-file", "secret"]).spawn();
    drop(Server::run(taskwell(folder.path()).args(["--port", "0", "--jwt-secret-file", "secret"])));
    assert!(!folder.path().join("taskwell.db.jwt-secret").exists());
    std::fs::write(folder.path().join("secret"), "short").unwrap();
    assert!(!start().unwrap().wait().unwrap().success());
}

#[test]
fn a_wrong_value_with_a_secret_in_it_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "canary").unwrap();
    for (name, value) in [
        ("DATABASE_URL", "postgres://user:canary@host/db"),
        ("JWT_SECRET", "canary"),
        ("JWT_SECRET_FILE", "secret"),
    ] {
        let told = refused(folder.path(), name, value);
        assert!(told.contains("JWT_SECRET") || told.contains(name), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let both = taskwell(folder.path())
        .args(["--port", "0", "--jwt-secret-file", "secret"])
        .env("JWT_SECRET", "canary, with 32 bytes and some more")
        .output()
        .unwrap();
    let told = String::from_utf8(both.stderr).unwrap();
    assert!(!both.status.success() && !told.contains("canary"), "{told}");
}

#[test]
fn a_flag_wins_over_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = taskwell(folder.path());
    command
        .args(["--port", "0", "--database-url", "sqlite://flag.db"])
        .env("DATABASE_URL", "sqlite://env.db");
    let server = Server::run(command.env("PORT", "1"));
    assert!(folder.path().join("flag.db").exists() && !folder.path().join("env.db").exists());
    assert!(!server.address.ends_with(":1"));
}
