//! The migration runner: migrates a schema to this version in one transaction. It leaves a schema
//! of a newer version unchanged.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::migrations::{MIGRATIONS, Migration};
use super::postgres::codec::message as postgres_message;
use super::postgres::connection::Connection as PostgresConnection;
use super::snapshot;
use super::sqlite::{self, error};
use super::tx::WriteTx;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// The schema version that this build requires.
#[expect(clippy::cast_possible_wrap, reason = "there are not that many")]
pub const CURRENT: i64 = MIGRATIONS.len() as i64;

/// The schema version before and after opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    pub from: i64,
    pub to: i64,
    /// Whether a copy into this store has started but not finished.
    pub is_filling: bool,
}

impl Migrated {
    /// Checks that the store is complete.
    ///
    /// # Errors
    /// A copy into this store has not finished.
    pub fn require_whole(&self) -> Result<()> {
        if self.is_filling { Err(filling()) } else { Ok(()) }
    }
}

/// Returns the migrations to apply to a schema of version `from`, each with the version after it.
fn steps(migrations: &[Migration], from: i64) -> impl Iterator<Item = (i64, &Migration)> {
    (1..).zip(migrations).filter(move |(number, _)| *number > from)
}

/// Migrates the schema to [`CURRENT`]. With `path`, first saves a copy of an older schema beside
/// it.
///
/// # Errors
/// The schema is newer, or the file contains tables of another program. Nothing is written then.
pub(super) fn sqlite(
    connection: &Connection,
    path: Option<&Path>,
    clock: &Clock,
) -> Result<Migrated> {
    let migrated = if version(connection)? == Some(CURRENT) {
        Migrated { from: CURRENT, to: CURRENT, is_filling: false }
    } else {
        require_replaceable(connection)?;
        apply(connection, MIGRATIONS, path, clock)?
    };
    let is_filling = connection.query_row(IS_FILLING, [], |row| row.get(0)).map_err(error)?;
    Ok(Migrated { is_filling, ..migrated })
}

const IS_FILLING: &str = "SELECT is_filling FROM store";

/// Checks that the store is not an incomplete copy.
pub(super) fn require_whole(connection: &Connection) -> Result<()> {
    let has_row = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'store')";
    let look = |text| connection.query_row(text, [], |row| row.get::<_, bool>(0)).map_err(error);
    if look(has_row)? && look(IS_FILLING)? { Err(filling()) } else { Ok(()) }
}

/// The error for an incomplete copy, which only `taskwell copy` may open.
fn filling() -> Error {
    Error::Internal(
        "the store is an incomplete copy. Complete it with taskwell copy --resume, \
         or use an empty database"
            .into(),
    )
}

/// Applies the missing migrations in one transaction. Foreign keys are off meanwhile: a migration
/// that rebuilds a table drops the old one, which would delete all rows that refer to it by
/// cascade. SQLite allows this switch only outside a transaction.
pub(super) fn apply(
    connection: &Connection,
    migrations: &[Migration],
    path: Option<&Path>,
    clock: &Clock,
) -> Result<Migrated> {
    connection.pragma_update(None, "foreign_keys", false).map_err(error)?;
    let applied = begin_alone(connection).and_then(|()| {
        if let (Some(path), Some(from)) = (path, version(connection)?)
            && from < CURRENT
        {
            snapshot::keep_before(path, CURRENT)?;
        }
        let migrated = apply_within(connection, migrations, clock)?;
        require_references(connection)?;
        sqlite::commit(connection)?;
        Ok(migrated)
    });
    sqlite::rollback(connection);
    connection.pragma_update(None, "foreign_keys", true).map_err(error)?;
    applied
}

/// Takes the write lock. Waits without a limit while another process holds it.
fn begin_alone(connection: &Connection) -> Result<()> {
    loop {
        match sqlite::begin_write(connection) {
            Err(Error::Unavailable { .. }) => {
                tracing::warn!(
                    "another process holds the write lock of the database; the migration waits for \
                     it"
                );
            }
            begun => return begun,
        }
    }
}

fn apply_within(
    connection: &Connection,
    migrations: &[Migration],
    clock: &Clock,
) -> Result<Migrated> {
    let known = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name \
                 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";
    connection.execute_batch(known).map_err(error)?;
    // Checked again within the transaction, because another process may have been faster.
    let from = version(connection)?.unwrap_or(0);
    if steps(migrations, 0).all(|(number, _)| number < from) {
        return Err(newer_schema(from));
    }
    for (number, Migration { name, sqlite, then, .. }) in steps(migrations, from) {
        connection.execute_batch(sqlite).map_err(|e| failed(number, name, error(e)))?;
        let mut at = then.map(|_| 0);
        while let (Some(then), Some(after)) = (then, at) {
            at = then(&mut WriteTx::on_sqlite(connection, clock), after)
                .map_err(|e| failed(number, name, e))?;
        }
        let applied =
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3)";
        connection.execute(applied, (number, name, clock.now().as_micros())).map_err(error)?;
    }
    Ok(Migrated { from, to: version(connection)?.unwrap_or(from), is_filling: false })
}

