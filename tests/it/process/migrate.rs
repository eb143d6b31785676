//! `taskwell migrate` on stores of earlier versions: killed halfway, refused, and the data that it
//! keeps.

use std::path::Path;

use rusqlite::Connection;
use taskwell_core::db::SCHEMA_VERSION;

use super::commands::{done, refused};
use crate::support::postgres::Database;
use crate::support::process::taskwell;
use crate::support::wait::kill_after_cpu_time;

const TASKS: i64 = 20_000;
const SCHEMAS: [&str; 5] = [
    include_str!("../../../core/migrations/0001_initial.sqlite.sql"),
    include_str!("../../../core/migrations/0002_accounts.sqlite.sql"),
    include_str!("../../../core/migrations/0003_mail.sqlite.sql"),
    include_str!("../../../core/migrations/0004_two_factor.sqlite.sql"),
    include_str!("../../../core/migrations/0005_idempotency.sqlite.sql"),
];

/// Creates a store of version 5.
fn old_store(file: &Path) {
    let sql = Connection::open(file).unwrap();
    sql.execute_batch("PRAGMA journal_mode = WAL; BEGIN").unwrap();
    sql.execute_batch(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
         applied_at INTEGER NOT NULL) STRICT",
    )
    .unwrap();
    for (at, schema) in SCHEMAS.iter().enumerate() {
        sql.execute_batch(schema).unwrap();
        sql.execute(
            "INSERT INTO schema_migrations VALUES (?1, 'old', 0)",
            [i64::try_from(at + 1).unwrap()],
        )
        .unwrap();
    }
    sql.execute_batch(&format!(
        "INSERT INTO users VALUES (1, x'01', 'ada', 'ada', NULL, 'a@b', 'a@b', 'h', 'user', 1, 1,
            0, 0);
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {TASKS})
         INSERT INTO tasks (uuid, owner, title, status, priority, created_at, updated_at, version)
         SELECT randomblob(16), 1, 'STRASSE ' || n, 'pending', 1, 0, 0, n FROM n; COMMIT"
    ))
    .unwrap();
}

fn number(sql: &Connection, text: &str) -> i64 {
    sql.query_row(text, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_migration_that_is_killed_leaves_the_old_schema_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.db");
    old_store(&template);
    for round in 0..8 {
        let folder = folder.path().join(round.to_string());
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(&template, folder.join("taskwell.db")).unwrap();
        let mut child = taskwell(&folder).arg("migrate").spawn().unwrap();
        kill_after_cpu_time(&mut child, 50 * round);
        {
            let sql = Connection::open(folder.join("taskwell.db")).unwrap();
            let version = number(&sql, "SELECT max(version) FROM schema_migrations");
            let columns = "SELECT count(*) FROM pragma_table_info('tasks') WHERE name = 'folded'";
            assert_eq!(number(&sql, columns), i64::from(version > 5));
            assert_eq!(number(&sql, "SELECT count(*) FROM tasks"), TASKS);
        }
        done(&folder, &["migrate"], "");
        let sql = Connection::open(folder.join("taskwell.db")).unwrap();
        assert_eq!(
            number(&sql, "SELECT count(*) FROM tasks WHERE folded = 'strasse ' || id"),
            TASKS
        );
        let kept =
            Connection::open(folder.join(format!("taskwell.db.before-schema-{SCHEMA_VERSION}")))
                .unwrap();
        assert_eq!(number(&kept, "SELECT max(version) FROM schema_migrations"), 5);
        assert_eq!(number(&kept, "SELECT count(*) FROM tasks"), TASKS);
        assert!(
            !folder.join(format!("taskwell.db.before-schema-{SCHEMA_VERSION}.partial")).exists()
        );
    }
}

#[test]
fn a_newer_store_is_refused_and_not_even_its_log_is_folded_in() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["migrate"], "");
    let (file, log) = (folder.join("taskwell.db"), folder.join("taskwell.db-wal"));
    let sql = Connection::open(&file).unwrap();
    sql.execute_batch("INSERT INTO schema_migrations VALUES (99, 'newer', 0)").unwrap();
    // As a crash leaves them: copied while they are open.
    let (file_before, log_before) = (std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap());
    drop(sql);
    std::fs::write(&file, &file_before).unwrap();
    std::fs::write(&log, &log_before).unwrap();
    for command in [&["serve"][..], &["migrate"], &["user", "list"], &["backup", "copy.db"]] {
        let told = refused(folder, command);
        assert!(told.contains("newer Taskwell"), "{told}");
        assert_eq!(std::fs::read(&file).unwrap(), file_before);
        assert_eq!(std::fs::read(&log).unwrap(), log_before);
    }
}

const POSTGRES_SCHEMAS: [&str; 5] = [
    include_str!("../../../core/migrations/0001_initial.postgres.sql"),
    include_str!("../../../core/migrations/0002_accounts.postgres.sql"),
    include_str!("../../../core/migrations/0003_mail.postgres.sql"),
    include_str!("../../../core/migrations/0004_two_factor.postgres.sql"),
    include_str!("../../../core/migrations/0005_idempotency.postgres.sql"),
];

#[tokio::test]
async fn a_migration_that_is_killed_leaves_the_old_schema_or_the_new_one_on_postgresql_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    let known = "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
                 applied_at BIGINT NOT NULL)";
    database.rows(known).await;
    for (at, schema) in POSTGRES_SCHEMAS.iter().enumerate() {
        database.rows(schema).await;
        database
            .rows(&format!("INSERT INTO schema_migrations VALUES ({}, 'old', 0)", at + 1))
            .await;
    }
    database
        .rows(&format!(
            "INSERT INTO users VALUES (1, gen_random_uuid(), 'ada', 'ada', NULL, 'a@b', 'a@b', 'h',
                'user', TRUE, TRUE, 0, 0);
             INSERT INTO tasks (uuid, owner, title, status, priority, created_at, updated_at,
                 version)
             SELECT gen_random_uuid(), 1, 'STRASSE ' || n, 'pending', 1, 0, 0, n FROM
                 generate_series(1, {TASKS}) n"
        ))
        .await;
    let migrate = || {
        let mut command = taskwell(folder.path());
        command.args(["migrate", "--database-url", &database.url]);
        command.env("JWT_SECRET", "a secret of the tests, 32 bytes or more");
        command
    };
    let one = async |text: &str| database.rows(text).await[0][0].clone().unwrap();
    for round in 0..6 {
        let mut child = migrate().spawn().unwrap();
        kill_after_cpu_time(&mut child, 50 * round);
        let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'tasks' \
                       AND column_name = 'folded'";
        let is_new =
            one("SELECT max(version) FROM schema_migrations").await == SCHEMA_VERSION.to_string();
        assert_eq!(one(columns).await, u8::from(is_new).to_string());
        assert_eq!(one("SELECT count(*) FROM tasks").await, TASKS.to_string());
    }
    assert!(migrate().status().unwrap().success());
    let filled = "SELECT count(*) FROM tasks WHERE folded = 'strasse ' || id";
    assert_eq!(one(filled).await, TASKS.to_string());
}
