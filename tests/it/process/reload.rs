//! SIGHUP: which settings it reloads, what it logs, and that nothing else changes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::commands::done;
use crate::support::PASSWORD;
use crate::support::process::{Log, Server, taskwell};

/// Starts a server with its settings in `.env`. Returns it with its log.
fn start(folder: &Path) -> (Server, Log) {
    let mut server = Server::run(taskwell(folder).args(["--port", "0"]).env_remove("RUST_LOG"));
    let log = server.log();
    (server, log)
}

fn hang_up(server: &Server) {
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
}

fn token(server: &Server, door: &str) -> String {
    let person = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    let reply = server.send("POST", &format!("/api/v1/auth/{door}"), "", Some(&person));
    assert!(reply.status < 300, "{reply:?}");
    reply.json()["access_token"].as_str().unwrap_or_default().to_owned()
}

/// Returns the id of the key that signed a token.
fn key_of(token: &str) -> String {
    token.split('.').next().unwrap().to_owned()
}

#[test]
fn a_new_secret_signs_and_the_old_one_still_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (server, log) = start(folder.path());
    token(&server, "signup");
    let before = token(&server, "login");
    done(folder.path(), &["keys", "rotate"], "");
    assert_eq!(key_of(&token(&server, "login")), key_of(&before));
    hang_up(&server);
    assert!(log.wait_for("SIGHUP").contains("2 token secrets"));
    let after = token(&server, "login");
    assert_ne!(key_of(&after), key_of(&before));
    for token in [&before, &after] {
        assert_eq!(server.send("GET", "/api/v1/users/me", token, None).status, 200);
    }
    // Without the file, the server creates no new secret and logs nobody out.
    let file = folder.path().join("taskwell.db.jwt-secret");
    std::fs::rename(&file, folder.path().join("elsewhere")).unwrap();
    hang_up(&server);
    assert!(log.wait_for("SIGHUP").contains("no setting was reloaded"));
    assert!(!file.exists());
    assert_eq!(server.send("GET", "/api/v1/users/me", &after, None).status, 200);
}

#[test]
fn the_level_of_the_log_changes_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join(".env");
    std::fs::write(&env, "RUST_LOG=info\n").unwrap();
    let (server, log) = start(folder.path());
    server.send("GET", "/api/v1/users/me", "", None);
    log.wait_for("/api/v1/users/me");
    std::fs::write(&env, "RUST_LOG=error\n").unwrap();
    hang_up(&server);
    assert!(log.wait_for("SIGHUP").contains("RUST_LOG=error"));
    server.send("GET", "/api/v1/auth/unseen", "", None);
    std::fs::write(&env, "RUST_LOG=info\n").unwrap();
    hang_up(&server);
    let line = log.next();
    assert!(line.contains("RUST_LOG=info"), "{line}");
    std::fs::write(&env, "RUST_LOG=inof\n").unwrap();
    hang_up(&server);
    let told = log.wait_for("SIGHUP");
    assert!(told.contains("no setting was reloaded") && told.contains("inof"), "{told}");
    server.send("GET", "/api/v1/users/me", "", None);
    log.wait_for("/api/v1/users/me");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_hangup_cuts_no_request_off() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _log) = start(folder.path());
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        hang_up(&server);
        assert_eq!(server.send("GET", "/livez", "", None).status, 200);
    }
}

#[test]
fn only_the_dotenv_of_the_working_directory_is_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "RUST_LOG=inof\n").unwrap();
    let below = folder.path().join("below");
    std::fs::create_dir(&below).unwrap();
    let mut command = taskwell(&below);
    assert!(command.env_remove("RUST_LOG").arg("migrate").status().unwrap().success());
}
