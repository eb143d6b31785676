//! Settings: flags, environment variables and `.env`, in this order of precedence. One field of a
//! `…Flags` struct defines a setting: its name, default, bounds and help.

mod accounts;
mod connections;
mod database;
mod dotenv;
mod files;
mod http;
mod invalid;
mod log;
mod mail;
mod number;
#[cfg(test)]
mod tests;
mod tokens;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use taskwell_core::db::DatabaseLocation;
use taskwell_core::settings::Settings;
use taskwell_http::{Cors, Network};

pub use self::dotenv::Dotenv;
pub use self::files::{unknown, with_files};
pub use self::log::{Log, LogFormat};
use crate::connection::Timeouts;
use crate::mailer::Mailer;
use crate::redis_limits::Redis;
use crate::secret::Secret;

/// All settings as clap parses them.
#[derive(Args)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    #[command(flatten)]
    http: http::HttpFlags,
    #[command(flatten)]
    connections: connections::ConnectionFlags,
    #[command(flatten)]
    log: log::LogFlags,
    #[command(flatten)]
    database: database::DatabaseFlags,
    #[command(flatten)]
    tokens: tokens::TokenFlags,
    #[command(flatten)]
    accounts: accounts::AccountFlags,
    #[command(flatten)]
    mail: mail::MailFlags,
}

/// The settings after validation.
pub struct Config {
    pub listen: (IpAddr, u16),
    pub database: DatabaseLocation,
    pub jwt_secret: Option<Secret>,
    pub jwt_secret_file: Option<PathBuf>,
    pub settings: Settings,
    pub cors: Cors,
    pub trusted_proxies: Vec<Network>,
    pub security_contact: Option<String>,
    pub mailer: Option<Mailer>,
    pub redis: Option<Arc<Redis>>,
    pub connections_max: usize,
    pub timeouts: Timeouts,
    pub shutdown_timeout: Duration,
    pub log: Log,
}

impl Flags {
    /// Parses a database URL. `name` is the setting or flag that contains the URL.
    ///
    /// # Errors
    /// The URL is invalid. The message does not show its password.
    pub fn database_at(&self, name: &str, url: &str) -> Result<DatabaseLocation, String> {
        self.database.parse(name, url)
    }

    /// Checks the rules that clap does not.
    ///
    /// # Errors
    /// A setting is invalid. The message names it, its value and what is allowed.
    pub fn validate(self) -> Result<Config, String> {
        let mailer = self.mail.mailer()?;
        if self.accounts.require_verified_email && mailer.is_none() {
            let allowed = "it requires mail; set SMTP_URL";
            return Err(invalid::invalid("REQUIRE_VERIFIED_EMAIL", "true", allowed));
        }
        let mut settings = Settings {
            mails: mailer.is_some(),
            public_url: self.http.public_url()?,
            streams_max: connections::streams_max(self.connections.max()),
            ..Settings::default()
        };
        self.tokens.apply(&mut settings);
        self.accounts.apply(&mut settings);
        Ok(Config {
            listen: self.http.listen(),
            database: self.database.location()?,
            jwt_secret: self.tokens.secret()?,
            jwt_secret_file: self.tokens.jwt_secret_file,
            settings,
            cors: self.http.cors()?,
            security_contact: self.http.security_contact()?,
            trusted_proxies: self.http.trusted_proxies,
            mailer,
            redis: self.accounts.redis()?,
            connections_max: self.connections.max(),
            timeouts: self.connections.timeouts(),
            shutdown_timeout: self.connections.shutdown_timeout(),
            log: self.log.validate()?,
        })
    }
}

impl Config {
    /// The file that contains the secret of access tokens; `None` if `JWT_SECRET` contains it.
    pub fn secret_file(&self) -> Option<PathBuf> {
        match (&self.jwt_secret_file, &self.jwt_secret, &self.database) {
            (Some(file), _, _) => Some(file.clone()),
            (None, None, DatabaseLocation::Sqlite(path)) => Some(Secret::file(path)),
            _ => None,
        }
    }

    /// Lowers the number of connections to `max`.
    pub fn limit_connections(&mut self, max: usize) {
        self.connections_max = max;
        self.settings.streams_max = connections::streams_max(max);
    }
}
