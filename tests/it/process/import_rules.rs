//! `taskwell import`: the meaning of columns, whichever program created them.

use std::path::Path;

use serde_json::Value;

use super::import::{import, login, serve, tasks};
use crate::support::PASSWORD;
use crate::support::postgres::Database;

/// A hash of [`PASSWORD`] that argon2-cffi made, of each of the three kinds.
const ARGON2: [&str; 3] = [
    "$argon2id$v=19$m=64,t=1,p=2$wYYgE4LatnigdDs5CPbXFw$+t+y3JV5H4BQTbUxD6BlRLWKgG64Afl24YzD4fl5q4Q",
    "$argon2i$v=19$m=64,t=1,p=2$xaK1Rnfq69ajml+lC/kPEQ$HcOc7+QCcU95Ln75qkpgTqEjXYEEEHlKzb6wfG4+pWI",
    "$argon2d$v=19$m=64,t=1,p=2$UqRzaFwu4xmCQL8Xw40u6A$p6fpl5u0aPTjBt40JxpQ9i45hANIwlx7qcX+ERhf/0A",
];

/// Creates both kinds of database with these statements. Returns each with a store of the other
/// kind as its target.
async fn sources(folder: &Path, name: &str, statements: &str) -> [(String, String); 2] {
    let file = folder.join(format!("{name}.db"));
    rusqlite::Connection::open(&file).unwrap().execute_batch(statements).unwrap();
    let (source, target) = (Database::new().await, Database::new().await);
    source.rows(statements).await;
    let store = format!("sqlite://{}", folder.join(format!("{name}-taskwell.db")).display());
    [(format!("sqlite://{}", file.display()), target.url), (source.url, store)]
}

/// Returns the SQL for accounts `user0`, `user1`, …, each with its own values for the columns after
/// the password.
fn accounts(columns: &str, values: &[&str]) -> String {
    let hash = ARGON2[0];
    let row = |(n, more): (usize, &&str)| {
        format!("({n}, 'user{n}', 'user{n}@example.org', '{hash}', {more})")
    };
    let rows: Vec<String> = values.iter().enumerate().map(row).collect();
    format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, email TEXT, password TEXT,
            {columns});
         INSERT INTO users VALUES {};",
        rows.join(", ")
    )
}

const NO_TASKS: &str = "CREATE TABLE tasks (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT);";

#[tokio::test]
async fn who_was_shut_out_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let columns =
        "active INTEGER, disabled BOOLEAN, banned_at TIMESTAMP, status TEXT, is_deleted INTEGER";
    let values = [
        "1, FALSE, NULL, 'active', 0",
        "0, FALSE, NULL, 'active', 0",
        "NULL, FALSE, NULL, 'active', 0",
        "1, TRUE, NULL, 'ACTIVE', 0",
        "1, FALSE, '2024-02-29 12:30:15', 'active', NULL",
        "1, FALSE, NULL, 'banned', 0",
        "1, FALSE, NULL, '', 0",
        "1, NULL, NULL, 'Status.ENABLED', 0",
        "1, FALSE, NULL, 'active', 1",
        "1, FALSE, NULL, 'deleted', 0",
    ];
    let statements = accounts(columns, &values) + NO_TASKS;
    for (from, to) in sources(folder, "other", &statements).await {
        let told = import(folder, &from, &to, &["--apply"], 0);
        assert!(told.contains("users: 8 accepted, 0 refused, 2 left out"), "{told}");
        assert!(told.contains("0 are admins, 6 are deactivated"), "{told}");
        for unclear in ["changed: user 2: active: ", "changed: user 6: status: "] {
            assert!(told.contains(unclear), "{told}");
        }
        let server = serve(folder, &to);
        for (n, said) in values.iter().enumerate() {
            let is_in = login(&server, &format!("user{n}"), PASSWORD).is_ok();
            assert_eq!(is_in, n == 0 || n == 7, "user{n}: {said}");
        }
    }
}

