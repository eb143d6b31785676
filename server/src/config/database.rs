//! Settings of the database.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use taskwell_core::db::{Place, Prepares, Server};

use super::refused::{Refused, refused_url};

/// The flags of the database.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "a field is called as its flag")]
pub struct DatabaseFlags {
    /// The database: `sqlite://PATH`, where PATH is all that follows, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://taskwell.db",
        global = true
    )]
    database_url: String,

    /// PostgreSQL past a pooler: where migrations run. By default the same as `DATABASE_URL`.
    #[arg(
        long,
        env = "DATABASE_DIRECT_URL",
        value_name = "DATABASE_DIRECT_URL",
        hide_env_values = true,
        global = true
    )]
    database_direct_url: Option<String>,

    /// A copy that follows PostgreSQL (streaming replication), for reads that it is new enough for.
    #[arg(
        long,
        env = "DATABASE_REPLICA_URL",
        value_name = "DATABASE_REPLICA_URL",
        hide_env_values = true,
        global = true
    )]
    database_replica_url: Option<String>,

    /// Whether statements are prepared once per connection to PostgreSQL: auto where no pooler is in between; true also behind
    /// a pooler that keeps the statements of its clients apart, as `PgBouncer` since 1.21 with `max_prepared_statements`.
    #[arg(
        long,
        env = "DATABASE_PREPARED_STATEMENTS",
        value_name = "DATABASE_PREPARED_STATEMENTS",
        value_enum,
        default_value = "auto",
        global = true
    )]
    database_prepared_statements: PreparedStatements,

    /// Connections to PostgreSQL that are opened at the start (0 to 1000); `DATABASE_POOL_MAX` bounds it.
    #[arg(long, env = "DATABASE_POOL_MIN", value_name = "DATABASE_POOL_MIN", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000), global = true)]
    database_pool_min: u32,

    /// The most connections to PostgreSQL (2 to 1000): four that reads share, one to listen on, the others for writes.
    #[arg(long, env = "DATABASE_POOL_MAX", value_name = "DATABASE_POOL_MAX", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1000), global = true)]
    database_pool_max: u32,

    /// How long a connection to PostgreSQL may take, in seconds (1 to 60).
    #[arg(long, env = "DATABASE_CONNECT_TIMEOUT_SECONDS", value_name = "DATABASE_CONNECT_TIMEOUT_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60), global = true)]
    database_connect_timeout_seconds: u64,

    /// How long a request may wait for PostgreSQL, with all that it does there, in seconds (1 to 600).
    #[arg(long, env = "DATABASE_STATEMENT_TIMEOUT_SECONDS", value_name = "DATABASE_STATEMENT_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600), global = true)]
    database_statement_timeout_seconds: u64,

    /// How long a PostgreSQL that is away at the start is waited for, in seconds (0 to 3600).
    #[arg(long, env = "DATABASE_WAIT_SECONDS", value_name = "DATABASE_WAIT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600), global = true)]
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
    pub fn place(&self, name: &str, url: &str) -> Result<Place, Refused> {
        match sqlite_path(url) {
            Some(path) => path.map(Place::Sqlite).map_err(|e| refused_url(name, url, &e)),
            None => Ok(Place::Postgres(Box::new(with_password(self.server(name, url)?)))),
        }
    }

    fn server(&self, name: &str, url: &str) -> Result<Server, Refused> {
        if !url.starts_with("postgres") {
            let allowed = "must be sqlite://PATH, where PATH is all that follows, or postgres://USER:PASSWORD@HOST/DATABASE";
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
    pub fn own_place(&self) -> Result<Place, Refused> {
        let mut server = match self.place("DATABASE_URL", &self.database_url)? {
            Place::Postgres(server) => *server,
            place @ Place::Sqlite(_) => return Ok(place),
        };
        if let Some(url) = &self.database_direct_url {
            server = server.with_direct(url).map_err(|e| refused_url("DATABASE_DIRECT_URL", url, &e))?;
        }
        if let Some(url) = &self.database_replica_url {
            server = server.with_replica(url).map_err(|e| refused_url("DATABASE_REPLICA_URL", url, &e))?;
        }
        Ok(Place::Postgres(Box::new(with_password(server))))
    }
}

/// The file of `sqlite://PATH`, also under the name of a driver, as `sqlite+aiosqlite://`. `/./` and `/../` at the beginning
/// are relative, as `SQLAlchemy` has them. `mode=rwc` and `mode=rw` say what is done anyway.
fn sqlite_path(url: &str) -> Option<Result<PathBuf, String>> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return None;
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let unread = query.split('&').find(|pair| !matches!(*pair, "" | "mode=rwc" | "mode=rw"));
    if let Some(pair) = unread {
        return Some(Err(format!("{pair} is not understood; remove it")));
    }
    let is_relative = path.starts_with("/./") || path.starts_with("/../");
    let path = if is_relative { &path[1..] } else { path };
    Some(match path {
        "" | ":memory:" | "/:memory:" => {
            Err("a file is needed: sqlite://PATH, where PATH is all that follows".into())
        }
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
