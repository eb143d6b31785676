//! A store from before names were case-folded: what the migration does to accounts whose names
//! collide.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;

use super::commands::{done, login, refused, task};
use crate::support::PASSWORD;
use crate::support::postgres::Database;
use crate::support::process::{Server, taskwell};

const SECRET: &str = "a secret of the tests, 32 bytes or more";

/// Statements that convert a current store into an older one. The accounts of these tests get their
/// names and keys of that time.
const BEFORE: [&str; 13] = [
    "DROP TABLE mail_sent",
    "DROP INDEX mail_queue_of_recipient",
    "ALTER TABLE mail_queue DROP COLUMN turn_at",
    "DROP INDEX users_shadowed",
    "DROP INDEX \"users.username_skeleton\"",
    "ALTER TABLE users DROP COLUMN username_skeleton",
    "ALTER TABLE users DROP COLUMN username_shadowed",
    "ALTER TABLE users DROP COLUMN email_shadowed",
    "DELETE FROM schema_migrations WHERE version = 8",
    "UPDATE users SET username = 'straße', username_key = 'straße', email = 'οδος@x.de', email_key \
     = 'οδος@x.de' WHERE id = 1",
    "UPDATE users SET username = 'STRASSE', username_key = 'strasse' WHERE id = 2",
    "UPDATE users SET email = 'ΟΔΟΣ@x.de', email_key = 'οδοσ@x.de' WHERE id = 3",
    "UPDATE users SET username = 'Straße-4', username_key = 'straße-4', email = 'οΔοσ@x.de', \
     email_key = 'old οδοσ@x.de' WHERE id = 4",
];

fn serve(folder: &Path, store: &str) -> Server {
    Server::run(
        taskwell(folder).args(["--port", "0", "--database-url", store]).env("JWT_SECRET", SECRET),
    )
}

/// Creates four accounts with a task each.
fn furnish(server: &Server) {
    for n in 1..=4 {
        let new = json!({
            "username": format!("user{n}"), "email": format!("user{n}@x.de"), "password": PASSWORD
        });
        assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
        let token = login(server, &format!("user{n}"), PASSWORD).unwrap();
        task(server, &token, &format!("task {n}"));
    }
}

/// Returns the id of the account that a name logs in to, if any. Its task must still exist.
fn id_of(server: &Server, name: &str) -> Option<i64> {
    let token = login(server, name, PASSWORD)?;
    let tasks = server.send("GET", "/api/v1/tasks", &token, None).json();
    assert_eq!(tasks.as_array().unwrap().len(), 1, "{name}");
    server.send("GET", "/api/v1/users/me", &token, None).json()["id"].as_i64()
}

async fn check(folder: &Path, store: &str, run: impl AsyncFn(&str)) {
    furnish(&serve(folder, store));
    for text in BEFORE {
        run(text).await;
    }
    let mut server = serve(folder, store);
    check_logins(&server);
    server.child.kill().unwrap();
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    for words in [
        "account 2 is username_shadowed",
        "account 3 is email_shadowed",
        "account 4 is email_shadowed",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert!(!log.contains("account 1 is"), "{log}");
    check_commands(folder, store);
    let server = serve(folder, store);
    assert_eq!(id_of(&server, "TWO"), Some(2));
    assert_eq!(id_of(&server, "strasse"), Some(1));
}

fn check_logins(server: &Server) {
    // Every spelling finds the oldest account. The others are found by their other name.
    for name in ["straße", "STRASSE", "ΟΔΟΣ@X.de", "οδος@x.de"] {
        assert_eq!(id_of(server, name), Some(1), "{name}");
    }
    assert_eq!(id_of(server, "user2@x.de"), Some(2));
    assert_eq!(id_of(server, "user3"), Some(3));
    assert_eq!(id_of(server, "strasse-4"), Some(4));
    for placeholder in ["SHADOWED 2", "shadowed 2", "SHADOWED 3"] {
        assert!(login(server, placeholder, PASSWORD).is_none(), "{placeholder}");
    }
    // Changes of other fields do not affect a shadowed account's name.
    let two = login(server, "user2@x.de", PASSWORD).unwrap();
    let change = json!({ "username": "STRASSE", "name": "Two" });
    let reply = server.send("PATCH", "/api/v1/users/me", &two, Some(&change));
    assert_eq!((reply.status, &reply.json()["username"]), (200, &json!("STRASSE")), "{reply:?}");
    assert_eq!(id_of(server, "strasse"), Some(1));
    let taken =
        server.send("PATCH", "/api/v1/users/me", &two, Some(&json!({ "username": "Strasse" })));
    assert_eq!(taken.status, 400, "{taken:?}");
}

/// Asserts that the command line lists the shadowed accounts, and that a new name resolves the
/// collision.
fn check_commands(folder: &Path, store: &str) {
    let list = || done(folder, &["user", "list", "--database-url", store], "");
    let accounts = list();
    let ends: Vec<&str> = accounts.lines().map(|line| line.rsplit('\t').next().unwrap()).collect();
    assert_eq!(
        ends,
        ["active", "username_shadowed", "email_shadowed", "email_shadowed"],
        "{accounts}"
    );
    done(folder, &["user", "set-username", "2", "two", "--database-url", store], "");
    let told =
        refused(folder, &["user", "set-username", "3", "adaпример", "--database-url", store]);
    assert!(told.contains("several scripts"), "{told}");
    let accounts = list();
    assert!(accounts.lines().nth(1).unwrap().ends_with("\tactive"), "{accounts}");
}

#[tokio::test]
async fn accounts_that_fall_together_keep_everything_and_are_named_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taskwell.db");
    let store = format!("sqlite://{}", file.display());
    check(folder.path(), &store, async |text| {
        rusqlite::Connection::open(&file).unwrap().execute_batch(text).unwrap();
    })
    .await;
}

#[tokio::test]
async fn accounts_that_fall_together_keep_everything_and_are_named_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    check(folder.path(), &database.url, async |text| drop(database.rows(text).await)).await;
}
