//! The transactions in which use cases run, on either database: [`ReadTx`] reads, and [`WriteTx`]
//! also writes.

use std::ops::{Deref, DerefMut};

use super::dialect::Dialect;
use super::row::{FromRow, Row};
use super::script::{self, Answer, Script, StatementError};
use super::sqlite;
use super::value::{Column, Param, Value};
use crate::clock::{Clock, random_bytes, random_id};
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::time::Timestamp;

/// An open transaction that only reads. A use case that takes one cannot write.
///
/// A use case may run several times before its outcome counts. It therefore changes nothing outside
/// of the transaction, and takes the time from it.
pub struct ReadTx<'c> {
    store: Store<'c>,
    now: Timestamp,
}

/// An open transaction that also writes. It commits if the use case returns `Ok`, and rolls back if
/// it returns an error. It generates ids and secrets, so that each run of a use case gets the same
/// ones.
pub struct WriteTx<'c> {
    read: ReadTx<'c>,
    /// The accounts whose subscribers are notified after the commit.
    pub(super) to_notify: Vec<UserId>,
    /// Whether no file may contain the deleted data any longer.
    pub(super) erases: bool,
}

enum Store<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Script),
}

impl ReadTx<'_> {
    /// Returns all rows of a query.
    pub fn all<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<T>> {
        self.all_by(sql, params, T::from_row)
    }

    /// Returns all rows of a query, each converted by `make`.
    pub fn all_by<T>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        make: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::all_by(connection, sql, params, make),
            Store::Postgres(script) => {
                let answer = script.require(sql, params)?.map_err(StatementError::into_error)?;
                answer.rows.iter().map(|row| make(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Returns rows until their total size exceeds `bytes_max`, including the one that exceeds it,
    /// and whether there are more. On SQLite, `size` measures a row. On PostgreSQL, its raw size
    /// counts.
    pub fn all_within<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        bytes_max: usize,
        size: impl Fn(&T) -> usize,
    ) -> Result<(Vec<T>, bool)> {
        match &mut self.store {
            Store::Sqlite(connection) => {
                sqlite::all_within(connection, sql, params, bytes_max, size)
            }
            Store::Postgres(script) => {
                let answer = script
                    .require_within(sql, params, bytes_max)?
                    .map_err(StatementError::into_error)?;
                let rows = answer.rows.iter().map(|row| T::from_row(&Row::Postgres(row)));
                Ok((rows.collect::<Result<_>>()?, answer.is_cut))
            }
        }
    }

    /// Returns the dialect of the database, for the few statements that need one per database.
    pub fn dialect(&self) -> Dialect {
        match self.store {
            Store::Sqlite(_) => Dialect::Sqlite,
            Store::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Returns whether every row so far is real, and none a placeholder of
    /// [`ReadTx::find_speculative`]. This is so in the run whose outcome counts.
    pub fn is_certain(&self) -> bool {
        match &self.store {
            Store::Sqlite(_) => true,
            Store::Postgres(script) => script.is_certain(),
        }
    }

    /// Returns the first row, if there is one.
    pub fn find<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => {
                first(script.require(sql, params)?.map_err(StatementError::into_error)?)
            }
        }
    }

    /// Returns the first row. On PostgreSQL, returns `meanwhile` until the row arrives, so that the
    /// run can send further queries. A run with a placeholder cannot write, and its outcome does
    /// not count.
    pub fn find_speculative<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        meanwhile: T,
    ) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => match script.speculate(sql, params)? {
                Some(answer) => first(answer.map_err(StatementError::into_error)?),
                None => Ok(Some(meanwhile)),
            },
        }
    }

    /// Returns the first row, which must exist.
    pub fn one<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<T> {
        self.find(sql, params)?.ok_or_else(|| missing(sql))
    }

    /// Returns whether [`ReadTx::on_replica`] has a replica.
    pub fn has_replica(&self) -> bool {
        matches!(&self.store, Store::Postgres(script) if script.has_replica())
    }

    /// Runs the queries of `look` on a replica. The results may be slightly out of date, but later
    /// ones are never older than earlier ones.
    pub fn on_replica<T>(&mut self, look: impl FnOnce(&mut ReadTx) -> Result<T>) -> Result<T> {
        self.switch_to(script::Server::Replica);
        let found = look(self);
        self.switch_to(script::Server::Primary);
        found
    }

    fn switch_to(&mut self, server: script::Server) {
        if let Store::Postgres(script) = &mut self.store {
            script.switch_to(server);
        }
    }

    /// Returns the time of this transaction, which all its writes share.
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

