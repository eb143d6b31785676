//! Another program's database, which Taskwell only reads. Every value is text, as its database
//! prints it.

use std::path::Path;

use futures_util::TryStreamExt as _;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::place::DatabaseLocation;
use super::postgres::{self, message};
use super::sqlite;
use crate::error::{Error, Result};

/// Number of rows per batch.
const BATCH: usize = 200;

/// The values of one row.
pub type TextRow = Vec<Option<String>>;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    pub name: String,
    /// The database's name for the type; empty if SQLite has none.
    pub data_type: String,
}

/// A snapshot of a database.
pub enum SourceDb {
    Sqlite(Connection),
    Postgres(Client),
}

impl SourceDb {
    /// Opens a database for reading.
    ///
    /// # Errors
    /// The database does not exist, or the file is not a database.
    pub async fn open(place: &DatabaseLocation) -> Result<SourceDb> {
        match place {
            DatabaseLocation::Sqlite(path) => open_file(path).map(SourceDb::Sqlite),
            DatabaseLocation::Postgres(server) => {
                let client = postgres::first(server).await?;
                // One snapshot for all reads, and one format for times.
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                             SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle TO 'ISO'";
                client.batch_execute(begin).await.map_err(|e| reading(message(&e)))?;
                Ok(SourceDb::Postgres(client))
            }
        }
    }

    /// Returns the names of the tables and views, sorted.
    pub async fn tables(&self) -> Result<Vec<String>> {
        let rows = match self {
            SourceDb::Sqlite(_) => {
                "SELECT name, '' FROM sqlite_schema WHERE type IN ('table', 'view') \
                 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
            }
            SourceDb::Postgres(_) => {
                "SELECT CAST(table_name AS TEXT), '' FROM information_schema.tables \
                 WHERE table_schema = ANY (current_schemas(FALSE)) ORDER BY table_name"
            }
        };
        let pairs = self.pairs(rows, None).await?;
        Ok(pairs.into_iter().map(|(name, _)| name).collect())
    }

    /// Returns the columns of a table, in its own order; none if there is no such table.
    pub async fn columns(&self, table: &str) -> Result<Vec<SourceColumn>> {
        let rows = match self {
            SourceDb::Sqlite(_) => "SELECT name, type FROM pragma_table_info($1)",
            SourceDb::Postgres(_) => {
                "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM \
                 information_schema.columns WHERE table_schema = ANY (current_schemas(FALSE)) AND \
                 table_name = $1 ORDER BY ordinal_position"
            }
        };
        let pairs = self.pairs(rows, Some(table)).await?;
        Ok(pairs.into_iter().map(|(name, data_type)| SourceColumn { name, data_type }).collect())
    }

    /// Returns an expression that sorts a table's rows as they were stored, if there is one. On
    /// PostgreSQL, the order is right only for rows that were never changed.
    pub async fn place_of_row(&self, table: &str) -> Result<Option<&'static str>> {
        let (rows, place) = match self {
            SourceDb::Sqlite(_) => (
                "SELECT name, type FROM pragma_table_list WHERE name = $1 AND type = 'table' AND \
                 wr = 0",
                "rowid",
            ),
            SourceDb::Postgres(_) => (
                "SELECT CAST(relname AS TEXT), CAST(relkind AS TEXT) FROM pg_class \
                 WHERE oid = to_regclass(quote_ident($1)) AND relkind = 'r'",
                "ctid",
            ),
        };
        let found = self.pairs(rows, Some(table)).await?;
        Ok((!found.is_empty()).then_some(place))
    }

    /// Returns an expression that converts a value of any type to text. Bytes have PostgreSQL's
    /// format: `\x`, then hexadecimal digits.
    pub fn as_text(&self, expression: &str) -> String {
        match self {
            SourceDb::Sqlite(_) => format!(
                "CASE typeof({expression}) WHEN 'blob' THEN '\\x' || lower(hex({expression})) \
                 ELSE CAST({expression} AS TEXT) END"
            ),
            SourceDb::Postgres(_) => format!("CAST({expression} AS TEXT)"),
        }
    }

    /// Returns the rows of a short query with two columns of text and at most one parameter.
    async fn pairs(&self, query: &str, param: Option<&str>) -> Result<Vec<(String, String)>> {
        match self {
            SourceDb::Sqlite(connection) => {
                let look = || -> rusqlite::Result<Vec<(String, String)>> {
                    let mut statement = connection.prepare(query)?;
                    let params = rusqlite::params_from_iter(param);
                    statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                };
                look().map_err(sqlite::error)
            }
            SourceDb::Postgres(client) => {
                let given = param.as_ref().map(|param| (param as &(dyn ToSql + Sync), Type::TEXT));
                let params: Vec<_> = given.into_iter().collect();
                let rows =
                    client.query_typed(query, &params).await.map_err(|e| reading(message(&e)))?;
                Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
            }
        }
    }

    /// Passes all rows of a query, whose columns are all text, to `take` in batches.
    pub async fn each(
        &self,
        query: &str,
        take: impl AsyncFnMut(Vec<TextRow>) -> Result<()>,
    ) -> Result<()> {
        match self {
            SourceDb::Sqlite(connection) => each_of_file(connection, query, take).await,
            SourceDb::Postgres(client) => each_of_server(client, query, take).await,
        }
    }
}

fn open_file(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
        Ok(connection)
    };
    open().map_err(|e| Error::internal(&format!("cannot read {} as a database", path.display()), e))
}

async fn each_of_file(
    connection: &Connection,
    query: &str,
    mut take: impl AsyncFnMut(Vec<TextRow>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(query).map_err(sqlite::error)?;
    let columns = statement.column_count();
    let mut rows = statement.query([]).map_err(sqlite::error)?;
    let mut batch = Vec::new();
    while let Some(row) = rows.next().map_err(sqlite::error)? {
        let values = (0..columns).map(|column| row.get(column)).collect::<rusqlite::Result<_>>();
        batch.push(values.map_err(sqlite::error)?);
        if batch.len() == BATCH {
            take(std::mem::take(&mut batch)).await?;
        }
    }
    take(batch).await
}

async fn each_of_server(
    client: &Client,
    query: &str,
    mut take: impl AsyncFnMut(Vec<TextRow>) -> Result<()>,
) -> Result<()> {
    let refused = |e: tokio_postgres::Error| reading(message(&e));
    // The statement has no name, which could mean another statement behind a pooler.
    let no_params: [(&str, Type); 0] = [];
    let rows = client.query_typed_raw(query, no_params).await.map_err(refused)?;
    let mut rows = std::pin::pin!(rows);
    let mut batch = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(refused)? {
        let values = (0..row.len()).map(|column| row.try_get(column)).collect::<Result<_, _>>();
        batch.push(values.map_err(refused)?);
        if batch.len() == BATCH {
            take(std::mem::take(&mut batch)).await?;
        }
    }
    take(batch).await
}

fn reading(cause: String) -> Error {
    Error::internal("cannot read the source database", cause)
}