/// Checks that no row refers to a missing row.
fn require_references(connection: &Connection) -> Result<()> {
    let broken = connection
        .query_row("PRAGMA foreign_key_check", [], |row| Ok((row.get(0)?, row.get(2)?)))
        .optional()
        .map_err(error)?;
    match broken {
        None => Ok(()),
        Some((table, parent)) => {
            let (table, parent): (String, String) = (table, parent);
            Err(Error::Internal(format!(
                "cannot migrate: a row of {table} would refer to a row of {parent} that does not \
                 exist. Nothing was changed"
            )))
        }
    }
}

/// Adds the migration to the error. A full disk keeps its own error, because its remedy is not in
/// the migration.
fn failed(number: i64, name: &str, e: Error) -> Error {
    match e {
        Error::StorageFull => e,
        e => Error::internal(&format!("migration {number} ({name})"), e),
    }
}

/// Migrates on PostgreSQL, one instance at a time. `connection` must lead to the server itself, not
/// to a pooler. After an error the caller closes it, and the server rolls back.
pub(super) async fn postgres(connection: &PostgresConnection, clock: &Clock) -> Result<Migrated> {
    let client = connection.client();
    let failure =
        |e: tokio_postgres::Error| Error::internal("cannot migrate", postgres_message(&e));
    // The lock is held until the transaction ends. Its number is arbitrary and specific to
    // Taskwell.
    let lock = "BEGIN; SELECT pg_advisory_xact_lock(6022140762140857)";
    client.batch_execute(lock).await.map_err(failure)?;
    let from = postgres_version(client).await.map_err(failure)?;
    match from {
        Some(CURRENT) => {
            let is_filling = client.query_typed_one(IS_FILLING, &[]).await.map_err(failure)?.get(0);
            client.batch_execute("ROLLBACK").await.map_err(failure)?;
            return Ok(Migrated { from: CURRENT, to: CURRENT, is_filling });
        }
        Some(newer) if newer > CURRENT => return Err(newer_schema(newer)),
        _ => {}
    }
    if from.is_none() {
        require_no_others(client).await?;
        let known = "CREATE TABLE schema_migrations \
                     (version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";
        client.batch_execute(known).await.map_err(failure)?;
    }
    let from = from.unwrap_or(0);
    for (number, Migration { name, postgres, then, .. }) in steps(MIGRATIONS, from) {
        let refused = |e| failed(number, name, Error::Internal(postgres_message(&e)));
        client.batch_execute(postgres).await.map_err(refused)?;
        let mut at = then.map(|_| 0);
        while let (Some(then), Some(after)) = (then, at) {
            let ran = connection.run(clock.now(), |tx| then(tx, after)).await;
            at = ran.map_err(|e| failed(number, name, e))?;
        }
        let applied =
            "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)";
        let at = clock.now().as_micros();
        let values: [(&(dyn ToSql + Sync), Type); 3] =
            [(&number, Type::INT8), (name, Type::TEXT), (&at, Type::INT8)];
        client.execute_typed(applied, &values).await.map_err(failure)?;
    }
    client.batch_execute("COMMIT").await.map_err(failure)?;
    Ok(Migrated { from, to: CURRENT, is_filling: false })
}

/// Checks that no table of another program has a name that Taskwell needs.
async fn require_no_others(client: &Client) -> Result<()> {
    let theirs = client
        .query_typed_opt(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename IN \
             ('users', 'sessions', 'refresh_tokens', 'counters', 'tasks', 'changes') LIMIT 1",
            &[],
        )
        .await
        .map_err(|e| Error::internal("cannot migrate", postgres_message(&e)))?;
    match theirs {
        None => Ok(()),
        Some(row) => Err(Error::Internal(format!(
            "the database has a table {} that does not belong to Taskwell; use a separate database \
             or schema. Nothing was changed",
            row.get::<_, &str>(0)
        ))),
    }
}

async fn postgres_version(client: &Client) -> Result<Option<i64>, tokio_postgres::Error> {
    // Checks only the schema that gets new tables. Other schemas of the search path may belong to
    // another program.
    let known = client
        .query_typed_one(
            "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND \
             tablename = 'schema_migrations')",
            &[],
        )
        .await?;
    if !known.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client
        .query_typed_one("SELECT coalesce(max(version), 0) FROM schema_migrations", &[])
        .await?;
    Ok(Some(row.get(0)))
}

/// Checks that the database is Taskwell's, of this version or an older one.
pub(super) fn require_known(connection: &Connection) -> Result<()> {
    let refusal = match version(connection)? {
        None => Error::Internal("the file is not a Taskwell database".into()),
        Some(newer) if newer > CURRENT => newer_schema(newer),
        Some(_) => return Ok(()),
    };
    // Leaves even the log of the server that owns the file: no checkpoint on close.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(error)?;
    Err(refusal)
}

/// Checks that the database is empty or Taskwell's, of this version or an older one.
pub(super) fn require_replaceable(connection: &Connection) -> Result<()> {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(error)?;
    if tables == 0 { Ok(()) } else { require_known(connection) }
}

fn newer_schema(found: i64) -> Error {
    Error::Internal(format!(
        "the database has schema version {found}, but this Taskwell supports only versions up to \
         {CURRENT}. Run the newer Taskwell that wrote the database, or restore an older backup. \
         Nothing was changed"
    ))
}

/// Returns the schema version; `None` if there is no Taskwell schema.
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
    connection
        .query_row("SELECT max(version) FROM schema_migrations", [], |row| row.get(0))
        .map_err(error)
}

#[cfg(test)]
pub(super) mod tests;
