//! One thin layer over the database: a query is text with parameters, a use case is a function of one transaction, run
//! to its end on the database's own threads. What differs between databases stays below this file.

mod foreign;
mod long;
mod migrate;
mod postgres;
mod script;
mod sqlite;
mod value;
mod work;

use std::path::PathBuf;

use crate::clock::{Clock, random_bytes, random_id};
use crate::error::{Error, Result};
use crate::live::Live;
use crate::settings::Settings;
use crate::time::Timestamp;

use script::{Answer, Refusal, Script};

pub use foreign::{Foreign, Texts};
pub use long::Long;
pub use migrate::{CURRENT as SCHEMA_VERSION, Migrated};
pub use postgres::Server;
pub use sqlite::{backup, restore};
pub use value::{Column, Kind, Owned, Param, Value, unexpected};

/// Where the store is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file of SQLite's.
    Sqlite(PathBuf),
    /// A server of PostgreSQL's.
    Postgres(Box<Server>),
}

/// The database, on its own threads; cheap to clone. They end when the last clone is dropped.
#[derive(Clone)]
pub enum Db {
    Sqlite(work::Db),
    Postgres(postgres::Db),
}

/// One row of a result; columns count from 0.
pub enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    pub fn get<T: Column>(&self, column: usize) -> Result<T> {
        match self {
            Row::Sqlite(row) => T::read(sqlite::value(row, column)?),
            Row::Postgres(row) => T::read(postgres::value(row, column)?),
        }
    }

    /// The first columns, each as the kind that it is meant to be.
    pub fn owned(&self, kinds: &[Kind]) -> Result<Vec<Owned>> {
        let columns = kinds.iter().enumerate();
        match self {
            Row::Sqlite(row) => {
                columns.map(|(at, kind)| Owned::read(sqlite::value(row, at)?, *kind)).collect()
            }
            Row::Postgres(row) => {
                columns.map(|(at, kind)| Owned::read(postgres::value(row, at)?, *kind)).collect()
            }
        }
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
///
/// A use case may be run several times before its outcome counts, so it changes nothing outside, and draws time and
/// chance from here.
pub struct Tx<'c> {
    store: Store<'c>,
    now: Timestamp,
    /// The accounts about which somebody is to be told after the commit.
    told: Vec<i64>,
}

enum Store<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut Script),
}

impl<'c> Tx<'c> {
    fn on_sqlite(connection: &'c rusqlite::Connection, clock: &Clock) -> Tx<'c> {
        Tx { store: Store::Sqlite(connection), now: clock.now(), told: Vec::new() }
    }

    fn on_postgres(script: &'c mut Script) -> Tx<'c> {
        Tx { now: script.now(), store: Store::Postgres(script), told: Vec::new() }
    }

    /// All rows of a query.
    pub fn all<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Vec<T>> {
        self.all_by(sql, params, T::from_row)
    }

    /// All rows of a query, each made by `make`.
    pub fn all_by<T>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        make: impl Fn(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::all_by(connection, sql, params, make),
            Store::Postgres(script) => {
                let answer = script.need(sql, params)?.map_err(Refusal::into_error)?;
                answer.rows.iter().map(|row| make(&Row::Postgres(row))).collect()
            }
        }
    }

    /// Which database this runs on; for the few places where the two have no common words.
    pub fn dialect(&self) -> Dialect {
        match self.store {
            Store::Sqlite(_) => Dialect::Sqlite,
            Store::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The first row, if there is one.
    pub fn find<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => first(script.need(sql, params)?.map_err(Refusal::into_error)?),
        }
    }

    /// The first row, held against all other writers until this transaction ends: what is read here and written back
    /// depends on it. On SQLite there is one writer anyway.
    pub fn find_held<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => {
                let answer = script.need(&holding(sql), params)?;
                first(answer.map_err(Refusal::into_error)?)
            }
        }
    }

    /// The first row; where its way is long, the run goes on with `meanwhile` and looks up more, until the true one is
    /// there. What it writes waits, and its outcome does not count so far.
    pub fn find_assuming<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        meanwhile: T,
    ) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::find(connection, sql, params),
            Store::Postgres(script) => match script.assume(sql, params)? {
                Some(answer) => first(answer.map_err(Refusal::into_error)?),
                None => Ok(Some(meanwhile)),
            },
        }
    }

    /// [`Tx::find_held`] and [`Tx::find_assuming`] in one.
    pub fn find_held_assuming<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        meanwhile: T,
    ) -> Result<Option<T>> {
        match &mut self.store {
            Store::Sqlite(_) => self.find(sql, params),
            Store::Postgres(_) => self.find_assuming(&holding(sql), params, meanwhile),
        }
    }

    /// The one row that must be there.
    pub fn one<T: FromRow>(&mut self, sql: &str, params: &[&dyn Param]) -> Result<T> {
        self.find(sql, params)?.ok_or_else(|| missing(sql))
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<u64> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::execute(connection, sql, params),
            Store::Postgres(script) => Ok(script.need(sql, params)?.map_err(Refusal::into_error)?.changed),
        }
    }

    /// Runs a statement of which nothing needs to be known: if it fails, so does the transaction.
    pub fn send(&mut self, sql: &str, params: &[&dyn Param]) -> Result<()> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::execute(connection, sql, params).map(drop),
            Store::Postgres(script) => script.send(sql, params),
        }
    }

    /// Runs an `INSERT` into a table that gives out ids; the new row's id.
    pub fn insert(&mut self, sql: &str, params: &[&dyn Param]) -> Result<i64> {
        match &mut self.store {
            Store::Sqlite(connection) => {
                // SQLite knows it without RETURNING, which would cost a temporary table.
                sqlite::execute(connection, sql, params)?;
                Ok(connection.last_insert_rowid())
            }
            Store::Postgres(script) => {
                let answer = script.need(&format!("{sql} RETURNING id"), params)?;
                first(answer.map_err(Refusal::into_error)?)?.ok_or_else(|| missing(sql))
            }
        }
    }

    /// Runs an `INSERT` or `UPDATE … RETURNING` that a unique column may refuse: then `taken` is told the column, as
    /// `table.column`, and says what that means.
    pub fn one_unless_taken<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        taken: impl Fn(&str) -> Error,
    ) -> Result<T> {
        match &mut self.store {
            Store::Sqlite(connection) => sqlite::one_unless_taken(connection, sql, params, taken),
            Store::Postgres(script) => match script.need(sql, params)? {
                Ok(answer) => first(answer)?.ok_or_else(|| missing(sql)),
                // The schema names each unique constraint after its column.
                Err(Refusal::Unique(column)) => Err(taken(&column)),
                Err(refusal) => Err(refusal.into_error()),
            },
        }
    }

    /// Whether a replica may be asked by [`Tx::on_replica`].
    pub fn has_replica(&self) -> bool {
        matches!(&self.store, Store::Postgres(script) if script.has_replica())
    }

    /// Asks a replica what `look` asks; its answers may be of a moment ago, but never older from one to the next.
    pub fn on_replica<T>(&mut self, look: impl FnOnce(&mut Tx) -> Result<T>) -> Result<T> {
        self.turn_to(script::Server::Replica);
        let found = look(self);
        self.turn_to(script::Server::Primary);
        found
    }

    fn turn_to(&mut self, server: script::Server) {
        if let Store::Postgres(script) = &mut self.store {
            script.turn_to(server);
        }
    }

    /// Wakes those who wait for what happens to this account, once it is committed.
    pub fn tell(&mut self, account: i64) {
        match &mut self.store {
            Store::Sqlite(_) => self.told.push(account),
            Store::Postgres(script) => script.tell(account),
        }
    }

    /// The time of this transaction: one for all it writes.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// A new UUID, version 7 (RFC 9562, section 5.7), of this transaction's time.
    pub fn new_uuid(&mut self) -> Result<uuid::Uuid> {
        let random = match &mut self.store {
            Store::Sqlite(_) => random_id()?,
            Store::Postgres(script) => script.random_id()?,
        };
        let ms = u64::try_from(self.now.as_micros() / 1000).unwrap_or(0);
        Ok(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }

    /// 256 bits that nobody can guess.
    pub fn new_secret(&mut self) -> Result<[u8; 32]> {
        match &mut self.store {
            Store::Sqlite(_) => random_bytes(),
            Store::Postgres(script) => script.random_secret(),
        }
    }
}

