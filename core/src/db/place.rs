//! Where a store is.

use std::path::PathBuf;

use super::postgres::Server;

/// Where the store is.
#[derive(Debug, Clone)]
pub enum DatabaseLocation {
    /// A file of SQLite's.
    Sqlite(PathBuf),
    /// A server of PostgreSQL's.
    Postgres(Box<Server>),
}
