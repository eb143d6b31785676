//! One thin layer over the database: a query is text with parameters, a use case is a function of one transaction, run
//! to its end on the database's own threads. What differs between databases stays below this file.

mod backup;
mod foreign;
mod long;
mod migrate;
mod migrations;
mod postgres;
mod script;
mod sqlite;
mod tables;
mod tx;
mod value;
mod work;

use std::path::PathBuf;

use crate::clock::Clock;
use crate::error::Result;
use crate::live::Live;
use crate::settings::Settings;

pub use backup::{backup, restore};
pub use foreign::{Foreign, ForeignColumn, Texts};
pub use long::Long;
pub use migrate::{CURRENT as SCHEMA_VERSION, Migrated};
pub use postgres::{Prepares, Server};
pub use tables::{Table, TableColumn, tables};
pub use tx::Tx;
use tx::look_for_news;
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

/// Which reads wait for each other. A lane has connections or threads of its own, so that nobody waits behind what is slow
/// or locked in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Accounts and sessions: what must answer whatever happens to tasks.
    Accounts,
    /// Whether the store answers at all.
    Health,
    /// Single tasks, lists and changes.
    Tasks,
    /// What looks through much text.
    Search,
}

/// How many rows one transaction deletes of what is too old. Others wait for it, and a batch of so many takes a few
/// milliseconds.
pub const PRUNED_MAX: i64 = 500;

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

    /// Runs `f` on what is committed, every write answered before among it. This is the lane of accounts.
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.read_in(Lane::Accounts, f).await
    }

    /// The same in a lane.
    pub async fn read_in<T, F>(&self, lane: Lane, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx) -> Result<T> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.read(lane, f).await,
            Db::Postgres(db) => db.read(lane, f).await,
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

impl Db {
    /// Runs `f` soon. The caller neither waits for it nor learns its outcome.
    pub fn write_later<F>(&self, f: F)
    where
        F: Fn(&mut Tx) -> Result<()> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.write_later(f),
            Db::Postgres(db) => db.write_later(f),
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
