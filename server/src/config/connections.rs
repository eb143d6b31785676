//! Settings of client connections: their number and their timeouts.

use std::time::Duration;

use clap::Args;

use super::number::Within as _;
use crate::connection::Timeouts;

#[derive(Args)]
pub struct ConnectionFlags {
    /// Maximum number of open connections.
    #[arg(long, env, default_value_t = 10_000, within = 1..=1_000_000_u32)]
    max_connections: u32,

    /// How long a connection may stay open between requests, in seconds. Choose a longer time than
    /// proxies keep their idle connections to Taskwell.
    #[arg(long, env, default_value_t = 75, within = 1..=3600_u32)]
    idle_timeout_seconds: u32,

    /// How long a client may stop reading a response, in seconds. Then Taskwell closes the
    /// connection, or only the stream over HTTP/2.
    #[arg(long, env, default_value_t = 30, within = 1..=3600_u32)]
    write_timeout_seconds: u32,

    /// How long a shutdown waits for active requests, in seconds.
    #[arg(long, env, default_value_t = 25, within = 0..=3600_u32)]
    shutdown_timeout_seconds: u32,
}

impl ConnectionFlags {
    pub fn max(&self) -> usize {
        usize::try_from(self.max_connections).unwrap_or(usize::MAX)
    }

    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            idle: seconds(self.idle_timeout_seconds),
            write: seconds(self.write_timeout_seconds),
        }
    }

    pub fn shutdown_timeout(&self) -> Duration {
        seconds(self.shutdown_timeout_seconds)
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

/// How many of `connections` may be event streams. The rest stays free for other requests.
pub fn streams_max(connections: usize) -> usize {
    (connections / 2).max(1)
}
