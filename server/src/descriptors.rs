//! Open files: how many the system allows, and how many connections that makes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use taskwell_core::db::DatabaseLocation;

use crate::config::Config;

/// For everything that is no connection of a client: the database's files or connections, Redis,
/// mail, the runtimes.
const OTHERS: usize = 100;

/// Raises the limit as far as the system lets us, and takes fewer connections where not all would
/// fit below it: an accept that fails would leave health checks unanswered too.
pub fn fit(config: &mut Config) {
    let Some(files) = raised() else {
        return;
    };
    let pool = match &config.database {
        DatabaseLocation::Postgres(server) => server.pool_max,
        DatabaseLocation::Sqlite(_) => 0,
    };
    let (asked, reserve) = (config.connections_max, OTHERS + pool);
    // A limit that leaves hardly any is the operator's to raise; half of it serves somebody.
    let fitting = files.saturating_sub(reserve).max(files / 2).max(1);
    if asked > fitting {
        tracing::warn!(
            "this process can open {files} files, which is too few for MAX_CONNECTIONS={asked}: \
             Taskwell serves at most {fitting} connections. Raise the limit (ulimit -n, \
             LimitNOFILE= of systemd, --ulimit nofile= of Docker) to {} or lower MAX_CONNECTIONS",
            asked + reserve
        );
        config.limit_connections(fitting);
    }
}

/// How many files this process may open from now on; `None` without a limit.
fn raised() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        // Where even this is refused, the old limit stays.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let now = getrlimit(Resource::Nofile).current?;
    Some(usize::try_from(now).unwrap_or(usize::MAX))
}
