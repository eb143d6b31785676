//! One thin layer over the database: a query is text with parameters, a use case is a function of one transaction, run
//! to its end on the database's own threads. What differs between databases stays below this file.

mod migrate;
mod sqlite;
mod work;

use std::path::Path;

use rusqlite::types::{FromSql, ToSql};

use crate::clock::{Clock, random_id};
use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::time::Timestamp;

pub use migrate::{CURRENT as SCHEMA_VERSION, Migrated};
pub use sqlite::{backup, restore};
pub use work::Db;

/// A value that can be bound to a parameter.
pub trait Param: ToSql {}
impl<T: ToSql> Param for T {}

/// A value that a column can be read as.
pub trait Column: FromSql {}
impl<T: FromSql> Column for T {}

/// One row of a result; columns count from 0.
pub struct Row<'r>(&'r rusqlite::Row<'r>);

impl Row<'_> {
    pub fn get<T: Column>(&self, column: usize) -> Result<T> {
        self.0.get(column).map_err(sqlite::error)
    }
}

/// What a row becomes.
pub trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self>;
}

impl FromRow for i64 {
    fn from_row(row: &Row) -> Result<i64> {
        row.get(0)
    }
}

/// An open transaction. It is committed when the use case answers `Ok`, and undone when it answers an error.
pub struct Tx<'c> {
    connection: &'c rusqlite::Connection,
    now: Timestamp,
}

impl<'c> Tx<'c> {
    fn new(connection: &'c rusqlite::Connection, clock: &Clock) -> Tx<'c> {
        Tx { connection, now: clock.now() }
    }

    /// All rows of a query.
    pub fn all<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.each(sql, params, |row| {
            items.push(T::from_row(row)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// The first row, if there is one.
    pub fn find<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Option<T>> {
        sqlite::run(self.connection, sql, params, |rows| match rows.next().map_err(sqlite::error)? {
            Some(row) => T::from_row(&Row(row)).map(Some),
            None => Ok(None),
        })
    }

    /// The one row that must be there.
    pub fn one<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<T> {
        self.find(sql, params)?.ok_or_else(|| Error::internal("no row where one must be", sql))
    }

    /// Calls `f` with each row.
    pub fn each(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        mut f: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        sqlite::run(self.connection, sql, params, |rows| {
            while let Some(row) = rows.next().map_err(sqlite::error)? {
                f(&Row(row))?;
            }
            Ok(())
        })
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<usize> {
        sqlite::execute(self.connection, sql, params).map_err(sqlite::error)
    }

    /// Runs an `INSERT` into a table that gives out ids; the new row's id.
    pub fn insert(&mut self, sql: &str, params: &[&dyn Param]) -> Result<i64> {
        // SQLite knows it without RETURNING, which would cost a temporary table.
        self.execute(sql, params)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Runs an `INSERT` or `UPDATE … RETURNING` that a unique column may refuse: then `taken` is told the column's
    /// name and says what that means.
    pub fn one_unless_taken<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        taken: impl Fn(&str) -> Error,
    ) -> Result<T> {
        sqlite::one_unless_taken(self.connection, sql, params, taken)
    }

    /// The time of this transaction: one for all it writes.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new UUID, version 7 (RFC 9562, section 5.7), of this transaction's time.
    pub fn new_uuid(&self) -> Result<uuid::Uuid> {
        let ms = u64::try_from(self.now.as_micros() / 1000).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(ms, &random_id()?).into_uuid())
    }
}

impl Db {
    /// Opens the database at `path`, makes it where there is none, migrates it, and starts its threads.
    ///
    /// # Errors
    /// The file can't be opened, is no database of Taskwell's, or was written by a newer version.
    pub fn open(path: &Path, settings: &Settings, clock: &Clock) -> Result<(Db, Migrated)> {
        let writer = sqlite::open(path, sqlite::WRITER_CACHE_KIB)?;
        let migrated = migrate::up(&writer, clock.now())?;
        sqlite::configure_durability(&writer)?;
        let readers = (0..settings.read_threads.max(1))
            .map(|_| sqlite::open(path, sqlite::READER_CACHE_KIB))
            .collect::<Result<Vec<_>>>()?;
        Ok((Db::start(writer, readers, clock)?, migrated))
    }
}

/// Each SQL text that has run in this process, for the test that looks at their plans.
#[cfg(feature = "record")]
pub fn recorded() -> std::sync::MutexGuard<'static, std::collections::BTreeSet<String>> {
    static TEXTS: std::sync::Mutex<std::collections::BTreeSet<String>> =
        std::sync::Mutex::new(std::collections::BTreeSet::new());
    TEXTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
