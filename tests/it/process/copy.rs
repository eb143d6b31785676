//! `taskwell copy`: in both directions, and when it refuses.

use std::path::Path;

use serde_json::{Value, json};

use super::commands;
use crate::support::PASSWORD;
use crate::support::postgres::Database;
use crate::support::process::{Server, taskwell};

const SECRET: &str = "a secret of both stores, 32 bytes or more";
const TASKS: usize = 1100;

/// Creates an account with more tasks than one batch holds, some changed, the last one deleted.
/// Returns its tokens.
fn furnish(server: &Server) -> Value {
    let new = json!({
        "username": "ada", "email": "ada@example.org", "name": "Ä\u{2028}a", "password": PASSWORD
    });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    let tokens = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let token = tokens["access_token"].as_str().unwrap();
    for n in 1..=TASKS {
        let task =
            json!({ "title": format!("{n} 🦀"), "due_date": "2030-01-02", "description": null });
        assert_eq!(server.send("POST", "/api/v1/tasks", token, Some(&task)).status, 201);
    }
    let changed = json!({ "completed": true, "description": "done\n\tand dusted" });
    assert_eq!(server.send("PUT", "/api/v1/tasks/1", token, Some(&changed)).status, 200);
    assert_eq!(server.send("DELETE", &format!("/api/v1/tasks/{TASKS}"), token, None).status, 204);
    tokens
}

/// Returns the output of a successful copy.
fn copied(folder: &Path, from: &str, to: &str, more: &[&str]) -> String {
    commands::done(folder, &[&["copy", "--from", from, "--to", to], more].concat(), "")
}

/// Returns the output of a refused copy.
fn refused(folder: &Path, from: &str, to: &str, more: &[&str]) -> String {
    commands::refused(folder, &[&["copy", "--from", from, "--to", to], more].concat())
}

fn serve(folder: &Path, store: &str) -> Server {
    Server::run(
        taskwell(folder).args(["--port", "0", "--database-url", store]).env("JWT_SECRET", SECRET),
    )
}

#[tokio::test]
async fn a_store_moves_to_postgresql_and_back_and_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = Database::new().await;
    let tokens = furnish(&serve(folder, "sqlite://here.db"));
    let token = tokens["access_token"].as_str().unwrap();

    let there = copied(folder, "sqlite://here.db", &database.url, &[]);
    assert_eq!(there.lines().count(), 14, "{there}");
    assert!(there.contains(&format!("tasks\t{} rows", TASKS - 1)), "{there}");
    let back = copied(folder, &database.url, "sqlite://back.db", &[]);
    assert_eq!(there, back);

    for store in [&database.url, "sqlite://back.db"] {
        let server = serve(folder, store);
        let one = server.send("GET", "/api/v1/tasks/1", token, None);
        assert_eq!(
            (one.status, one.header("etag")),
            (200, Some(&*format!("\"{}\"", TASKS + 1))),
            "{one:?}"
        );
        let proof = json!({ "username": "ada", "password": PASSWORD });
        assert_eq!(server.send("POST", "/api/v1/auth/login", "", Some(&proof)).status, 200);
        let refresh = json!({ "refresh_token": tokens["refresh_token"] });
        assert_eq!(server.send("POST", "/api/v1/auth/refresh", "", Some(&refresh)).status, 200);
        // The id of the deleted task is not reused.
        let new = server.send("POST", "/api/v1/tasks", token, Some(&json!({ "title": "new" })));
        assert_eq!(new.json()["id"], TASKS + 1, "{new:?}");
        let new = json!({ "username": "bob", "email": "bob@example.org", "password": PASSWORD });
        assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    }
}

#[tokio::test]
async fn a_copy_fills_only_an_empty_store_and_goes_on_where_it_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = Database::new().await;
    furnish(&serve(folder, "sqlite://here.db"));
    let whole = copied(folder, "sqlite://here.db", &database.url, &[]);
    let told = refused(folder, "sqlite://here.db", &database.url, &[]);
    assert!(told.contains("not empty") && told.contains("--resume"), "{told}");
    // As if it had stopped in the middle of the tasks.
    let told = refused(folder, "sqlite://here.db", &database.url, &["--resume"]);
    assert!(told.contains("a separate store"), "{told}");
    database
        .rows(
            "DELETE FROM changes; DELETE FROM tasks WHERE id > 500; UPDATE store SET is_filling \
               = TRUE",
        )
        .await;
    assert_eq!(whole, copied(folder, "sqlite://here.db", &database.url, &["--resume"]));
    database
        .rows("UPDATE tasks SET title = 'another' WHERE id = 7; UPDATE store SET is_filling = TRUE")
        .await;
    let told = refused(folder, "sqlite://here.db", &database.url, &["--resume"]);
    assert!(told.contains("differs") && told.contains("tasks"), "{told}");
    let told = refused(folder, "sqlite://nowhere.db", &database.url, &[]);
    assert!(told.contains("nowhere.db"), "{told}");
    let told = refused(folder, "mysql://user:canary@host", &database.url, &[]);
    assert!(told.contains("--from") && !told.contains("canary"), "{told}");
}

#[tokio::test]
async fn a_table_or_column_of_one_store_alone_is_refused_and_one_of_both_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    commands::done(folder, &["migrate", "--database-url", "sqlite://here.db"], "");
    commands::done(folder, &["migrate", "--database-url", "sqlite://there.db"], "");
    let here = rusqlite::Connection::open(folder.join("here.db")).unwrap();
    let there = rusqlite::Connection::open(folder.join("there.db")).unwrap();
    for (more, name, row) in [
        (
            "CREATE TABLE notes (a TEXT, b INTEGER, PRIMARY KEY (a, b)) STRICT",
            "notes",
            "INSERT INTO notes VALUES ('x', 1), ('x', 2)",
        ),
        (
            "ALTER TABLE audit ADD COLUMN colour TEXT",
            "audit.colour",
            "INSERT INTO audit (at, action, colour) VALUES (1, 'a', 'red')",
        ),
    ] {
        here.execute_batch(more).unwrap();
        let told = refused(folder, "sqlite://here.db", "sqlite://there.db", &[]);
        assert!(told.contains(name) && told.contains("Nothing was written"), "{told}");
        there.execute_batch(more).unwrap();
        here.execute_batch(row).unwrap();
    }
    let told = copied(folder, "sqlite://here.db", "sqlite://there.db", &[]);
    assert!(told.contains("notes\t2 rows"), "{told}");
    let colour: String = there.query_row("SELECT colour FROM audit", [], |row| row.get(0)).unwrap();
    assert_eq!(colour, "red");
    there.execute_batch("UPDATE store SET is_filling = 1").unwrap();
    for command in [&["serve"][..], &["user", "list"], &["backup", "copy.db"]] {
        let told = commands::refused(
            folder,
            &[command, &["--database-url", "sqlite://there.db"]].concat(),
        );
        assert!(told.contains("taskwell copy --resume"), "{told}");
    }
    copied(folder, "sqlite://here.db", "sqlite://there.db", &["--resume"]);
    commands::done(folder, &["user", "list", "--database-url", "sqlite://there.db"], "");
}
