//! Settings: flags, environment, `.env`, in this order, each with its bounds. What they mean is `taskwell_core::settings`'s.

mod cors;
mod mail;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use taskwell_core::db::{Place, Server};
use taskwell_core::settings::{Scheme, Settings, Signing};
use taskwell_http::{Cors, Network};

use crate::mailer::Mailer;
use crate::secret::Secret;
use crate::shared::Redis;

/// The flags; each can be set by the environment variable that its help names.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Config {
    /// The address to listen on.
    #[arg(long, env = "HOST", value_name = "HOST", default_value = "127.0.0.1", global = true)]
    host: IpAddr,

    /// The port to listen on; 0 takes a free one.
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = 8000, global = true)]
    port: u16,

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

    /// Whether statements are prepared once per connection to PostgreSQL; false behind a pooler in transaction mode that does
    /// not carry them, as `PgBouncer` before 1.21.
    #[arg(long, env = "DATABASE_PREPARED_STATEMENTS", value_name = "DATABASE_PREPARED_STATEMENTS", default_value_t = true, action = clap::ArgAction::Set, global = true)]
    database_prepared_statements: bool,

    /// Connections to PostgreSQL that are opened at the start (0 to 1000); `DATABASE_POOL_MAX` bounds it.
    #[arg(long, env = "DATABASE_POOL_MIN", value_name = "DATABASE_POOL_MIN", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000), global = true)]
    database_pool_min: u32,

    /// The most connections to PostgreSQL (2 to 1000): two that all reads share, the others for writes.
    #[arg(long, env = "DATABASE_POOL_MAX", value_name = "DATABASE_POOL_MAX", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=1000), global = true)]
    database_pool_max: u32,

    /// How long a connection to PostgreSQL may take, in seconds (1 to 60).
    #[arg(long, env = "DATABASE_CONNECT_TIMEOUT_SECONDS", value_name = "DATABASE_CONNECT_TIMEOUT_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60), global = true)]
    database_connect_timeout_seconds: u64,

    /// How long PostgreSQL may take to answer, in seconds (1 to 600).
    #[arg(long, env = "DATABASE_STATEMENT_TIMEOUT_SECONDS", value_name = "DATABASE_STATEMENT_TIMEOUT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600), global = true)]
    database_statement_timeout_seconds: u64,

    /// How long a PostgreSQL that is away at the start is waited for, in seconds (0 to 3600).
    #[arg(long, env = "DATABASE_WAIT_SECONDS", value_name = "DATABASE_WAIT_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600), global = true)]
    database_wait_seconds: u64,

    /// The secret that signs access tokens, at least 32 bytes; older ones may follow on lines of their own. Without it one is made and kept beside the database.
    #[arg(long, env = "JWT_SECRET", value_name = "JWT_SECRET", hide_env_values = true, global = true)]
    jwt_secret: Option<Secret>,

    /// A file that holds the secret.
    #[arg(
        long,
        env = "JWT_SECRET_FILE",
        value_name = "JWT_SECRET_FILE",
        conflicts_with = "jwt_secret",
        global = true
    )]
    jwt_secret_file: Option<PathBuf>,

    /// How long an access token is good, in minutes (1 to 525600).
    #[arg(long, env = "ACCESS_TOKEN_EXPIRE_MINUTES", value_name = "ACCESS_TOKEN_EXPIRE_MINUTES", default_value_t = 1440, value_parser = clap::value_parser!(u32).range(1..=525_600), global = true)]
    access_token_expire_minutes: u32,

    /// The same for tokens of /user/login, whose clients know how to refresh (1 to 525600).
    #[arg(long, env = "SHORT_ACCESS_TOKEN_EXPIRE_MINUTES", value_name = "SHORT_ACCESS_TOKEN_EXPIRE_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=525_600), global = true)]
    short_access_token_expire_minutes: u32,

    /// How long a session and its refresh token are good, in days (1 to 365).
    #[arg(long, env = "REFRESH_TOKEN_EXPIRE_DAYS", value_name = "REFRESH_TOKEN_EXPIRE_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365), global = true)]
    refresh_token_expire_days: u32,

    /// How long a session is good that nobody uses, in days (1 to 365).
    #[arg(long, env = "SESSION_IDLE_DAYS", value_name = "SESSION_IDLE_DAYS", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=365), global = true)]
    session_idle_days: u32,

    /// How access tokens are signed: HS256 by the secret, `EdDSA` by a key that is made from it, whose public half others
    /// find at /.well-known/jwks.json.
    #[arg(
        long,
        env = "JWT_ALGORITHM",
        value_name = "JWT_ALGORITHM",
        value_enum,
        default_value = "HS256",
        global = true
    )]
    jwt_algorithm: JwtAlgorithm,

    /// How passwords are hashed; what was hashed otherwise is verified too, and hashed anew at its login.
    #[arg(
        long,
        env = "PASSWORD_HASH",
        value_name = "PASSWORD_HASH",
        value_enum,
        default_value = "bcrypt",
        global = true
    )]
    password_hash: PasswordHash,

    /// bcrypt's cost (4 to 31); each step doubles the time of a hash.
    #[arg(long, env = "BCRYPT_COST", value_name = "BCRYPT_COST", default_value_t = 12, value_parser = clap::value_parser!(u32).range(4..=31), global = true)]
    bcrypt_cost: u32,

    /// The fewest characters of a new password (1 to 72).
    #[arg(long, env = "PASSWORD_MIN_LENGTH", value_name = "PASSWORD_MIN_LENGTH", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=72), global = true)]
    password_min_length: u8,

    /// Origins whose pages may call, with commas between, or *; by default the usual development servers on localhost.
    #[arg(long, env = "CORS_ORIGINS", value_name = "CORS_ORIGINS", global = true)]
    cors_origins: Option<String>,

    /// Whether tries are limited: on, or off for tests and benchmarks.
    #[arg(
        long,
        env = "RATE_LIMITS",
        value_name = "RATE_LIMITS",
        value_enum,
        default_value = "on",
        global = true
    )]
    rate_limits: Switch,

    /// Where somebody who has found a hole writes to, for /.well-known/security.txt: `mailto:…` or `https://…`.
    #[arg(long, env = "SECURITY_CONTACT", value_name = "SECURITY_CONTACT", global = true)]
    security_contact: Option<String>,

    #[command(flatten)]
    mail: mail::Flags,

    /// How long the audit log is kept, in days (1 to 3650).
    #[arg(long, env = "AUDIT_DAYS", value_name = "AUDIT_DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650), global = true)]
    audit_days: u32,

    /// Redis, where several instances count tries together: `redis://USER:PASSWORD@HOST:PORT`. While it is away each counts for
    /// itself.
    #[arg(long, env = "REDIS_URL", value_name = "REDIS_URL", hide_env_values = true, global = true)]
    redis_url: Option<String>,

    /// Proxies in front, as addresses or networks with commas between, whose `X-Forwarded-For` counts; by default none.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        value_name = "TRUSTED_PROXIES",
        value_delimiter = ',',
        global = true
    )]
    trusted_proxies: Vec<Network>,

    /// Connections that may be open at once (1 to 1000000).
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "MAX_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), global = true)]
    max_connections: u32,

    /// How long a stop waits for requests under way, in seconds (0 to 3600).
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "SHUTDOWN_TIMEOUT_SECONDS", default_value_t = 25, value_parser = clap::value_parser!(u64).range(0..=3600), global = true)]
    shutdown_timeout_seconds: u64,

    /// What is logged, in the directives of tracing, such as `warn` or `info,taskwell_core=debug`.
    #[arg(long, env = "RUST_LOG", value_name = "RUST_LOG", default_value = "info", global = true)]
    rust_log: String,

    /// How it is logged: text for people, json for machines, auto for text on a terminal and json elsewhere.
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_name = "LOG_FORMAT",
        value_enum,
        default_value = "auto",
        global = true
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JwtAlgorithm {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "EdDSA")]
    EdDsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PasswordHash {
    Bcrypt,
    Argon2id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Auto,
    Text,
    Json,
}