/// The number of each account's newest change: so is seen what nobody told, as the writes of other processes.
fn look_for_news(tx: &mut Tx, owners: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut newest = Vec::with_capacity(owners.len());
    for owner in owners {
        // All of them in one trip.
        let last = tx.find_assuming("SELECT last FROM counters WHERE owner = $1", &[owner], 0)?;
        newest.extend(last.map(|last: i64| (*owner, last)));
    }
    Ok(newest)
}

fn first<T: FromRow>(answer: &Answer) -> Result<Option<T>> {
    answer.rows.first().map(|row| T::from_row(&Row::Postgres(row))).transpose()
}

fn missing(sql: &str) -> Error {
    Error::internal("no row where one must be", sql)
}

/// Keeps other writers from the rows, but not rows that refer to them.
fn holding(sql: &str) -> String {
    format!("{sql} FOR NO KEY UPDATE")
}

impl Db {
    /// Opens the store, makes it where there is none, migrates it, and starts its threads.
    ///
    /// # Errors
    /// It can't be reached, is no store of Taskwell's, or was written by a newer version.
    pub fn open(place: &Place, settings: &Settings, clock: &Clock) -> Result<(Db, Migrated)> {
        match place {
            Place::Sqlite(path) => {
                let (db, migrated) = work::Db::open(path, settings, clock)?;
                Ok((Db::Sqlite(db), migrated))
            }
            Place::Postgres(server) => {
                let (db, migrated) = postgres::Db::open(server, settings, clock)?;
                Ok((Db::Postgres(db), migrated))
            }
        }
    }

    /// Who waits for what is committed here.
    pub fn live(&self) -> &Live {
        match self {
            Db::Sqlite(db) => db.live(),
            Db::Postgres(db) => db.live(),
        }
    }

    /// Runs `f` on what is committed, every write answered before among it.
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.read(f).await,
            Db::Postgres(db) => db.read(f).await,
        }
    }

    /// Runs `f` in a transaction of its own; answers when it is safe on the disk.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.write(f).await,
            Db::Postgres(db) => db.write(f).await,
        }
    }
}

/// Which database a text ran on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

#[cfg(feature = "record")]
fn record(on: Dialect, sql: &str) {
    recorded().insert((on, sql.to_owned()));
}

#[cfg(not(feature = "record"))]
fn record(_: Dialect, _: &str) {}

/// Each SQL text that has run in this process, for the test that looks at their plans.
#[cfg(feature = "record")]
pub fn recorded() -> std::sync::MutexGuard<'static, std::collections::BTreeSet<(Dialect, String)>> {
    static TEXTS: std::sync::Mutex<std::collections::BTreeSet<(Dialect, String)>> =
        std::sync::Mutex::new(std::collections::BTreeSet::new());
    TEXTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
