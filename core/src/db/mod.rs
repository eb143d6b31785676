//! A thin layer over the database. A query is text with parameters. A use case is a function of one
//! transaction, which runs to its end on the database's own threads. The modules below hide the
//! differences between the databases.

mod backup;
mod columns;
mod dialect;
mod job;
mod lane;
mod long;
mod migrate;
mod migrations;
mod place;
mod postgres;
mod row;
mod script;
mod snapshot;
mod source;
mod sqlite;
mod tables;
mod trace;
mod tx;
mod value;
mod work;

use crate::clock::Clock;
use crate::error::Result;
use crate::live::Subscribers;
use crate::settings::Settings;

pub use backup::{backup, restore};
pub(crate) use columns::columns;
pub use dialect::Dialect;
#[cfg(feature = "record")]
pub use dialect::recorded;
pub use lane::Lane;
pub use long::LongTransaction;
pub use migrate::{CURRENT as SCHEMA_VERSION, Migrated};
pub use place::DatabaseLocation;
pub use postgres::{Prepares, Server};
pub use row::{FromRow, Row};
pub use source::{SourceColumn, SourceDb, TextRow};
pub use tables::{Table, TableColumn, tables};
pub use trace::Trace;
#[cfg(feature = "record")]
pub use trace::Transaction;
pub use tx::{ReadTx, WriteTx};
pub use value::{Column, ColumnType, Owned, Param, Value, unexpected};

/// A handle to the database and its threads. Cheap to clone. The threads end when the last clone is
/// dropped.
#[derive(Clone)]
pub enum Db {
    Sqlite(work::Db),
    Postgres(postgres::Db),
}

/// Maximum number of expired rows that one transaction deletes. Others wait for it, and a batch of
/// this size takes a few milliseconds.
pub const PRUNED_MAX: i64 = 500;

impl Db {
    /// Opens the store or creates it, migrates it, and starts its threads.
    ///
    /// # Errors
    /// The store is unreachable, does not belong to Taskwell, or was written by a newer version.
    pub fn open(
        place: &DatabaseLocation,
        settings: &Settings,
        clock: &Clock,
    ) -> Result<(Db, Migrated)> {
        match place {
            DatabaseLocation::Sqlite(path) => {
                let (db, migrated) = work::Db::open(path, settings, clock)?;
                Ok((Db::Sqlite(db), migrated))
            }
            DatabaseLocation::Postgres(server) => {
                let (db, migrated) = postgres::Db::open(server, settings, clock)?;
                Ok((Db::Postgres(db), migrated))
            }
        }
    }

    /// Returns the subscriptions to commits.
    pub fn live(&self) -> &Subscribers {
        match self {
            Db::Sqlite(db) => db.live(),
            Db::Postgres(db) => db.live(),
        }
    }

    /// Runs `f` on the committed data, including all writes acknowledged before, in the lane of
    /// accounts.
    pub async fn read<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut ReadTx) -> Result<T> + Send + 'static,
    {
        self.read_in(Lane::Accounts, f).await
    }

    /// Runs `f` like [`Db::read`], in the given lane.
    pub async fn read_in<T, F>(&self, lane: Lane, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut ReadTx) -> Result<T> + Send + 'static,
    {
        let f = move |tx: &mut WriteTx<'_>| f(tx);
        match self {
            Db::Sqlite(db) => db.read(lane, f).await,
            Db::Postgres(db) => db.read(lane, f).await,
        }
    }

    /// Runs `f` in its own transaction. Returns once the commit is safe on the disk.
    pub async fn write<T, F>(&self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.write(f).await,
            Db::Postgres(db) => db.write(f).await,
        }
    }

    /// Begins a transaction of many steps.
    pub async fn begin(&self) -> Result<LongTransaction> {
        match self {
            Db::Sqlite(db) => Ok(LongTransaction::on_sqlite(db)),
            Db::Postgres(db) => Ok(LongTransaction::on_postgres(db.begin().await?)),
        }
    }

    /// Runs `f` soon. The caller neither waits for it nor learns its outcome.
    pub fn write_later<F>(&self, f: F)
    where
        F: Fn(&mut WriteTx) -> Result<()> + Send + 'static,
    {
        match self {
            Db::Sqlite(db) => db.write_later(f),
            Db::Postgres(db) => db.write_later(f),
        }
    }
}
