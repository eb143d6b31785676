//! Settings: flags, environment, `.env`, in this order, each with its bounds. What they mean is
//! `taskwell_core::settings`'s.

mod connections;
mod cors;
mod database;
mod dotenv;
mod files;
mod log;
mod mail;
mod refused;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Args, ValueEnum};
use taskwell_core::db::DatabaseLocation;
use taskwell_core::settings::{Scheme, Settings, Signing};
use taskwell_http::{Cors, Network};

use self::connections::streams_max;
pub use self::dotenv::Dotenv;
pub use self::files::{unknown, with_files};
pub use self::log::{Log, LogFormat};
use self::refused::{Refused, refused, refused_url};
use crate::connection::Patience;
use crate::mailer::Mailer;
use crate::redis_limits::Redis;
use crate::secret::Secret;

/// The flags; each can be set by the environment variable that its help names.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Config {
    /// The address to listen on.
    #[arg(long, env = "HOST", value_name = "HOST", default_value = "127.0.0.1", global = true)]
    host: IpAddr,

    /// The port to listen on (0 to 65535). With 0, the system picks a free port.
    #[arg(long, env = "PORT", value_name = "PORT", default_value_t = 8000, global = true)]
    port: u16,

    #[command(flatten)]
    database: database::DatabaseFlags,

    /// The secret that signs access tokens, at least 32 bytes. Older secrets, which still verify
    /// tokens, can follow on lines of their own. On SQLite, Taskwell generates a secret by default
    /// and stores it beside the database. On PostgreSQL, set this or `JWT_SECRET_FILE`.
    #[arg(
        long,
        env = "JWT_SECRET",
        value_name = "JWT_SECRET",
        hide_env_values = true,
        global = true
    )]
    jwt_secret: Option<Secret>,

    /// The file that holds the secret, instead of `JWT_SECRET`.
    #[arg(
        long,
        env = "JWT_SECRET_FILE",
        value_name = "JWT_SECRET_FILE",
        conflicts_with = "jwt_secret",
        global = true
    )]
    jwt_secret_file: Option<PathBuf>,

    /// Lifetime of an access token, in minutes (1 to 525600).
    #[arg(
        long, env = "ACCESS_TOKEN_EXPIRE_MINUTES", value_name = "ACCESS_TOKEN_EXPIRE_MINUTES",
        default_value_t = 1440, value_parser = clap::value_parser!(u32).range(1..=525_600),
        global = true
    )]
    access_token_expire_minutes: u32,

    /// Lifetime of an access token from /user/login or /user/refresh-token, whose clients can
    /// refresh, in minutes (1 to 525600).
    #[arg(
        long, env = "SHORT_ACCESS_TOKEN_EXPIRE_MINUTES",
        value_name = "SHORT_ACCESS_TOKEN_EXPIRE_MINUTES", default_value_t = 15,
        value_parser = clap::value_parser!(u32).range(1..=525_600), global = true
    )]
    short_access_token_expire_minutes: u32,

    /// Lifetime of a session and its refresh token, in days (1 to 365).
    #[arg(
        long, env = "REFRESH_TOKEN_EXPIRE_DAYS", value_name = "REFRESH_TOKEN_EXPIRE_DAYS",
        default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=365), global = true
    )]
    refresh_token_expire_days: u32,

    /// How long an unused session stays valid, in days (1 to 365).
    #[arg(
        long, env = "SESSION_IDLE_DAYS", value_name = "SESSION_IDLE_DAYS", default_value_t = 14,
        value_parser = clap::value_parser!(u32).range(1..=365), global = true
    )]
    session_idle_days: u32,

    /// Signature algorithm of access tokens. `HS256` signs with the secret. `EdDSA` signs with a
    /// key that is derived from the secret; its public key is at /.well-known/jwks.json.
    #[arg(
        long,
        env = "JWT_ALGORITHM",
        value_name = "JWT_ALGORITHM",
        value_enum,
        default_value = "HS256",
        global = true
    )]
    jwt_algorithm: JwtAlgorithm,

    /// Algorithm for new password hashes. Hashes of the other algorithm stay valid and are replaced
    /// at the next login.
    #[arg(
        long,
        env = "PASSWORD_HASH",
        value_name = "PASSWORD_HASH",
        value_enum,
        default_value = "bcrypt",
        global = true
    )]
    password_hash: PasswordHash,

    /// Cost of a bcrypt hash (4 to 31). Each step doubles the time that a hash takes.
    #[arg(
        long, env = "BCRYPT_COST", value_name = "BCRYPT_COST", default_value_t = 12,
        value_parser = clap::value_parser!(u32).range(4..=31), global = true
    )]
    bcrypt_cost: u32,

    /// Minimum length of a new password, in characters (1 to 72).
    #[arg(
        long, env = "PASSWORD_MIN_LENGTH", value_name = "PASSWORD_MIN_LENGTH", default_value_t = 8,
        value_parser = clap::value_parser!(u8).range(1..=72), global = true
    )]
    password_min_length: u8,

    /// Origins that may call the API, separated by commas, or `*`. By default, the usual
    /// development servers on localhost.
    #[arg(long, env = "CORS_ORIGINS", value_name = "CORS_ORIGINS", global = true)]
    cors_origins: Option<String>,

    /// Whether to enforce rate limits. Use `off` only for tests and benchmarks.
    #[arg(
        long,
        env = "RATE_LIMITS",
        value_name = "RATE_LIMITS",
        value_enum,
        default_value = "on",
        global = true
    )]
    rate_limits: Switch,

    /// Where to report vulnerabilities, for /.well-known/security.txt: `mailto:…` or `https://…`.
    #[arg(long, env = "SECURITY_CONTACT", value_name = "SECURITY_CONTACT", global = true)]
    security_contact: Option<String>,

    #[command(flatten)]
    mail: mail::Flags,

    /// How long to keep entries of the audit log, in days (1 to 3650).
    #[arg(
        long, env = "AUDIT_DAYS", value_name = "AUDIT_DAYS", default_value_t = 365,
        value_parser = clap::value_parser!(u32).range(1..=3650), global = true
    )]
    audit_days: u32,

    /// Redis for rate limits that instances share: `redis://USER:PASSWORD@HOST:PORT`. While Redis
    /// is unreachable, each instance counts on its own.
    #[arg(
        long,
        env = "REDIS_URL",
        value_name = "REDIS_URL",
        hide_env_values = true,
        global = true
    )]
    redis_url: Option<String>,

    /// Proxies whose `X-Forwarded-For` header Taskwell trusts: addresses or networks, separated by
    /// commas. By default, none.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        value_name = "TRUSTED_PROXIES",
        value_delimiter = ',',
        global = true
    )]
    trusted_proxies: Vec<Network>,

    #[command(flatten)]
    connections: connections::ConnectionFlags,

    /// How long a shutdown waits for active requests, in seconds (0 to 3600).
    #[arg(
        long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "SHUTDOWN_TIMEOUT_SECONDS",
        default_value_t = 25, value_parser = clap::value_parser!(u64).range(0..=3600),
        global = true
    )]
    shutdown_timeout_seconds: u64,

    #[command(flatten)]
    log: log::LogFlags,
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

