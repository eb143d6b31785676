//! Connections to a copy that follows the primary. Nobody waits for it: while it is away, the primary answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{Connection, spawn};
use super::server::{Server, Target};

/// Connections that reads share, as those to the primary.
const CONNECTIONS: usize = 2;
/// How long after a failure it is tried again; each further one doubles it, up to the last.
const AGAIN_AFTER: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// A replica, connected to in the background.
pub struct Replica {
    links: Vec<Arc<Link>>,
    next: AtomicUsize,
}

struct Link {
    server: Server,
    target: Target,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Arc<Connection>>,
    connecting: bool,
    failures: usize,
    not_before: Option<Instant>,
}

impl Replica {
    /// The one that the settings name, if they do.
    pub fn of(server: &Server) -> Option<Replica> {
        let target = server.replica.clone()?;
        let link = || Link { server: server.clone(), target: target.clone(), state: Mutex::default() };
        let links = (0..CONNECTIONS).map(|_| Arc::new(link())).collect();
        Some(Replica { links, next: AtomicUsize::new(0) })
    }

    /// A connection that is open now. Where there is none, one is being opened for those who come later.
    pub fn connection(&self) -> Option<Arc<Connection>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.links[turn % self.links.len()].connection()
    }
}

impl Link {
    fn connection(self: &Arc<Link>) -> Option<Arc<Connection>> {
        let mut state = self.state();
        if let Some(open) = state.open.take_if(|open| !open.is_closed()) {
            state.open = Some(open.clone());
            return Some(open);
        }
        state.open = None;
        let waits = state.not_before.is_some_and(|then| Instant::now() < then);
        if !state.connecting && !waits {
            state.connecting = true;
            let link = self.clone();
            spawn(async move { link.connect().await });
        }
        None
    }

    async fn connect(&self) {
        let opened = Connection::open(&self.server, &self.target).await;
        let mut state = self.state();
        state.connecting = false;
        match opened {
            Ok(connection) => {
                state.open = Some(Arc::new(connection));
                state.failures = 0;
                state.not_before = None;
            }
            Err(refusal) => {
                if state.failures == 0 {
                    tracing::warn!(?refusal, "the replica is away; the primary answers");
                }
                let wait = AGAIN_AFTER[state.failures.min(AGAIN_AFTER.len() - 1)];
                state.failures += 1;
                state.not_before = Some(Instant::now() + wait);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