/// The settings, found good.
pub struct Checked {
    pub listen: (IpAddr, u16),
    pub place: Place,
    pub jwt_secret: Option<Secret>,
    pub jwt_secret_file: Option<PathBuf>,
    pub settings: Settings,
    pub cors: Cors,
    pub trusted_proxies: Vec<Network>,
    pub security_contact: Option<String>,
    pub mailer: Option<Mailer>,
    pub redis: Option<Arc<Redis>>,
    pub connections_max: usize,
    pub shutdown_timeout_s: u64,
    pub log: Log,
}

pub struct Log {
    pub directives: String,
    pub format: LogFormat,
}

type Refused = (ErrorKind, String);

fn refused(name: &str, value: &str, allowed: &str) -> Refused {
    let message = format!("invalid value '{value}' for {name}: {allowed}");
    (ErrorKind::ValueValidation, message)
}

/// As [`refused`]. The value may hold a password, so only its scheme is told.
fn refused_url(name: &str, url: &str, allowed: &str) -> Refused {
    let scheme = url.split("://").next().filter(|scheme| scheme.len() < url.len()).unwrap_or("");
    refused(name, &format!("{scheme}://…"), allowed)
}

impl Config {
    /// What a database URL means; `name` is where it was given.
    ///
    /// # Errors
    /// It is none; its password is not told.
    pub fn place(&self, name: &str, url: &str) -> Result<Place, Refused> {
        match url.strip_prefix("sqlite://") {
            Some("" | ":memory:") => {
                Err(refused_url(name, url, "a file is needed: sqlite://PATH, where PATH is all that follows"))
            }
            Some(path) => Ok(Place::Sqlite(PathBuf::from(path))),
            None => Ok(Place::Postgres(Box::new(self.server(name, url)?))),
        }
    }