/// The settings, found good.
pub struct Checked {
    pub listen: (IpAddr, u16),
    pub place: DatabaseLocation,
    pub jwt_secret: Option<Secret>,
    pub jwt_secret_file: Option<PathBuf>,
    pub settings: Settings,
    pub cors: Cors,
    pub trusted_proxies: Vec<Network>,
    pub security_contact: Option<String>,
    pub mailer: Option<Mailer>,
    pub redis: Option<Arc<Redis>>,
    pub connections_max: usize,
    pub patience: Patience,
    pub shutdown_timeout_s: u64,
    pub log: Log,
}

impl Checked {
    /// The file that the secret came from.
    pub fn secret_file(&self) -> Option<PathBuf> {
        match (&self.jwt_secret_file, &self.jwt_secret, &self.place) {
            (Some(file), _, _) => Some(file.clone()),
            (None, None, DatabaseLocation::Sqlite(path)) => Some(Secret::file(path)),
            _ => None,
        }
    }

    /// Takes fewer connections than were asked for.
    pub fn bound_connections(&mut self, most: usize) {
        self.connections_max = most;
        self.settings.streams_max = streams_max(most);
    }
}

impl Config {
    /// What a database URL means; `name` is where it was given.
    ///
    /// # Errors
    /// It is none; its password is not told.
    pub fn place(&self, name: &str, url: &str) -> Result<DatabaseLocation, Refused> {
        self.database.place(name, url)
    }

    fn jwt_secret(&self) -> Result<Option<Secret>, Refused> {
        let secret = match (&self.jwt_secret, &self.jwt_secret_file) {
            (Some(secret), _) => Some(secret.clone()),
            (None, Some(file)) => Some(
                Secret::read(file)
                    .map_err(|e| format!("the file {e}"))
                    .map_err(|e| refused("JWT_SECRET_FILE", &file.display().to_string(), &e))?,
            ),
            (None, None) => None,
        };
        if let Some(secret) = &secret {
            secret
                .check()
                .map_err(|e| (ErrorKind::ValueValidation, format!("invalid JWT_SECRET: {e}")))?;
        }
        Ok(secret)
    }

    fn redis(&self) -> Result<Option<Arc<Redis>>, Refused> {
        let open = |url: &str| {
            Redis::new(url).map(Arc::new).map_err(|e| refused_url("REDIS_URL", url, &e))
        };
        self.redis_url.as_deref().map(open).transpose()
    }

    fn contact(&self) -> Result<Option<String>, Refused> {
        match &self.security_contact {
            Some(contact)
                if !contact.starts_with("mailto:") && !contact.starts_with("https://") =>
            {
                Err(refused(
                    "SECURITY_CONTACT",
                    contact,
                    "the contact must start with mailto: or https://",
                ))
            }
            contact => Ok(contact.clone()),
        }
    }

    /// Checks what clap cannot.
    pub fn checked(self) -> Result<Checked, Refused> {
        let place = self.database.own_place()?;
        let log = self.log.checked()?;
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
                streams_max: streams_max(self.connections.most()),
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
            connections_max: self.connections.most(),
            patience: self.connections.patience(),
            shutdown_timeout_s: self.shutdown_timeout_seconds,
            log,
        })
    }
}
