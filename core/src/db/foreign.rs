//! Another program's database, which is only looked at. Every value comes as text, as its database prints it.

use std::path::Path;

use futures_util::TryStreamExt as _;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::Client;

use super::postgres::{self, message};
use super::{Place, sqlite};
use crate::error::{Error, Result};

/// Rows that travel together.
const BATCH: usize = 200;

/// Values of one row.
pub type Texts = Vec<Option<String>>;

/// A database as it is at one moment.
pub enum Foreign {
    Sqlite(Connection),
    Postgres(Client),
}

impl Foreign {
    /// Opens it for reading.
    ///
    /// # Errors
    /// It is not there, or is no database.
    pub async fn open(place: &Place) -> Result<Foreign> {
        match place {
            Place::Sqlite(path) => open_file(path).map(Foreign::Sqlite),
            Place::Postgres(server) => {
                let client = postgres::first(server).await?;
                // One moment for all that is read; and times are printed in one way.
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                             SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle TO 'ISO'";
                client.batch_execute(begin).await.map_err(|e| reading(message(&e)))?;
                Ok(Foreign::Postgres(client))
            }
        }
    }

    /// The columns of a table; none where there is no such table.
    pub async fn columns(&self, table: &str) -> Result<Vec<String>> {
        match self {
            Foreign::Sqlite(connection) => {
                let look = || -> rusqlite::Result<Vec<String>> {
                    let mut names = connection.prepare("SELECT name FROM pragma_table_info($1)")?;
                    names.query_map([table], |row| row.get(0))?.collect()
                };
                look().map_err(sqlite::error)
            }
            Foreign::Postgres(client) => {
                let names = "SELECT column_name::TEXT FROM information_schema.columns \
                             WHERE table_schema = ANY (current_schemas(FALSE)) AND table_name = $1";
                let rows = client.query(names, &[&table]).await.map_err(|e| reading(message(&e)))?;
                Ok(rows.iter().map(|row| row.get(0)).collect())
            }
        }
    }

    /// Gives all rows of a query, whose columns are all text, to `take`, a few at a time.
    pub async fn each(&self, query: &str, take: impl AsyncFnMut(Vec<Texts>) -> Result<()>) -> Result<()> {
        match self {
            Foreign::Sqlite(connection) => each_of_file(connection, query, take).await,
            Foreign::Postgres(client) => each_of_server(client, query, take).await,
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
    mut take: impl AsyncFnMut(Vec<Texts>) -> Result<()>,
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
    mut take: impl AsyncFnMut(Vec<Texts>) -> Result<()>,
) -> Result<()> {
    let refused = |e: tokio_postgres::Error| reading(message(&e));
    let no_params: [&str; 0] = [];
    let rows = client.query_raw(query, no_params).await.map_err(refused)?;
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
    Error::internal("cannot read the other database", cause)
}