#[tokio::test]
async fn whatever_says_that_a_task_is_done_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (column, yes, no) in [
        ("done INTEGER", "1", "0"),
        ("is_done BOOLEAN", "TRUE", "FALSE"),
        ("complete TEXT", "'yes'", "'no'"),
        ("is_finished INTEGER", "1", "NULL"),
        ("\"isCompleted\" BOOLEAN", "TRUE", "FALSE"),
        ("status BOOLEAN", "TRUE", "FALSE"),
        ("status TEXT", "'DONE'", "'Status.TODO'"),
        ("completed_at TIMESTAMP", "'2024-02-29 12:30:15'", "NULL"),
    ] {
        let name = column.replace([' ', '"'], "_");
        let statements = accounts("x INTEGER", &["1"])
            + &format!(
                "CREATE TABLE todo (id INTEGER PRIMARY KEY, user_id INTEGER, title TEXT, {column});
                 INSERT INTO todo VALUES (1, 0, 'done', {yes}), (2, 0, 'open', {no});"
            );
        for (from, to) in sources(folder, &name, &statements).await {
            import(folder, &from, &to, &["--apply"], 0);
            let server = serve(folder, &to);
            let list = tasks(&server, &login(&server, "user0", PASSWORD).unwrap());
            let done = list.iter().filter(|task| task["completed"] == true);
            let done: Vec<&Value> = done.map(|task| &task["title"]).collect();
            assert_eq!((list.len(), done), (2, vec![&"done".into()]), "{column}");
        }
    }
}

#[tokio::test]
async fn a_task_whose_owners_disagree_or_that_was_thrown_away_does_not_come() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let statements = accounts("x INTEGER", &["1", "2"])
        + "CREATE TABLE tasks (id INTEGER PRIMARY KEY, user_id INTEGER, owner_id INTEGER, title
            TEXT,
                               deleted_at TIMESTAMP, state TEXT);
           INSERT INTO tasks VALUES
               (1, 0, 0, 'both', NULL, NULL), (2, 0, NULL, 'one', NULL, ''), (3, NULL, 0, 'other',
                   NULL, NULL),
               (4, 0, 1, 'disagree', NULL, NULL), (5, NULL, NULL, 'nobody', NULL, NULL),
               (6, 7, 7, 'stranger', NULL, NULL), (7, 0, 0, 'gone', '2024-02-29 12:30:15', NULL),
               (8, 0, 0, 'what', NULL, 'cancelled');";
    for (from, to) in sources(folder, "other", &statements).await {
        for apply in [&[][..], &["--apply"]] {
            let told = import(folder, &from, &to, apply, 1);
            for words in [
                "refused: task 4: owner_id: is 1, but user_id is 0",
                "refused: task 5: user_id: is empty",
                "refused: task 6: user_id: this user does not exist",
                "left out: task 7: deleted_at: counts as deleted there",
                "refused: task 8: state: must be one of pending, in_progress, completed",
                "tasks: 3 accepted, 4 refused, 1 left out",
            ] {
                assert!(told.contains(words), "{words}: {told}");
            }
        }
        let server = serve(folder, &to);
        let list = tasks(&server, &login(&server, "user0", PASSWORD).unwrap());
        let mut titles: Vec<&str> =
            list.iter().map(|task| task["title"].as_str().unwrap()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["both", "one", "other"]);
        assert!(tasks(&server, &login(&server, "user1", PASSWORD).unwrap()).is_empty());
    }
}

#[tokio::test]
async fn argon2_hashes_of_every_kind_let_their_owners_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows: Vec<String> = ARGON2
        .iter()
        .enumerate()
        .map(|(n, hash)| format!("({n}, 'user{n}', 'user{n}@example.org', '{hash}')"))
        .collect();
    let statements = format!(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT, email TEXT, password_hash TEXT);
         INSERT INTO users VALUES {}; {NO_TASKS}",
        rows.join(", ")
    );
    for (from, to) in sources(folder, "other", &statements).await {
        import(folder, &from, &to, &["--apply"], 0);
        let server = serve(folder, &to);
        for (n, hash) in ARGON2.iter().enumerate() {
            assert_eq!(login(&server, &format!("user{n}"), "another one 1815"), Err(401));
            assert!(login(&server, &format!("user{n}"), PASSWORD).is_ok(), "{hash}");
        }
    }
}
