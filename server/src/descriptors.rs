//! The limit of open files, and the number of connections that it allows.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use taskwell_core::db::DatabaseLocation;

use crate::config::Config;

/// Open files for other purposes than client connections: SQLite, Redis, mail and the runtimes.
const RESERVE: usize = 100;

/// Raises the limit as far as the system allows. If the connections still do not fit, lowers their
/// number, because failing accepts would also affect health checks.
pub fn fit(config: &mut Config) {
    let Some(files) = raise_limit() else {
        return;
    };
    let pool = match &config.database {
        DatabaseLocation::Postgres(server) => server.pool_max,
        DatabaseLocation::Sqlite(_) => 0,
    };
    let (wanted, reserve) = (config.connections_max, RESERVE + pool);
    // With a very low limit, at least half of it serves clients. Only the operator can raise it.
    let fitting = files.saturating_sub(reserve).max(files / 2).max(1);
    if wanted > fitting {
        tracing::warn!(
            "this process can open {files} files, which is too few for MAX_CONNECTIONS={wanted}: \
             Taskwell serves at most {fitting} connections. Raise the limit (ulimit -n, \
             LimitNOFILE= of systemd, --ulimit nofile= of Docker) to {} or lower MAX_CONNECTIONS",
            wanted + reserve
        );
        config.limit_connections(fitting);
    }
}

/// Raises the soft limit to the hard limit. Returns how many files this process may open, or `None`
/// without a limit.
fn raise_limit() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // If the system refuses this, the old limit stays.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let now = getrlimit(Resource::Nofile).current?;
    Some(usize::try_from(now).unwrap_or(usize::MAX))
}
