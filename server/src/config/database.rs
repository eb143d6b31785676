//! Settings of the database.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use taskwell_core::db::{DatabaseLocation, Prepares, Server};

use super::invalid::invalid_url;
use super::number::Within as _;

#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "fields have the names of their flags")]
pub struct DatabaseFlags {
    /// The database: `sqlite://PATH`, where PATH is everything after `sqlite://`, or
    /// `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(long, env, hide_env_values = true, default_value = "sqlite://taskwell.db")]
    database_url: String,

    /// PostgreSQL URL that bypasses a pooler, for migrations and LISTEN. By default,
    /// `DATABASE_URL`.
    #[arg(long, env, hide_env_values = true)]
    database_direct_url: Option<String>,

    /// URL of a streaming replica that serves task reads once it has caught up with the owner's
    /// latest change.
    #[arg(long, env, hide_env_values = true)]
    database_replica_url: Option<String>,

    /// Whether to use named prepared statements on PostgreSQL. With `auto`, Taskwell uses them on
    /// connections without a pooler. Choose `true` only for a pooler that tracks prepared
    /// statements, such as `PgBouncer` 1.21 or newer with `max_prepared_statements` above 0.
    #[arg(long, env, value_enum, default_value = "auto")]
    database_prepared_statements: PreparedStatements,

    /// Connections to PostgreSQL to open at startup. `DATABASE_POOL_MAX` limits them.
    #[arg(long, env, default_value_t = 5, within = 0..=1000_u32)]
    database_pool_min: u32,

    /// Maximum number of connections to the primary PostgreSQL server. With 8 or more, five serve
    /// reads, one serves LISTEN and the others serve writes.
    #[arg(long, env, default_value_t = 20, within = 2..=1000_u32)]
    database_pool_max: u32,

    /// Timeout for opening a connection to PostgreSQL, in seconds.
    #[arg(long, env, default_value_t = 5, within = 1..=60_u32)]
    database_connect_timeout_seconds: u32,

    /// Total time that a request may spend on PostgreSQL, waiting included, in seconds.
    #[arg(long, env, default_value_t = 30, within = 1..=600_u32)]
    database_statement_timeout_seconds: u32,

    /// How long to wait at startup while PostgreSQL is unreachable, in seconds.
    #[arg(long, env, default_value_t = 30, within = 0..=3600_u32)]
    database_wait_seconds: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum PreparedStatements {
    Auto,
    True,
    False,
}

impl DatabaseFlags {
    /// The database that Taskwell serves.
    pub fn location(&self) -> Result<DatabaseLocation, String> {
        let mut server = match self.parse("DATABASE_URL", &self.database_url)? {
            DatabaseLocation::Postgres(server) => *server,
            sqlite @ DatabaseLocation::Sqlite(_) => return Ok(sqlite),
        };
        if let Some(url) = &self.database_direct_url {
            server =
                server.with_direct(url).map_err(|e| invalid_url("DATABASE_DIRECT_URL", url, &e))?;
        }
        if let Some(url) = &self.database_replica_url {
            server = server
                .with_replica(url)
                .map_err(|e| invalid_url("DATABASE_REPLICA_URL", url, &e))?;
        }
        Ok(DatabaseLocation::Postgres(Box::new(with_password(server))))
    }

    /// Parses a database URL. `name` is the setting or flag that contains the URL.
    ///
    /// # Errors
    /// The URL is invalid. The message does not show its password.
    pub fn parse(&self, name: &str, url: &str) -> Result<DatabaseLocation, String> {
        match sqlite_path(url) {
            Some(path) => {
                path.map(DatabaseLocation::Sqlite).map_err(|e| invalid_url(name, url, &e))
            }
            None => {
                Ok(DatabaseLocation::Postgres(Box::new(with_password(self.server(name, url)?))))
            }
        }
    }

    fn server(&self, name: &str, url: &str) -> Result<Server, String> {
        if !url.starts_with("postgres") {
            let allowed = "allowed are sqlite://PATH and postgres://USER:PASSWORD@HOST/DATABASE";
            return Err(invalid_url(name, url, allowed));
        }
        let mut server = Server::parse(url).map_err(|e| invalid_url(name, url, &e))?;
        server.prepares = match self.database_prepared_statements {
            PreparedStatements::Auto => Prepares::Auto,
            PreparedStatements::True => Prepares::Always,
            PreparedStatements::False => Prepares::Never,
        };
        server.pool_min = usize::try_from(self.database_pool_min).unwrap_or(0);
        server.pool_max = usize::try_from(self.database_pool_max).unwrap_or(usize::MAX);
        let seconds = |count: u32| Duration::from_secs(count.into());
        server.connect_within = seconds(self.database_connect_timeout_seconds);
        server.answer_within = seconds(self.database_statement_timeout_seconds);
        server.start_within = seconds(self.database_wait_seconds);
        Ok(server)
    }
}

/// Parses `sqlite://PATH`. The URL may name a driver, as in `sqlite+aiosqlite://`. A path that
/// begins with `/./` or `/../` is relative, as in `SQLAlchemy`. Taskwell accepts `mode=rwc` and
/// `mode=rw`, because it always opens the file this way. `None` means that the scheme is another
/// one.
fn sqlite_path(url: &str) -> Option<Result<PathBuf, String>> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return None;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let unknown = query.split('&').find(|pair| !matches!(*pair, "" | "mode=rwc" | "mode=rw"));
    if let Some(pair) = unknown {
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

/// Uses `PGPASSWORD` for URLs without a password, as libpq does.
fn with_password(server: Server) -> Server {
    match std::env::var("PGPASSWORD") {
        Ok(password) if !password.is_empty() => server.or_password(&password),
        _ => server,
    }
}
