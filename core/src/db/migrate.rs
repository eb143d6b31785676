//! Migrations: numbered pairs of files, one for each database, each applied once, all in one transaction. A schema from a
//! newer version is left alone.

use rusqlite::{Connection, OptionalExtension as _};
use tokio_postgres::{Client, Transaction};

use super::postgres::message as postgres_message;
use super::sqlite::error;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// One step of the schema, in the words of each database.
struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// The migrations in order; the schema's version is how many of them were applied.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "initial",
        sqlite: include_str!("../../migrations/0001_initial.sqlite.sql"),
        postgres: include_str!("../../migrations/0001_initial.postgres.sql"),
    },
    Migration {
        name: "accounts",
        sqlite: include_str!("../../migrations/0002_accounts.sqlite.sql"),
        postgres: include_str!("../../migrations/0002_accounts.postgres.sql"),
    },
    Migration {
        name: "mail",
        sqlite: include_str!("../../migrations/0003_mail.sqlite.sql"),
        postgres: include_str!("../../migrations/0003_mail.postgres.sql"),
    },
    Migration {
        name: "two_factor",
        sqlite: include_str!("../../migrations/0004_two_factor.sqlite.sql"),
        postgres: include_str!("../../migrations/0004_two_factor.postgres.sql"),
    },
    Migration {
        name: "idempotency",
        sqlite: include_str!("../../migrations/0005_idempotency.sqlite.sql"),
        postgres: include_str!("../../migrations/0005_idempotency.postgres.sql"),
    },
];

/// The schema version that this build works with.
#[expect(clippy::cast_possible_wrap, reason = "there are not that many")]
pub const CURRENT: i64 = MIGRATIONS.len() as i64;

/// What opening did to the schema: its version before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    pub from: i64,
    pub to: i64,
}

/// What is to be applied to a schema of that version, each with the version after it.
fn steps(from: i64) -> impl Iterator<Item = (i64, &'static Migration)> {
    (1..).zip(MIGRATIONS).filter(move |(number, _)| *number > from)
}

/// Brings the schema to [`CURRENT`].
///
/// # Errors
/// The schema is newer, or the file holds somebody else's tables; then nothing is written.
pub(super) fn sqlite(connection: &Connection, now: Timestamp) -> Result<Migrated> {
    if version(connection)? == Some(CURRENT) {
        return Ok(Migrated { from: CURRENT, to: CURRENT });
    }
    require_replaceable(connection)?;
    let step = connection.unchecked_transaction().map_err(error)?;
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations \
             (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )
        .map_err(error)?;
    // Asked again inside: another process may have been faster.
    let from = version(connection)?.unwrap_or(0);
    for (number, Migration { name, sqlite, .. }) in steps(from) {
        connection
            .execute_batch(sqlite)
            .map_err(|e| Error::internal(&format!("migration {number} ({name})"), e))?;
        connection
            .execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3)",
                (number, name, now.as_micros()),
            )
            .map_err(error)?;
    }
    step.commit().map_err(error)?;
    Ok(Migrated { from, to: CURRENT })
}

/// The same on PostgreSQL, by one instance at a time. `client` is a connection to the server itself, no pooler's.
pub(super) async fn postgres(client: &mut Client, now: Timestamp) -> Result<Migrated> {
    let failed = |e: tokio_postgres::Error| Error::internal("migrating", postgres_message(&e));
    // Held until the transaction ends. Its number is arbitrary, and this program's own.
    let step = client.transaction().await.map_err(failed)?;
    step.batch_execute("SELECT pg_advisory_xact_lock(6022140762140857)").await.map_err(failed)?;
    let from = postgres_version(&step).await.map_err(failed)?;
    match from {
        Some(CURRENT) => return Ok(Migrated { from: CURRENT, to: CURRENT }),
        Some(newer) if newer > CURRENT => return Err(newer_schema(newer)),
        _ => {}
    }
    if from.is_none() {
        require_no_others(&step).await?;
        step.batch_execute(
            "CREATE TABLE schema_migrations \
             (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .await
        .map_err(failed)?;
    }
    let from = from.unwrap_or(0);
    for (number, Migration { name, postgres, .. }) in steps(from) {
        step.batch_execute(postgres)
            .await
            .map_err(|e| Error::internal(&format!("migration {number} ({name})"), postgres_message(&e)))?;
        step.execute(
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
            &[&number, name, &now.as_micros()],
        )
        .await
        .map_err(failed)?;
    }
    step.commit().await.map_err(failed)?;
    Ok(Migrated { from, to: CURRENT })
}

/// That no other program's tables are where ours would be made.
async fn require_no_others(step: &Transaction<'_>) -> Result<()> {
    let theirs = step
        .query_opt(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename IN \
             ('users', 'sessions', 'refresh_tokens', 'counters', 'tasks', 'changes') LIMIT 1",
            &[],
        )
        .await
        .map_err(|e| Error::internal("migrating", postgres_message(&e)))?;
    match theirs {
        None => Ok(()),
        Some(row) => Err(Error::Internal(format!(
            "the database has a table {} that is not Taskwell's: take a database or schema of its own. Nothing was changed",
            row.get::<_, &str>(0)
        ))),
    }
}

async fn postgres_version(step: &Transaction<'_>) -> Result<Option<i64>, tokio_postgres::Error> {
    // Only where new tables would be made: other schemas of the search path may be somebody else's.
    let known = step
        .query_one(
            "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_migrations')",
            &[],
        )
        .await?;
    if !known.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = step.query_one("SELECT coalesce(max(version), 0) FROM schema_migrations", &[]).await?;
    Ok(Some(row.get(0)))
}

/// That the database is Taskwell's, of this version or an older one.
pub(super) fn require_known(connection: &Connection) -> Result<()> {
    match version(connection)? {
        None => Err(Error::Internal("this is not a Taskwell database".into())),
        Some(newer) if newer > CURRENT => Err(newer_schema(newer)),
        Some(_) => Ok(()),
    }
}

/// That the database is empty or Taskwell's, of this version or an older one.
pub(super) fn require_replaceable(connection: &Connection) -> Result<()> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(error)?;
    if tables == 0 { Ok(()) } else { require_known(connection) }
}

fn newer_schema(found: i64) -> Error {
    Error::Internal(format!(
        "the database has schema version {found} and this Taskwell knows versions up to {CURRENT}: \
         it was written by a newer Taskwell; run that one, or restore an older backup. Nothing was changed"
    ))
}

/// The schema's version; `None` where there is no Taskwell schema.
fn version(connection: &Connection) -> Result<Option<i64>> {
    let known = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'",
            [],
            |_| Ok(()),
        )
        .optional()
        .map_err(error)?;
    if known.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM schema_migrations", [], |row| row.get(0)).map_err(error)
}
