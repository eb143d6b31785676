//! Where the server is and how it is spoken to: a URL in any of the spellings that people have.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, Proof};

/// A server of PostgreSQL's, and the bounds of what is asked of it.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) target: Target,
    /// Past a pooler, for migrations.
    pub(super) direct: Target,
    /// A copy that follows it, for reads.
    pub(super) replica: Option<Target>,
    /// Whether statements are prepared once per connection. Not behind a pooler that gives each transaction another one.
    pub prepares: bool,
    /// Connections that are opened at the start.
    pub pool_min: usize,
    /// The most connections.
    pub pool_max: usize,
    pub connect_within: Duration,
    /// The longest that a statement may take.
    pub answer_within: Duration,
    /// How long a server that is away at the start is waited for.
    pub start_within: Duration,
}

/// Where a connection goes, and how.
#[derive(Clone)]
pub(super) struct Target {
    pub config: Config,
    /// `None`: never encrypted.
    pub tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It leaves out the password.
        self.config.fmt(f)
    }
}

impl Server {
    /// A server by its URL: `postgres://`, `postgresql://`, or either with a driver's name, as `postgresql+asyncpg://`.
    ///
    /// # Errors
    /// What is wrong with the URL, without its password.
    pub fn parse(url: &str) -> Result<Server, String> {
        let target = primary(url)?;
        Ok(Server {
            direct: target.clone(),
            target,
            replica: None,
            prepares: true,
            pool_min: 0,
            pool_max: 20,
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(30),
            start_within: Duration::from_secs(30),
        })
    }

    /// The same, with another URL for what a pooler in between does not carry: migrations.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn with_direct(self, url: &str) -> Result<Server, String> {
        Ok(Server { direct: primary(url)?, ..self })
    }

    /// The same, with a replica by its URL.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn with_replica(self, url: &str) -> Result<Server, String> {
        Ok(Server { replica: Some(parse(url)?), ..self })
    }

    /// Host, port and database, for people.
    pub fn shown(&self) -> String {
        let config = &self.target.config;
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://{hosts}/{}", config.get_dbname().unwrap_or(""))
    }
}

/// A server that takes writes. Of several hosts it may be any, and another one later.
fn primary(url: &str) -> Result<Target, String> {
    let mut target = parse(url)?;
    if target.config.get_hosts().len() > 1 {
        target.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    Ok(target)
}

fn parse(url: &str) -> Result<Target, String> {
    let (scheme, rest) = url.split_once("://").ok_or("must be a URL")?;
    let name = scheme.split('+').next().unwrap_or(scheme);
    if !matches!(name, "postgres" | "postgresql") {
        return Err("must begin with postgres:// or postgresql://".into());
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut kept = Vec::new();
    let (mut mode, mut authorities) = ("prefer", None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            // asyncpg calls it `ssl`.
            ("sslmode" | "ssl", value) => mode = value,
            ("sslrootcert", "system") => authorities = None,
            ("sslrootcert", value) => authorities = Some(PathBuf::from(value.replace("%2F", "/"))),
            // Several, as libpq has them in one word.
            ("host", hosts) => kept.extend(hosts.split(',').map(|host| format!("host={host}"))),
            _ => kept.push(pair.to_owned()),
        }
    }
    let plain = format!("postgresql://{address}?{}", kept.join("&"));
    let mut config: Config = plain.parse().map_err(|e: tokio_postgres::Error| super::message(&e))?;
    if config.get_application_name().is_none() {
        config.application_name("taskwell");
    }
    if config.get_dbname().is_none() {
        return Err("names no database: postgres://USER@HOST/DATABASE".into());
    }
    let (asked, proof) = match mode {
        "disable" | "false" => (SslMode::Disable, None),
        "allow" | "prefer" => (SslMode::Prefer, Some(Proof::None)),
        // As libpq does: whoever names authorities wants them asked.
        "require" | "true" if authorities.is_some() => (SslMode::Require, Some(Proof::Authority)),
        "require" | "true" => (SslMode::Require, Some(Proof::None)),
        "verify-ca" => (SslMode::Require, Some(Proof::Authority)),
        "verify-full" => (SslMode::Require, Some(Proof::Host)),
        other => {
            return Err(format!(
                "sslmode={other}: allowed are disable, prefer, require, verify-ca and verify-full"
            ));
        }
    };
    // A socket in a folder is not encrypted, nor does anybody stand in between.
    let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    let proof = proof.filter(|_| !is_local);
    config.ssl_mode(if is_local { SslMode::Disable } else { asked });
    let tls = proof.map(|proof| tls::connector(proof, authorities.as_deref())).transpose()?;
    Ok(Target { config, tls })
}