    fn server(&self, name: &str, url: &str) -> Result<Server, Refused> {
        if !url.starts_with("postgres") {
            let allowed = "must be sqlite://PATH, where PATH is all that follows, or postgres://USER:PASSWORD@HOST/DATABASE";
            return Err(refused_url(name, url, allowed));
        }
        let mut server = Server::parse(url).map_err(|e| refused_url(name, url, &e))?;
        server.prepares = self.database_prepared_statements;
        server.pool_min = usize::try_from(self.database_pool_min).unwrap_or(0);
        server.pool_max = usize::try_from(self.database_pool_max).unwrap_or(usize::MAX);
        server.connect_within = Duration::from_secs(self.database_connect_timeout_seconds);
        server.answer_within = Duration::from_secs(self.database_statement_timeout_seconds);
        server.start_within = Duration::from_secs(self.database_wait_seconds);
        Ok(server)
    }

    /// The store that is served.
    fn own_place(&self) -> Result<Place, Refused> {
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
        Ok(Place::Postgres(Box::new(server)))
    }

    fn jwt_secret(&self) -> Result<Option<Secret>, Refused> {
        let secret = match (&self.jwt_secret, &self.jwt_secret_file) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(file)) => Some(
                Secret::read(file)
                    .map_err(|e| refused("JWT_SECRET_FILE", &file.display().to_string(), &e))?,
            ),
            (None, None) => None,
        };
        if let Some(secret) = &secret {
            secret.check().map_err(|e| (ErrorKind::ValueValidation, format!("invalid JWT_SECRET: {e}")))?;
        }
        Ok(secret)
    }

    fn redis(&self) -> Result<Option<Arc<Redis>>, Refused> {
        let open = |url: &str| Redis::new(url).map(Arc::new).map_err(|e| refused_url("REDIS_URL", url, &e));
        self.redis_url.as_deref().map(open).transpose()
    }

    fn contact(&self) -> Result<Option<String>, Refused> {
        match &self.security_contact {
            Some(contact) if !contact.starts_with("mailto:") && !contact.starts_with("https://") => {
                Err(refused("SECURITY_CONTACT", contact, "must begin with mailto: or https://"))
            }
            contact => Ok(contact.clone()),
        }
    }

    /// Checks what clap cannot.
    pub fn checked(self) -> Result<Checked, Refused> {
        let place = self.own_place()?;
        if let Err(e) = self.rust_log.parse::<tracing_subscriber::filter::Targets>() {
            let allowed = format!("{e}; allowed are directives such as info or warn,taskwell_core=debug");
            return Err(refused("RUST_LOG", &self.rust_log, &allowed));
        }
        let (mailer, public_url) = self.mail.checked()?;
        let mails = mailer.is_some();
        let (redis, security_contact) = (self.redis()?, self.contact()?);
        let jwt_secret = self.jwt_secret()?;
        Ok(Checked {
            listen: (self.host, self.port),
            place,
            jwt_secret,
            jwt_secret_file: self.jwt_secret_file,
            settings: Settings {
                access_token_minutes: self.access_token_expire_minutes,
                short_access_token_minutes: self.short_access_token_expire_minutes,
                refresh_token_days: self.refresh_token_expire_days,
                session_idle_days: self.session_idle_days,
                signing: match self.jwt_algorithm {
                    JwtAlgorithm::Hs256 => Signing::Hs256,
                    JwtAlgorithm::EdDsa => Signing::EdDsa,
                },
                scheme: match self.password_hash {
                    PasswordHash::Bcrypt => Scheme::Bcrypt(self.bcrypt_cost),
                    PasswordHash::Argon2id => Scheme::Argon2id,
                },
                password_chars_min: usize::from(self.password_min_length),
                rate_limits: self.rate_limits == Switch::On,
                audit_days: self.audit_days,
                // Streams must not take all places for connections.
                streams_max: usize::try_from(self.max_connections / 2).unwrap_or(usize::MAX).max(1),
                mails,
                public_url,
                verified_email_required: self.mail.require_verified_email,
                ..Settings::default()
            },
            cors: cors::read(self.cors_origins.as_deref())?,
            trusted_proxies: self.trusted_proxies,
            security_contact,
            mailer,
            redis,
            connections_max: usize::try_from(self.max_connections).unwrap_or(usize::MAX),
            shutdown_timeout_s: self.shutdown_timeout_seconds,
            log: Log { directives: self.rust_log, format: self.log_format },
        })
    }
}
