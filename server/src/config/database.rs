//! Settings of the database.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use taskwell_core::db::{DatabaseLocation, Prepares, Server};

use super::refused::{Refused, refused_url};

/// The flags of the database.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "a field is called as its flag")]
pub struct DatabaseFlags {
    /// The database: `sqlite://PATH`, where PATH is everything after `sqlite://`, or
    /// `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://taskwell.db",
        global = true
    )]
    database_url: String,

    /// PostgreSQL URL that bypasses a pooler, for migrations and LISTEN. By default,
    /// `DATABASE_URL`.
    #[arg(
        long,
        env = "DATABASE_DIRECT_URL",
        value_name = "DATABASE_DIRECT_URL",
        hide_env_values = true,
        global = true
    )]
    database_direct_url: Option<String>,

    /// URL of a streaming replica that serves task reads once it has caught up with the owner's
    /// latest change.
    #[arg(
        long,
        env = "DATABASE_REPLICA_URL",
        value_name = "DATABASE_REPLICA_URL",
        hide_env_values = true,
        global = true
    )]
    database_replica_url: Option<String>,

    /// Whether to use named prepared statements on PostgreSQL. With `auto`, Taskwell uses them on
    /// connections without a pooler. Choose `true` only for a pooler that tracks prepared
    /// statements, such as `PgBouncer` 1.21 or newer with `max_prepared_statements` above 0.
    #[arg(
        long,
        env = "DATABASE_PREPARED_STATEMENTS",
        value_name = "DATABASE_PREPARED_STATEMENTS",
        value_enum,
        default_value = "auto",
        global = true
    )]
    database_prepared_statements: PreparedStatements,

    /// Connections to PostgreSQL to open at startup (0 to 1000), at most `DATABASE_POOL_MAX`.
    #[arg(
        long, env = "DATABASE_POOL_MIN", value_name = "DATABASE_POOL_MIN", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(0..=1000), global = true
    )]
    database_pool_min: u32,

    /// Maximum number of connections to the primary PostgreSQL server (2 to 1000). With 8 or more,
    /// five serve reads, one serves LISTEN and the others serve writes.
    #[arg(
        long, env = "DATABASE_POOL_MAX", value_name = "DATABASE_POOL_MAX", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(2..=1000), global = true
    )]
    database_pool_max: u32,

    /// Timeout for opening a connection to PostgreSQL, in seconds (1 to 60).
    #[arg(
        long, env = "DATABASE_CONNECT_TIMEOUT_SECONDS",
        value_name = "DATABASE_CONNECT_TIMEOUT_SECONDS", default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(1..=60), global = true
    )]
    database_connect_timeout_seconds: u64,

    /// Total time that a request may spend on PostgreSQL, waiting included, in seconds (1 to 600).
    #[arg(
        long, env = "DATABASE_STATEMENT_TIMEOUT_SECONDS",
        value_name = "DATABASE_STATEMENT_TIMEOUT_SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=600), global = true
    )]
    database_statement_timeout_seconds: u64,

    /// How long to wait at startup while PostgreSQL is unreachable, in seconds (0 to 3600).
    #[arg(
        long, env = "DATABASE_WAIT_SECONDS", value_name = "DATABASE_WAIT_SECONDS",
        default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600),
        global = true
    )]
    database_wait_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreparedStatements {
    Auto,
    True,
    False,
}

impl DatabaseFlags {
    /// What a database URL means; `name` is where it was given.
    ///
    /// # Errors
    /// It is none; its password is not told.
    pub fn place(&self, name: &str, url: &str) -> Result<DatabaseLocation, Refused> {
        match sqlite_path(url) {
            Some(path) => {
                path.map(DatabaseLocation::Sqlite).map_err(|e| refused_url(name, url, &e))
            }
            None => {
                Ok(DatabaseLocation::Postgres(Box::new(with_password(self.server(name, url)?))))
            }
        }
    }

    fn server(&self, name: &str, url: &str) -> Result<Server, Refused> {
        if !url.starts_with("postgres") {
            let allowed = "allowed are sqlite://PATH and postgres://USER:PASSWORD@HOST/DATABASE";
            return Err(refused_url(name, url, allowed));
        }
        let mut server = Server::parse(url).map_err(|e| refused_url(name, url, &e))?;
        server.prepares = match self.database_prepared_statements {
            PreparedStatements::Auto => Prepares::Auto,
            PreparedStatements::True => Prepares::Always,
            PreparedStatements::False => Prepares::Never,
        };
        server.pool_min = usize::try_from(self.database_pool_min).unwrap_or(0);
        server.pool_max = usize::try_from(self.database_pool_max).unwrap_or(usize::MAX);
        server.connect_within = Duration::from_secs(self.database_connect_timeout_seconds);
        server.answer_within = Duration::from_secs(self.database_statement_timeout_seconds);
        server.start_within = Duration::from_secs(self.database_wait_seconds);
        Ok(server)
    }

    /// The store that is served.
    pub fn own_place(&self) -> Result<DatabaseLocation, Refused> {
        let mut server = match self.place("DATABASE_URL", &self.database_url)? {
            DatabaseLocation::Postgres(server) => *server,
            place @ DatabaseLocation::Sqlite(_) => return Ok(place),
        };
        if let Some(url) = &self.database_direct_url {
            server =
                server.with_direct(url).map_err(|e| refused_url("DATABASE_DIRECT_URL", url, &e))?;
        }
        if let Some(url) = &self.database_replica_url {
            server = server
                .with_replica(url)
                .map_err(|e| refused_url("DATABASE_REPLICA_URL", url, &e))?;
        }
        Ok(DatabaseLocation::Postgres(Box::new(with_password(server))))
    }
}

/// The file of `sqlite://PATH`, also under the name of a driver, as `sqlite+aiosqlite://`. `/./`
/// and `/../` at the beginning are relative, as `SQLAlchemy` has them. `mode=rwc` and `mode=rw` say
/// what is done anyway.
fn sqlite_path(url: &str) -> Option<Result<PathBuf, String>> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return None;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let unread = query.split('&').find(|pair| !matches!(*pair, "" | "mode=rwc" | "mode=rw"));
    if let Some(pair) = unread {
        return Some(Err(format!("Taskwell does not know the parameter {pair}; remove it")));
    }
    let is_relative = path.starts_with("/./") || path.starts_with("/../");
    let path = if is_relative { &path[1..] } else { path };
    Some(match path {
        "" | ":memory:" | "/:memory:" => Err(
            "the URL names no file; write sqlite://PATH, where PATH is everything after sqlite://"
                .into(),
        ),
        path => Ok(PathBuf::from(path)),
    })
}

/// As libpq does: `PGPASSWORD` is the password of those URLs that have none.
fn with_password(server: Server) -> Server {
    match std::env::var("PGPASSWORD") {
        Ok(password) if !password.is_empty() => server.or_password(&password),
        _ => server,
    }
}
