//! Where the server is and how it is spoken to: a URL in any of the spellings that people have.

use std::time::Duration;

use tokio_postgres::Config;

/// A server of PostgreSQL's, and the bounds of what is asked of it.
#[derive(Debug, Clone)]
pub struct Server {
    pub(super) config: Config,
    /// Past a pooler, for migrations.
    pub(super) direct: Config,
    /// The most connections.
    pub pool_max: usize,
    pub connect_within: Duration,
    /// The longest that a statement may take.
    pub answer_within: Duration,
    /// How long a server that is away at the start is waited for.
    pub start_within: Duration,
}

impl Server {
    /// A server by its URL: `postgres://`, `postgresql://`, or either with a driver's name, as `postgresql+asyncpg://`.
    ///
    /// # Errors
    /// What is wrong with the URL, without its password.
    pub fn parse(url: &str) -> Result<Server, String> {
        let config = parse(url)?;
        Ok(Server {
            direct: config.clone(),
            config,
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
        Ok(Server { direct: parse(url)?, ..self })
    }

    /// Host, port and database, for people.
    pub fn shown(&self) -> String {
        use tokio_postgres::config::Host;
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts = hosts.collect::<Vec<_>>().join(",");
        format!("postgres://{hosts}/{}", self.config.get_dbname().unwrap_or(""))
    }
}

fn parse(url: &str) -> Result<Config, String> {
    let (scheme, rest) = url.split_once("://").ok_or("must be a URL")?;
    let name = scheme.split('+').next().unwrap_or(scheme);
    if !matches!(name, "postgres" | "postgresql") {
        return Err("must begin with postgres:// or postgresql://".into());
    }
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            // Without TLS there is nothing to bind a channel to; the settings say the rest.
            ("sslmode" | "ssl", "disable" | "allow" | "prefer" | "false")
            | ("channel_binding", "prefer" | "disable") => {}
            ("sslmode" | "ssl", _) => {
                return Err(format!("{key}={value}: connections over TLS are not supported yet"));
            }
            _ => kept.push(pair),
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
    Ok(config)
}
