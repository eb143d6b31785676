//! Connections to a replica. No request waits for it: while it is unreachable or slow, the primary
//! answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::checks::Identity;
use super::connection::{Batch, Connection};
use super::dial::spawn;
use super::server::{Server, Target};
use crate::db::script::{Answer, Statement, StatementError};

/// Number of connections, which reads share as they do those to the primary.
const CONNECTIONS: usize = 2;
/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// The pause after each failure in a row; later failures keep the last one. Only an answer to a
/// read ends the series, because a server may accept connections and answer nothing.
const AGAIN_AFTER: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];
/// How long one read tries the replica after a failure. Other reads go to the primary meanwhile.
const TRIAL_WITHIN: Duration = Duration::from_secs(1);

/// A replica, with connections that open in the background.
pub struct Replica(Arc<Shared>);

struct Shared {
    server: Server,
    target: Target,
    primary: Identity,
    next: AtomicUsize,
    failures: AtomicUsize,
    state: Mutex<State>,
    /// Whether the log says that this is not a replica of the primary.
    is_wrong_told: AtomicBool,
}

#[derive(Default)]
struct State {
    links: [Link; CONNECTIONS],
    /// The earliest time of the next attempt.
    not_before: Option<Instant>,
}

#[derive(Default)]
struct Link {
    open: Option<Arc<Connection>>,
    connecting: bool,
}

impl Replica {
    /// Returns the replica of the settings, if there is one.
    pub fn of(server: &Server, primary: Identity) -> Option<Replica> {
        Some(Replica(Arc::new(Shared {
            server: server.clone(),
            target: server.replica.clone()?,
            primary,
            next: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            state: Mutex::default(),
            is_wrong_told: AtomicBool::new(false),
        })))
    }

    /// Returns an open connection. If there is none, one is opened for later reads.
    pub fn connection(&self) -> Option<Arc<Connection>> {
        let place = self.0.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let mut state = self.0.state();
        let now = Instant::now();
        if state.not_before.is_some_and(|then| now < then) {
            return None;
        }
        let link = &mut state.links[place];
        match &link.open {
            Some(open) if !open.is_closed() => {
                let open = open.clone();
                if self.0.failures.load(Ordering::Relaxed) > 0 {
                    state.not_before = Some(now + TRIAL_WITHIN);
                }
                return Some(open);
            }
            _ => {}
        }
        if !link.connecting {
            link.connecting = true;
            let (shared, lost) = (self.0.clone(), link.open.take());
            spawn(async move { shared.connect(place, lost).await });
        }
        None
    }

    /// Returns the answers, or `None` if the primary must answer.
    pub async fn ask(
        &self,
        connection: &Arc<Connection>,
        statements: &[Statement],
        deadline: Instant,
    ) -> Option<Vec<Result<Answer, StatementError>>> {
        let deadline = deadline.min(Instant::now() + ANSWER_WITHIN);
        let (answers, _) = connection.send(statements, Batch::default(), deadline).await;
        let refusal = answers.iter().find_map(|answer| answer.as_ref().err());
        match refusal {
            None => {
                if !statements.is_empty() && self.0.failures.load(Ordering::Relaxed) > 0 {
                    self.0.failures.store(0, Ordering::Relaxed);
                    self.0.state().not_before = None;
                }
                return Some(answers);
            }
            Some(StatementError::Late(_) | StatementError::Lost(_)) if connection.is_closed() => {
                self.0.rest(connection, refusal);
            }
            Some(_) => {}
        }
        tracing::debug!(?refusal, "the replica does not respond; the primary serves the read");
        None
    }
}

impl Shared {
    /// Pauses all connections to the replica and cancels their active statements.
    fn rest(&self, failed: &Arc<Connection>, refusal: Option<&StatementError>) {
        let mut state = self.state();
        // Other reads that were waiting fail together with the first.
        if state
            .links
            .iter()
            .any(|link| link.open.as_ref().is_some_and(|open| Arc::ptr_eq(open, failed)))
        {
            let failures = self.failures.fetch_add(1, Ordering::Relaxed);
            if failures == 0 {
                tracing::warn!(
                    ?refusal,
                    "the replica is unreachable; the primary serves all reads"
                );
            }
            state.not_before =
                Some(Instant::now() + AGAIN_AFTER[failures.min(AGAIN_AFTER.len() - 1)]);
            for link in &mut state.links {
                // A new one replaces it once the server has finished with it.
                if let Some(open) = &link.open {
                    open.retire();
                }
            }
        } else if !failed.is_closed() {
            failed.retire();
        }
    }

    async fn connect(&self, place: usize, lost: Option<Arc<Connection>>) {
        if let Some(lost) = lost {
            lost.retire();
            lost.ended().await;
        }
        let opened = self.open().await;
        let mut state = self.state();
        state.links[place].connecting = false;
        match opened {
            Ok(connection) => state.links[place].open = Some(Arc::new(connection)),
            Err(refusal) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed);
                if failures == 0 {
                    tracing::warn!(
                        ?refusal,
                        "the replica is unreachable; the primary serves all reads"
                    );
                }
                state.not_before =
                    Some(Instant::now() + AGAIN_AFTER[failures.min(AGAIN_AFTER.len() - 1)]);
            }
        }
    }

    /// Opens a connection and checks that it leads to a standby of the primary, with the same
    /// database.
    async fn open(&self) -> Result<Connection, StatementError> {
        let connection = Connection::open(&self.server, &self.target).await?;
        let checked = tokio::time::timeout(
            self.server.connect_within,
            self.primary.refuse_replica(&connection),
        );
        let wrong =
            checked.await.map_err(|_| StatementError::Lost("no response in time".into()))??;
        match wrong {
            None => Ok(connection),
            Some(wrong) => {
                if !self.is_wrong_told.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        "DATABASE_REPLICA_URL {wrong}; Taskwell does not use it, and the primary \
                         serves all reads"
                    );
                }
                Err(StatementError::Other(wrong))
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
