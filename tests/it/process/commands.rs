//! The command line of operators, also while the server runs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};

/// Starts a server. Returns it with a user's token.
pub fn start(folder: &Path) -> (Server, String) {
    let server = Server::start(folder);
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    let token = login(&server, "ada", PASSWORD).unwrap();
    (server, token)
}

pub fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = taskwell(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses before it reads has closed its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn done(folder: &Path, args: &[&str], input: &str) -> String {
    let output = run(folder, args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn refused(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args, "");
    assert!(!output.status.success(), "{args:?} was done");
    String::from_utf8(output.stderr).unwrap()
}

pub fn login(server: &Server, name: &str, password: &str) -> Option<String> {
    let proof = json!({ "username": name, "password": password });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    reply.json()["access_token"].as_str().map(str::to_owned)
}

pub fn task(server: &Server, token: &str, title: &str) {
    let reply = server.send("POST", "/api/v1/tasks", token, Some(&json!({ "title": title })));
    assert_eq!(reply.status, 201, "{reply:?}");
}

fn titles(server: &Server, token: &str) -> Vec<String> {
    let list = server.send("GET", "/api/v1/tasks?sort=created_at", token, None).json();
    let list = list.as_array().unwrap().iter();
    list.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn accounts_are_managed_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder);
    let password = format!("{PASSWORD}\n");
    let root = ["user", "create", "--admin", "--username", "root", "--email", "root@example.org"];
    let made = done(folder, &root, &password);
    assert_eq!(made, "1\troot\troot@example.org\tadmin\tactive\n");
    done(folder, &["user", "create", "--email", "ada@example.org"], &password);
    let admin = login(&server, "root", PASSWORD).unwrap();
    assert_eq!(
        server.send("GET", "/api/v1/users", &admin, None).json().as_array().unwrap().len(),
        2
    );

    let ada = login(&server, "ada", PASSWORD).unwrap();
    done(folder, &["user", "deactivate", "ada@example.org"], "");
    assert_eq!(server.send("GET", "/api/v1/users/me", &ada, None).status, 401);
    done(folder, &["user", "activate", "2"], "");
    assert_eq!(
        server.send("GET", "/api/v1/users/me", &ada, None).status,
        401,
        "an ended session lives"
    );

    let ada = login(&server, "ada", PASSWORD).unwrap();
    done(folder, &["user", "set-role", "ada", "admin"], "");
    assert_eq!(server.send("GET", "/api/v1/users", &ada, None).status, 200);
    done(folder, &["user", "reset-password", "ada"], "another passphrase\n");
    assert_eq!(server.send("GET", "/api/v1/users/me", &ada, None).status, 401);
    assert!(login(&server, "ada", PASSWORD).is_none());
    assert!(login(&server, "ada", "another passphrase").is_some());
    assert_eq!(done(folder, &["user", "list"], "").lines().count(), 2);
    assert_eq!(done(folder, &["user", "list", "--q", "ROOT"], "").lines().count(), 1);
}

#[test]
fn the_command_line_keeps_the_rules_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let password = format!("{PASSWORD}\n");
    done(
        folder,
        &["user", "create", "--admin", "--username", "root", "--email", "root@example.org"],
        &password,
    );
    for args in [["user", "deactivate", "root"].as_slice(), &["user", "set-role", "root", "user"]] {
        assert!(refused(folder, args).contains("last active admin"));
    }
    assert!(refused(folder, &["user", "deactivate", "nobody"]).contains("not found"));
    let told = refused(folder, &["user", "create", "--username", "a b", "--email", "x"]);
    for field in ["username:", "email:", "password:"] {
        assert!(told.contains(field), "{told}");
    }
}

