//! The location of a store.

use std::path::PathBuf;

use super::postgres::Server;

/// The location of a store.
#[derive(Debug, Clone)]
pub enum DatabaseLocation {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<Server>),
}
