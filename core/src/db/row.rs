//! Rows of results from either database.

use super::postgres::codec as postgres;
use super::sqlite::codec as sqlite;
use super::value::{Column, ColumnType, Owned};
use crate::error::Result;
use crate::ids::{TaskId, UserId};

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

    /// Returns the first columns, each converted to its intended type.
    pub fn owned(&self, kinds: &[ColumnType]) -> Result<Vec<Owned>> {
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

/// A type that is read from a row.
pub trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self>;
}

/// Reads a type from a row of one column.
macro_rules! one_column {
    ($($type:ty)*) => {$(
        impl FromRow for $type {
            fn from_row(row: &Row) -> Result<$type> {
                row.get(0)
            }
        }
    )*};
}

one_column! { i64 TaskId UserId }