#[test]
fn a_backup_made_while_serving_is_whole_and_can_be_restored_while_serving() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder);
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let token = login(&server, "ada", PASSWORD).unwrap();
    task(&server, &token, "before");
    std::thread::scope(|scope| {
        let writing =
            scope.spawn(|| (0..50).for_each(|n| task(&server, &token, &format!("during {n}"))));
        done(folder, &["backup", "copy.db"], "");
        writing.join().unwrap();
    });
    task(&server, &token, "after");
    let copy = rusqlite::Connection::open(folder.join("copy.db")).unwrap();
    let sound: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    drop(copy);
    assert!(refused(folder, &["backup", "copy.db"]).contains("already exists"));

    done(folder, &["restore", "copy.db"], "");
    let restored = titles(&server, &token);
    assert_eq!(restored[0], "before");
    assert!(!restored.contains(&"after".to_owned()));
    task(&server, &token, "again");
    assert_eq!(titles(&server, &token).len(), restored.len() + 1);
}

#[test]
fn a_damaged_or_foreign_backup_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["migrate"], "");
    let before = std::fs::read(folder.join("taskwell.db")).unwrap();
    std::fs::write(folder.join("noise.db"), [7; 8192]).unwrap();
    rusqlite::Connection::open(folder.join("foreign.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    for file in ["noise.db", "foreign.db", "missing.db"] {
        refused(folder, &["restore", file]);
        assert_eq!(std::fs::read(folder.join("taskwell.db")).unwrap(), before, "{file}");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("restoring")), "{left:?}");
}

#[test]
fn a_database_from_a_newer_version_or_of_somebody_else_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["migrate"], "");
    let path = folder.join("taskwell.db");
    let sql = rusqlite::Connection::open(&path).unwrap();
    sql.execute("INSERT INTO schema_migrations VALUES (999, 'future', 0)", []).unwrap();
    drop(sql);
    let before = std::fs::read(&path).unwrap();
    assert!(refused(folder, &["--port", "0"]).contains("newer Taskwell"));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(refused(folder, &["--port", "0"]).contains("not a Taskwell database"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn openapi_prints_the_document_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let printed: Value = serde_json::from_str(&done(folder.path(), &["openapi"], "")).unwrap();
    let served = Server::start(folder.path()).send("GET", "/openapi.json", "", None).json();
    assert_eq!(printed, served);
    assert_eq!(printed["openapi"], "3.1.0");
}

#[test]
fn a_new_key_logs_nobody_out_and_an_old_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let serve = |algorithm: &str| {
        Server::run(taskwell(folder).args(["--port", "0", "--jwt-algorithm", algorithm]))
    };
    let server = serve("HS256");
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let mut tokens = vec![login(&server, "ada", PASSWORD).unwrap()];
    assert_eq!(
        server.send("GET", "/.well-known/jwks.json", "", None).json(),
        json!({ "keys": [] })
    );
    drop(server);
    for (algorithm, keys) in [("EdDSA", 2), ("HS256", 0), ("EdDSA", 3)] {
        assert!(done(folder, &["keys", "rotate"], "").contains("taskwell.db.jwt-secret"));
        let server = serve(algorithm);
        let jwks = server.send("GET", "/.well-known/jwks.json", "", None).json();
        assert_eq!(jwks["keys"].as_array().unwrap().len(), keys, "{jwks}");
        let token = login(&server, "ada", PASSWORD).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(format!("{:?}", header.alg), algorithm);
        if keys > 0 {
            assert_eq!(jwks["keys"][0]["kid"], header.kid.unwrap(), "{jwks}");
        }
        // Only tokens of the two previous secrets stay valid.
        let good = |token: &String| server.send("GET", "/api/v1/tasks", token, None).status == 200;
        let kept = tokens.iter().rev().take_while(|token| good(token)).count();
        assert_eq!(kept, tokens.len().min(2));
        tokens.push(token);
    }
}

#[test]
fn whoever_finds_a_hole_is_told_where_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.send("GET", "/.well-known/security.txt", "", None).status, 404);
    drop(server);
    let args = ["--port", "0", "--security-contact", "mailto:security@example.org"];
    let server = Server::run(taskwell(folder.path()).args(args));
    let told = server.send("GET", "/.well-known/security.txt", "", None);
    assert!(
        told.text().starts_with("Contact: mailto:security@example.org\nExpires: 20"),
        "{told:?}"
    );
    let wrong = refused(folder.path(), &["--security-contact", "security@example.org"]);
    assert!(wrong.contains("SECURITY_CONTACT") && wrong.contains("mailto:"), "{wrong}");
}
