//! Settings of connections: how many, and how long they wait.

use std::time::Duration;

use clap::Args;

use crate::connection::Patience;

#[derive(Args)]
pub struct ConnectionFlags {
    /// Maximum number of open connections (1 to 1000000).
    #[arg(
        long, env = "MAX_CONNECTIONS", value_name = "MAX_CONNECTIONS", default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000), global = true
    )]
    max_connections: u32,

    /// How long a connection may stay open between requests, in seconds (1 to 3600). Choose a
    /// longer time than proxies keep their idle connections to Taskwell.
    #[arg(
        long, env = "IDLE_TIMEOUT_SECONDS", value_name = "IDLE_TIMEOUT_SECONDS",
        default_value_t = 75, value_parser = clap::value_parser!(u64).range(1..=3600),
        global = true
    )]
    idle_timeout_seconds: u64,

    /// How long a client may stop reading a response, in seconds (1 to 3600). Then Taskwell closes
    /// the connection, or only the stream over HTTP/2.
    #[arg(
        long, env = "WRITE_TIMEOUT_SECONDS", value_name = "WRITE_TIMEOUT_SECONDS",
        default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600),
        global = true
    )]
    write_timeout_seconds: u64,
}

/// Of so many connections, those that may be event streams: they must not take all places.
pub fn streams_max(connections: usize) -> usize {
    (connections / 2).max(1)
}

impl ConnectionFlags {
    pub fn most(&self) -> usize {
        usize::try_from(self.max_connections).unwrap_or(usize::MAX)
    }

    pub fn patience(&self) -> Patience {
        Patience {
            idle: Duration::from_secs(self.idle_timeout_seconds),
            write: Duration::from_secs(self.write_timeout_seconds),
        }
    }
}
