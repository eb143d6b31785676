//! `taskwell import` from databases of real programs with `SQLModel` and `SQLAlchemy`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::commands::{refused, run};
use crate::support::PASSWORD;
use crate::support::postgres::Database;
use crate::support::prepare::{CLIENTS, must, python};
use crate::support::process::{Server, taskwell};
use crate::support::wait::kill_after_cpu_time;

const SECRET: &str = "a secret of both stores, 32 bytes or more";

/// Runs a program that creates its tables at `url`.
pub fn make(program: &str, url: &str) {
    // In the format of SQLAlchemy.
    let url = match url.strip_prefix("sqlite://") {
        Some(path) => format!("sqlite:///{path}"),
        None => url.replacen("postgres://", "postgresql+psycopg://", 1),
    };
    must(Command::new(python()).arg(format!("{CLIENTS}/{program}.py")).arg(url));
}

/// Runs an import that must end with this exit code. Returns its output.
pub fn import(folder: &Path, from: &str, to: &str, more: &[&str], code: i32) -> String {
    let args = ["import", "--from", from, "--shape", "fastapi", "--database-url", to];
    let output = run(folder, &[&args, more].concat(), "");
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{printed}{errors}");
    assert_eq!(code == 1, errors.contains("the import refused"), "{errors}");
    printed
}

pub fn serve(folder: &Path, store: &str) -> Server {
    Server::run(
        taskwell(folder).args(["--port", "0", "--database-url", store]).env("JWT_SECRET", SECRET),
    )
}

pub fn login(server: &Server, login: &str, password: &str) -> Result<String, u16> {
    let proof = json!({ "username": login, "password": password });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    let token = || reply.json()["access_token"].as_str().unwrap().to_owned();
    if reply.status == 200 { Ok(token()) } else { Err(reply.status) }
}

pub fn tasks(server: &Server, token: &str) -> Vec<Value> {
    let list = server.send("GET", "/api/v1/tasks?sort=created_at", token, None).json();
    list.as_array().unwrap().clone()
}

/// Returns both kinds of source, each with the other kind of store as its target.
pub async fn pairs(folder: &Path) -> [(String, String); 2] {
    let file = |name: &str| format!("sqlite://{}", folder.join(name).display());
    let (source, target) = (Database::new().await, Database::new().await);
    [(file("other.db"), target.url), (source.url, file("taskwell.db"))]
}

#[tokio::test]
async fn a_back_end_of_contract_004_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, to) in pairs(folder).await {
        make("fastapi_004", &from);
        let tried = import(folder, &from, &to, &[], 1);
        for words in [
            "changed: user 4: hashed_password: is neither a bcrypt nor an Argon2 hash; the account \
             needs a password reset",
            "changed: user 2: username: \"Grace Hopper\"",
            "changed: user 3: username: \"Ada\"",
            "refused: task 2: title: ",
            "refused: task 3: owner_id: is empty",
            "users: 4 accepted, 0 refused, 0 left out",
            "tasks: 503 accepted, 2 refused, 0 left out",
            "nothing was written",
        ] {
            assert!(tried.contains(words), "{words}: {tried}");
        }
        assert!(!tried.contains("in the clear"), "{tried}");
        assert_eq!(login(&serve(folder, &to), "ada", PASSWORD), Err(401));

        let told = import(folder, &from, &to, &["--apply"], 1);
        assert_eq!(told.lines().count(), tried.lines().count(), "{told}");
        assert!(told.contains("stored the import without the refused rows"), "{told}");
        let server = serve(folder, &to);
        let ada = login(&server, "ada", PASSWORD).unwrap();
        let list = tasks(&server, &ada);
        assert_eq!(list.len(), 501);
        let notes = json!({
            "title": "Write the notes 🦀", "description": "on\nthe engine", "status": "completed",
            "completed": true,
            "due_date": "2030-01-02T03:04:05Z", "created_at": "2024-02-29T12:30:15.123456Z",
            "updated_at": "2024-03-01T00:00:00Z", "completed_at": "2024-03-01T00:00:00Z",
            "priority": "medium",
        });
        for (member, value) in notes.as_object().unwrap() {
            assert_eq!(list[0][member], *value, "{member}");
        }
        // Shorter than what is allowed now, and by the address.
        let grace = login(&server, "grace@example.org", "short").unwrap();
        assert_eq!(tasks(&server, &grace).len(), 1);
        assert!(login(&server, "second@example.org", "another one 1815").is_ok());
        assert_eq!(login(&server, "plain@example.org", "in the clear"), Err(401));
        // The sequence continues.
        let new = server.send("POST", "/api/v1/tasks", &ada, Some(&json!({ "title": "new" })));
        assert_eq!((new.status, new.header("etag")), (201, Some("\"502\"")), "{new:?}");
        drop(server);
        let again = import(folder, &from, &to, &["--apply"], 1);
        assert!(again.contains("users: 0 accepted, 4 refused"), "{again}");
        assert!(again.contains("tasks: 0 accepted, 505 refused"), "{again}");
    }
}

