//! Tests of migrations on SQLite. `tests/it/process/migrate.rs` runs them on both databases.

use super::*;

const STEP: Migration = Migration { name: "test", sqlite: "", postgres: "", then: None };

/// A row in each table.
const ROWS: &str = "
    INSERT INTO users (id, uuid, username, username_key, email, email_key, password_hash, role,
        is_active, email_verified, created_at, updated_at)
        VALUES (1, x'01', 'ada', 'ada', 'a@b', 'a@b', 'h', 'user', 1, 1, 0, 0);
    INSERT INTO sessions (uuid, user_id, created_at, last_used_at, expires_at) VALUES (x'02', 1, 0,
        0, 0);
    INSERT INTO refresh_tokens (hash, session_uuid) VALUES (x'03', x'02');
    INSERT INTO counters (owner, last) VALUES (1, 1);
    INSERT INTO tasks (id, uuid, owner, title, status, priority, created_at, updated_at, version)
        VALUES (7, x'04', 1, 'STRASSE', 'pending', 1, 0, 0, 1);
    INSERT INTO changes VALUES (1, 1, 1, 7, x'04', 'created', 1, 0, NULL, '{}');
    INSERT INTO personal_tokens VALUES (x'05', 1, 't', x'05', 's', 0, NULL, 0);
    INSERT INTO audit (at, action) VALUES (0, 'a');
    INSERT INTO mail_queue (kind, user_id, recipient, attempts, next_at, created_at)
        VALUES ('k', 1, 'a@b', 0, 0, 0);
    INSERT INTO mail_tokens VALUES (x'06', 1, 'p', 'a@b', 0);
    INSERT INTO totp VALUES (1, x'07', 0, NULL, 0);
    INSERT INTO recovery_codes VALUES (x'08', 1);
    INSERT INTO idempotency_keys (hash, user_id, fingerprint, outcome, at) VALUES (x'09', 1, x'0a',
        'o', 0);";

pub(in crate::db) fn with_rows() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    apply(&connection, &MIGRATIONS[..5], None, &Clock::default()).unwrap();
    connection.execute_batch(ROWS).unwrap();
    connection
}

/// Returns each table with its SQL and its number of rows.
fn tables(connection: &Connection) -> Vec<(String, String, i64)> {
    let text = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE \
                'sqlite_%' ORDER BY 1";
    let mut found = connection.prepare(text).unwrap();
    let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let count = |name: &str| {
        let text = format!("SELECT count(*) FROM {name}");
        connection.query_row(&text, [], |row| row.get(0)).unwrap()
    };
    let rows = rows.map(|row: rusqlite::Result<(String, String)>| row.unwrap());
    rows.map(|(name, sql)| (name.clone(), sql, count(&name))).collect()
}

fn foreign_keys(connection: &Connection) -> bool {
    connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap()
}

#[test]
fn a_step_may_rebuild_each_table_and_loses_no_row() {
    let connection = with_rows();
    apply(&connection, MIGRATIONS, None, &Clock::default()).unwrap();
    connection.execute_batch("INSERT INTO mail_sent VALUES (x'0b', 1, 0)").unwrap();
    let before = tables(&connection);
    for (name, sql, rows) in &before {
        assert!(*rows > 0, "{name} has no row");
        let sql = sql.replacen(name, &format!("new_{name}"), 1);
        let rebuild = format!(
            "{sql}; INSERT INTO new_{name} SELECT * FROM {name}; DROP TABLE {name}; \
             ALTER TABLE new_{name} RENAME TO {name};"
        );
        let version = version(&connection).unwrap().unwrap();
        let mut migrations: Vec<Migration> = (0..version).map(|_| STEP).collect();
        migrations.push(Migration { sqlite: rebuild.leak(), ..STEP });
        apply(&connection, &migrations, None, &Clock::default()).unwrap();
        assert!(foreign_keys(&connection));
    }
    let counts = |all: &[(String, String, i64)]| -> Vec<(String, i64)> {
        let rows = all.iter().filter(|(name, ..)| name != "schema_migrations");
        rows.map(|(name, _, rows)| (name.clone(), *rows)).collect()
    };
    assert_eq!(counts(&before), counts(&tables(&connection)));
    // References to a rebuilt table are intact.
    connection.execute_batch("DELETE FROM users").unwrap();
    let left: i64 =
        connection.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_step_that_fails_or_breaks_a_reference_leaves_the_schema_as_it_was() {
    for (sql, then) in [
        ("DELETE FROM users", None),
        ("DROP TABLE changes; CREATE TABLE nonsense (", None),
        (
            "DROP TABLE changes",
            Some((|_, _| Err(Error::Internal("no".into()))) as super::super::migrations::Step),
        ),
    ] {
        let connection = with_rows();
        let before = tables(&connection);
        let mut migrations: Vec<Migration> = (0..5).map(|_| STEP).collect();
        migrations.push(Migration { sqlite: sql, then, ..STEP });
        apply(&connection, &migrations, None, &Clock::default()).unwrap_err();
        assert_eq!(before, tables(&connection));
        assert!(foreign_keys(&connection) && connection.is_autocommit());
    }
}
