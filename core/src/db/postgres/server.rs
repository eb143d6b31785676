//! The PostgreSQL server: its address and connection options, parsed from a URL in any common form.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::codec::message;
use super::tls::{self, Files, Proof};
use crate::db::trace::Trace;

const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const SCHEMES: &str = "the URL must start with postgres:// or postgresql://";

/// A PostgreSQL server, with the limits for connections and requests.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) target: Target,
    /// The server without a pooler in between, for migrations.
    pub(super) direct: Target,
    /// Whether `direct` has its own URL.
    pub(super) has_direct: bool,
    /// A replica of the server, for reads.
    pub(super) replica: Option<Target>,
    pub prepares: Prepares,
    /// Number of connections to open at startup.
    pub pool_min: usize,
    /// Maximum number of connections.
    pub pool_max: usize,
    pub connect_within: Duration,
    /// Maximum duration of a request to the store, including all waiting.
    pub answer_within: Duration,
    /// How long to wait at startup for an unreachable server.
    pub start_within: Duration,
    /// The statements that ran, for tests.
    pub trace: Trace,
}

/// Whether a connection prepares each statement once, under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepares {
    /// Only on connections that provably lead to PostgreSQL itself.
    Auto,
    /// Also behind a pooler, which must keep the statement names of its clients apart.
    Always,
    Never,
}

/// The address and encryption of a connection.
#[derive(Clone)]
pub struct Target {
    pub config: Config,
    pub tls: MakeRustlsConnect,
    pub fallback: Fallback,
    /// Whether a connection led to a pooler. Statements then have no names.
    unnamed: Arc<AtomicBool>,
}

/// The encryption to try next if a connection with the first `ssl_mode` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    None,
    Plain,
    Tls,
}

impl Target {
    pub fn is_unnamed(&self) -> bool {
        self.unnamed.load(Ordering::Relaxed)
    }

    /// Stops naming statements. Returns whether this is the first call.
    pub fn go_unnamed(&self) -> bool {
        !self.unnamed.swap(true, Ordering::Relaxed)
    }

    fn or_password(&mut self, password: &str) {
        if self.config.get_password().is_none() {
            self.config.password(password);
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // `Config` omits the password.
        self.config.fmt(f)
    }
}

impl Server {
    /// Parses the URL of a server: `postgres://`, `postgresql://`, or either with a driver name, as
    /// in `postgresql+asyncpg://`.
    ///
    /// # Errors
    /// The URL is invalid. The message does not contain its password.
    pub fn parse(url: &str) -> Result<Server, String> {
        let target = primary(url)?;
        Ok(Server {
            direct: target.clone(),
            target,
            has_direct: false,
            replica: None,
            prepares: Prepares::Auto,
            pool_min: 0,
            pool_max: 20,
            connect_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(30),
            start_within: Duration::from_secs(30),
            trace: Trace::default(),
        })
    }

    /// Sets a separate URL for migrations, which a pooler does not support.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn with_direct(self, url: &str) -> Result<Server, String> {
        Ok(Server { direct: primary(url)?, has_direct: true, ..self })
    }

    /// Sets the URL of a replica.
    ///
    /// # Errors
    /// As [`Server::parse`].
    pub fn with_replica(self, url: &str) -> Result<Server, String> {
        Ok(Server { replica: Some(parse(url)?), ..self })
    }

    /// Sets the password of each URL that has none.
    #[must_use]
    pub fn or_password(mut self, password: &str) -> Server {
        self.target.or_password(password);
        self.direct.or_password(password);
        if let Some(replica) = &mut self.replica {
            replica.or_password(password);
        }
        self
    }

