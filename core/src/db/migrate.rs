//! Migrations: numbered files, each applied once, all in one transaction. A schema from a newer version is left alone.

use rusqlite::{Connection, OptionalExtension as _};

use super::sqlite::error;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The migrations in order; the number is the schema's version after it.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "initial", include_str!("../../migrations/0001_initial.sqlite.sql"))];

/// The schema version that this build works with.
pub const CURRENT: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// What opening did to the schema: its version before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    pub from: i64,
    pub to: i64,
}

/// Brings the schema to [`CURRENT`].
///
/// # Errors
/// The schema is newer, or the file holds somebody else's tables; then nothing is written.
pub(super) fn up(connection: &Connection, now: Timestamp) -> Result<Migrated> {
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
    for (number, name, sql) in MIGRATIONS.iter().filter(|(number, ..)| *number > from) {
        connection
            .execute_batch(sql)
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