#[tokio::test]
async fn a_back_end_of_contract_003_comes_over() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (from, to) in pairs(folder).await {
        make("fastapi_003", &from);
        let told = import(folder, &from, &to, &["--apply"], 1);
        assert!(told.contains("refused: user 3: email: "), "{told}");
        assert!(told.contains("users: 2 accepted, 1 refused, 0 left out"), "{told}");
        assert!(
            told.contains("1 are admins, 1 are deactivated, 0 need a password reset"),
            "{told}"
        );
        let server = serve(folder, &to);
        let root = login(&server, "root", PASSWORD).unwrap();
        assert_eq!(server.send("GET", "/api/v1/users", &root, None).status, 200);
        assert_eq!(login(&server, "gone", "gone"), Err(401));
        let list = tasks(&server, &root);
        let of = |member: &str| list.iter().map(|task| task[member].clone()).collect::<Vec<_>>();
        assert_eq!(of("title"), ["one", "two", "three"]);
        assert_eq!(of("status"), ["in_progress", "completed", "pending"]);
        assert_eq!(of("priority"), ["high", "low", "medium"]);
        assert_eq!(list[0]["created_at"], "2024-02-29T12:30:15Z");
        assert_eq!(list[1]["completed_at"], list[1]["created_at"]);
    }
}

#[test]
fn an_import_that_is_killed_leaves_nothing_or_all() {
    const TASKS: i64 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let other = rusqlite::Connection::open(folder.join("other.db")).unwrap();
    let hash = bcrypt_of_nothing();
    other
        .execute_batch(&format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, password_hash TEXT);
             CREATE TABLE tasks (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT);
             INSERT INTO users VALUES (1, 'ada@example.org', '{hash}');
             WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {TASKS})
             INSERT INTO tasks SELECT n, 1, 'task ' || n FROM n;"
        ))
        .unwrap();
    for time_ms in [100, 300, 600] {
        let args = ["import", "--from", "sqlite://other.db", "--shape", "fastapi", "--apply"];
        let mut import = taskwell(folder).args(args).stdout(Stdio::null()).spawn().unwrap();
        kill_after_cpu_time(&mut import, time_ms);
        let store = rusqlite::Connection::open(folder.join("taskwell.db")).unwrap();
        let count = |table: &str| {
            let text = format!("SELECT count(*) FROM {table}");
            // The table may not exist yet.
            store.query_row(&text, [], |row| row.get::<_, i64>(0)).unwrap_or(0)
        };
        let counts = ["users", "tasks", "changes"].map(count);
        assert!(counts == [0, 0, 0] || counts == [1, TASKS, TASKS], "{counts:?}");
    }
}

fn bcrypt_of_nothing() -> String {
    format!("$2b$04${}", "a".repeat(53))
}

#[test]
fn what_is_no_such_back_end_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let try_import =
        |from: &str| refused(folder, &["import", "--from", from, "--shape", "fastapi"]);
    assert!(try_import("sqlite://nowhere.db").contains("nowhere.db"));
    let other = rusqlite::Connection::open(folder.join("other.db")).unwrap();
    other.execute_batch("CREATE TABLE cats (id INTEGER)").unwrap();
    assert!(try_import("sqlite://other.db").contains("no table users or user"));
    other.execute_batch("CREATE TABLE users (id INTEGER, email TEXT)").unwrap();
    let told = try_import("sqlite://other.db");
    assert!(
        told.contains("users has no column hashed_password or") && told.contains("id, email"),
        "{told}"
    );
    std::fs::write(folder.join("noise.db"), "noise ".repeat(1000)).unwrap();
    assert!(try_import("sqlite://noise.db").contains("noise.db"));
    drop(Server::start(folder));
    assert!(try_import("sqlite://taskwell.db").contains("taskwell copy"));
}