    /// Returns the hosts and the database, for display.
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

/// Parses the URL of a server that accepts writes. With several hosts, each connection goes to one
/// that accepts writes at the time.
fn primary(url: &str) -> Result<Target, String> {
    let mut target = parse(url)?;
    if target.config.get_hosts().len() > 1 {
        target.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    Ok(target)
}

fn parse(url: &str) -> Result<Target, String> {
    let (scheme, rest) = url.split_once("://").ok_or(SCHEMES)?;
    let name = scheme.split('+').next().unwrap_or(scheme);
    if !matches!(name, "postgres" | "postgresql") {
        return Err(SCHEMES.into());
    }
    if has_bare_signs(rest) {
        return Err(
            "write @, /, ? and # in the user or the password as %40, %2F, %3F and %23".into()
        );
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut kept = Vec::new();
    let (mut mode, mut files) = ("prefer", Files::default());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').unwrap_or((pair, "")) {
            // asyncpg calls it `ssl`.
            ("sslmode" | "ssl", value) => mode = value,
            ("sslrootcert", "system") => files.authorities = None,
            ("sslrootcert", value) => files.authorities = Some(path(value)),
            ("sslcert", value) => files.certificate = Some(path(value)),
            ("sslkey", value) => files.key = Some(path(value)),
            // libpq accepts several hosts, separated by commas.
            ("host", hosts) => kept.extend(hosts.split(',').map(|host| format!("host={host}"))),
            _ => kept.push(pair.to_owned()),
        }
    }
    let plain = format!("postgresql://{address}?{}", kept.join("&"));
    let mut config: Config = plain.parse().map_err(|e: tokio_postgres::Error| message(&e))?;
    if config.get_application_name().is_none() {
        config.application_name("taskwell");
    }
    if config.get_dbname().is_none() {
        return Err("the URL names no database; write postgres://USER@HOST/DATABASE".into());
    }
    let (asked, fallback, proof) = encryption(mode, files.authorities.is_some())?;
    // A Unix socket needs no encryption, because there is no network to intercept.
    let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    let (asked, fallback, proof) = if is_local {
        (SslMode::Disable, Fallback::None, Proof::None)
    } else {
        (asked, fallback, proof)
    };
    config.ssl_mode(asked);
    keep_alive(&mut config, &kept);
    let tls = tls::connector(proof, &files)?;
    Ok(Target { config, tls, fallback, unnamed: Arc::default() })
}

/// Translates an `sslmode` into the mode to try first, the fallback, and the proof that the server
/// must give.
fn encryption(mode: &str, has_authorities: bool) -> Result<(SslMode, Fallback, Proof), String> {
    Ok(match mode {
        "disable" | "false" => (SslMode::Disable, Fallback::None, Proof::None),
        "allow" => (SslMode::Disable, Fallback::Tls, Proof::None),
        "prefer" => (SslMode::Prefer, Fallback::Plain, Proof::None),
        // As in libpq, a URL that names certificate authorities requires verification.
        "require" | "true" if has_authorities => {
            (SslMode::Require, Fallback::None, Proof::Authority)
        }
        "require" | "true" => (SslMode::Require, Fallback::None, Proof::None),
        "verify-ca" => (SslMode::Require, Fallback::None, Proof::Authority),
        "verify-full" => (SslMode::Require, Fallback::None, Proof::Host),
        other => {
            return Err(format!(
                "sslmode={other} is invalid; allowed are disable, allow, prefer, require, \
                 verify-ca and verify-full"
            ));
        }
    })
}

/// Whether the user or the password contains an unescaped delimiter of the URL.
fn has_bare_signs(rest: &str) -> bool {
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let in_user = address.rsplit_once('@').is_some_and(|(user, _)| user.contains(['@', '/', '#']));
    // After an unescaped `?` in the password, the query contains the host.
    let in_query = query.split_once('@').is_some_and(|(before, _)| !before.contains('='));
    in_user || in_query
}

/// Enables TCP keepalive, so that a connection whose peer has vanished closes and frees its slot in
/// the pool.
fn keep_alive(config: &mut Config, set: &[String]) {
    let is_set = |name: &str| set.iter().any(|pair| pair.starts_with(name));
    if !is_set("keepalives") {
        config
            .keepalives_idle(KEEPALIVE_AFTER)
            .keepalives_interval(KEEPALIVE_EVERY)
            .keepalives_retries(3);
    }
    if !is_set("tcp_user_timeout") {
        config.tcp_user_timeout(KEEPALIVE_AFTER);
    }
}

fn path(value: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| *first == b'%');
        let escaped =
            escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}