impl<'c> WriteTx<'c> {
    pub(super) fn on_sqlite(connection: &'c rusqlite::Connection, clock: &Clock) -> WriteTx<'c> {
        WriteTx::new(Store::Sqlite(connection), clock.now())
    }

    pub(super) fn on_postgres(script: &'c mut Script) -> WriteTx<'c> {
        let now = script.now();
        WriteTx::new(Store::Postgres(script), now)
    }

    fn new(store: Store<'c>, now: Timestamp) -> WriteTx<'c> {
        WriteTx { read: ReadTx { store, now }, to_notify: Vec::new(), erases: false }
    }

    /// Returns the first row and locks it against other writers until this transaction ends, for a
    /// value that is read, changed and written back. SQLite has only one writer anyway.
    pub fn find_for_update<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
    ) -> Result<Option<T>> {
        match &mut self.read.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => {
                let answer = script.require(&holding(sql), params)?;
                first(answer.map_err(StatementError::into_error)?)
            }
        }
    }

    /// Combines [`WriteTx::find_for_update`] and [`ReadTx::find_speculative`].
    pub fn find_held_assuming<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        meanwhile: T,
    ) -> Result<Option<T>> {
        match &mut self.read.store {
            Store::Sqlite(_) => self.find(sql, params),
            Store::Postgres(_) => self.find_speculative(&holding(sql), params, meanwhile),
        }
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        match &mut self.read.store {
            Store::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Store::Postgres(script) => {
                Ok(script.require(sql, params)?.map_err(StatementError::into_error)?.changed)
            }
        }
    }

    /// Runs a statement whose result is not needed. If it fails, the transaction fails.
    pub fn send(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        match &mut self.read.store {
            Store::Sqlite(connection) => sqlite::execute(connection, sql, params).map(drop),
            Store::Postgres(script) => script.send(sql, params),
        }
    }

    /// Runs an `INSERT` into a table that assigns ids, and returns the id of the new row.
    pub fn insert<T: Column + FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<T> {
        match &mut self.read.store {
            Store::Sqlite(connection) => {
                // SQLite provides the id without RETURNING, which would cost a temporary table.
                sqlite::execute(connection, sql, params)?;
                T::read(Value::Int(connection.last_insert_rowid()))
            }
            Store::Postgres(script) => {
                let answer = script.require(&format!("{sql} RETURNING id"), params)?;
                first(answer.map_err(StatementError::into_error)?)?.ok_or_else(|| missing(sql))
            }
        }
    }

    /// Runs an `INSERT` or `UPDATE … RETURNING` that may violate a unique constraint. `taken`
    /// converts the column, as `table.column`, into the error.
    pub fn one_unless_taken<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        taken: impl Fn(&str) -> Error,
    ) -> Result<T> {
        self.find_unless_taken(sql, params, taken)?.ok_or_else(|| missing(sql))
    }

    fn find_unless_taken<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        taken: impl Fn(&str) -> Error,
    ) -> Result<Option<T>> {
        match &mut self.read.store {
            Store::Sqlite(connection) => sqlite::find_unless_taken(connection, sql, params, taken),
            Store::Postgres(script) => match script.require(sql, params)? {
                Ok(answer) => first(answer),
                // The schema names each unique constraint after its column.
                Err(StatementError::Unique(column)) => Err(taken(&column)),
                Err(refusal) => Err(refusal.into_error()),
            },
        }
    }

    /// Notifies the subscribers of this account after the commit.
    pub fn notify(&mut self, account: UserId) {
        match &mut self.read.store {
            Store::Sqlite(_) => self.to_notify.push(account),
            Store::Postgres(script) => script.notify(account),
        }
    }

    /// Requests that SQLite's log is emptied soon after the commit, so that no file contains the
    /// data that this transaction deletes. On PostgreSQL, VACUUM does this.
    pub fn erase(&mut self) {
        self.erases = true;
    }

    /// Generates a UUID version 7 (RFC 9562, section 5.7) with the time of this transaction.
    #[expect(
        clippy::disallowed_methods,
        reason = "on SQLite, a second run starts after a rollback"
    )]
    pub fn new_uuid(&mut self) -> Result<uuid::Uuid> {
        let random = match &mut self.read.store {
            Store::Sqlite(_) => random_id()?,
            Store::Postgres(script) => script.random_id()?,
        };
        let ms = u64::try_from(self.read.now.as_micros() / 1000).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }

    /// Generates 256 unpredictable bits.
    #[expect(
        clippy::disallowed_methods,
        reason = "on SQLite, a second run starts after a rollback"
    )]
    pub fn new_secret(&mut self) -> Result<[u8; 32]> {
        match &mut self.read.store {
            Store::Sqlite(_) => random_bytes(),
            Store::Postgres(script) => script.random_secret(),
        }
    }
}

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}

impl<'c> DerefMut for WriteTx<'c> {
    fn deref_mut(&mut self) -> &mut ReadTx<'c> {
        &mut self.read
    }
}

/// Returns the sequence number of each account's newest change. It reveals changes without a
/// notification, such as those of other processes.
pub(super) fn newest_changes(tx: &mut ReadTx, owners: &[UserId]) -> Result<Vec<(UserId, i64)>> {
    let mut newest = Vec::with_capacity(owners.len());
    for owner in owners {
        // Speculation sends all queries in one round trip.
        let last =
            tx.find_speculative("SELECT last FROM counters WHERE owner = $1", &[owner], 0)?;
        newest.extend(last.map(|last: i64| (*owner, last)));
    }
    Ok(newest)
}

fn first<T: FromRow>(answer: &Answer) -> Result<Option<T>> {
    answer.rows.first().map(|row| T::from_row(&Row::Postgres(row))).transpose()
}

fn missing(sql: &str) -> Error {
    Error::internal("a query returned no row", sql)
}

/// Locks the rows against other writers, but not against new references to them.
fn holding(sql: &str) -> String {
    format!("{sql} FOR NO KEY UPDATE")
}
