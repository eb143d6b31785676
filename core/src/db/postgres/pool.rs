//! The connection pool. Reads share a few connections, divided by lane. Each write has its own.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::dial::spawn;
use super::server::Server;
use crate::db::lane::Lane;
use crate::db::script::StatementError;
use crate::error::{Error, Result};

/// The pause after the first failure to connect, and how often it doubles: 20 ms to 320 ms. Short
/// pauses detect the server's return quickly.
const AWAY_AT_FIRST: Duration = Duration::from_millis(20);
const AWAY_DOUBLINGS: u32 = 4;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of this thread among those that have read. A connection is served on the thread
    /// that opened it, so a caller on that thread need not wake another.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// How an instance divides its `DATABASE_POOL_MAX` connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shares {
    /// The slots of readers, by lane. With few connections, lanes share slots.
    tasks: Range<usize>,
    accounts: Range<usize>,
    health: Range<usize>,
    searches: Range<usize>,
    writers: usize,
    /// Whether one connection is reserved for LISTEN.
    pub listens: bool,
}

impl Shares {
    pub fn of(pool_max: usize) -> Shares {
        let (tasks, accounts, health, searches) = match pool_max {
            0..=3 => (0..1, 0..1, 0..1, 0..1),
            4..=5 => (0..1, 1..2, 1..2, 0..1),
            6 => (0..1, 1..2, 1..2, 2..3),
            7 => (0..2, 2..3, 2..3, 3..4),
            _ => (0..2, 2..3, 3..4, 4..5),
        };
        let listens = pool_max > 2;
        let mut shares = Shares { tasks, accounts, health, searches, writers: 1, listens };
        let others = shares.readers() + usize::from(listens);
        shares.writers = pool_max.saturating_sub(others).max(1);
        shares
    }

    fn readers(&self) -> usize {
        [&self.tasks, &self.accounts, &self.health, &self.searches]
            .map(|lane| lane.end)
            .into_iter()
            .max()
            .unwrap_or(0)
    }
}

/// The connections that reads share. Reads send their statements without waiting for earlier
/// answers.
pub struct Readers {
    connector: Arc<Connector>,
    shares: Shares,
    slots: Vec<Mutex<Option<Arc<Connection>>>>,
}

impl Readers {
    pub fn new(server: &Server, connector: &Arc<Connector>) -> Readers {
        let shares = Shares::of(server.pool_max);
        let slots = (0..shares.readers()).map(|_| Mutex::new(None)).collect();
        Readers { connector: connector.clone(), shares, slots }
    }

    /// Returns the connection of this lane and thread. Opens it if necessary.
    pub async fn one(&self, lane: Lane, deadline: Instant) -> Result<Reader> {
        let places = match lane {
            Lane::Tasks => &self.shares.tasks,
            Lane::Accounts => &self.shares.accounts,
            Lane::Health => &self.shares.health,
            Lane::Search => &self.shares.searches,
        };
        let place = places.start + THREAD.with(|thread| *thread) % places.len();
        if let Ok(slot) = self.slots[place].try_lock()
            && let Some(open) = slot.as_ref().filter(|open| !open.is_closed())
        {
            return Ok(Reader { place, connection: open.clone() });
        }
        self.at(place, None, deadline).await
    }

    /// Replaces a lost connection.
    pub async fn instead_of(&self, lost: Reader, deadline: Instant) -> Result<Reader> {
        self.at(lost.place, Some(&lost.connection), deadline).await
    }

    async fn at(
        &self,
        place: usize,
        lost: Option<&Arc<Connection>>,
        deadline: Instant,
    ) -> Result<Reader> {
        let opening = async {
            let mut slot = self.slots[place].lock().await;
            if let Some(open) = slot.as_ref() {
                let is_lost = lost.is_some_and(|lost| Arc::ptr_eq(lost, open));
                if !open.is_closed() && !is_lost {
                    return Ok(Reader { place, connection: open.clone() });
                }
                // The slot is free once the server has finished with the old connection.
                open.retire();
                open.ended().await;
                *slot = None;
            }
            let connection = Arc::new(self.connector.open().await?);
            *slot = Some(connection.clone());
            Ok(Reader { place, connection })
        };
        timeout_at(deadline, Box::pin(opening))
            .await
            .unwrap_or(Err(Error::Unavailable { retry_after_s: 1 }))
    }
}

/// A connection that reads share.
pub struct Reader {
    place: usize,
    pub connection: Arc<Connection>,
}

/// The connections for writes. Leased and idle ones together never outnumber the permits.
pub struct Writers {
    connector: Arc<Connector>,
    idle: std::sync::Mutex<Vec<Arc<Connection>>>,
    places: Arc<Semaphore>,
    answer_within: Duration,
}

/// A connection for one transaction. Dropping the lease closes the connection, because a
/// transaction may still be open on it.
pub struct Lease {
    pub connection: Arc<Connection>,
    writers: Arc<Writers>,
    place: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Returns the connection to the pool. No transaction may be open.
    pub fn finish(mut self) {
        if !self.connection.is_closed() {
            self.writers.idle().push(self.connection.clone());
            self.place = None;
        }
    }

    /// Rolls back in the background.
    pub fn undo(self) {
        spawn(async move {
            let deadline = Instant::now() + self.writers.answer_within;
            if self.connection.rollback(deadline).await.is_ok() {
                self.finish();
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Without a runtime, no caller is left that could need the permit.
        if let (Some(place), Ok(_)) = (self.place.take(), tokio::runtime::Handle::try_current()) {
            retire(self.connection.clone(), place);
        }
    }
}

/// Keeps the permit until the server has finished with the connection.
fn retire(connection: Arc<Connection>, place: OwnedSemaphorePermit) {
    spawn(async move {
        connection.drain().await;
        drop(place);
    });
}

impl Writers {
    pub fn new(server: &Server, connector: &Arc<Connector>) -> Arc<Writers> {
        Arc::new(Writers {
            connector: connector.clone(),
            idle: std::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(Shares::of(server.pool_max).writers)),
            answer_within: server.answer_within,
        })
    }

    pub async fn lease(self: &Arc<Writers>, deadline: Instant) -> Result<Lease> {
        if let Ok(place) = self.places.clone().try_acquire_owned()
            && let Some(idle) = self.pop()
        {
            return Ok(self.leased(idle, place));
        }
        let opening = async {
            let places = self.places.clone().acquire_owned();
            let place = places.await.map_err(|_| Error::Unavailable { retry_after_s: 1 })?;
            let connection = match self.pop() {
                Some(idle) => idle,
                None => Arc::new(self.connector.open().await?),
            };
            Ok(self.leased(connection, place))
        };
        timeout_at(deadline, Box::pin(opening))
            .await
            .unwrap_or(Err(Error::Unavailable { retry_after_s: 1 }))
    }

    fn leased(
        self: &Arc<Writers>,
        connection: Arc<Connection>,
        place: OwnedSemaphorePermit,
    ) -> Lease {
        Lease { connection, writers: self.clone(), place: Some(place) }
    }

    /// Opens connections until `wanted` of them are idle or no more can be opened.
    pub async fn open_ahead(self: Arc<Writers>, wanted: usize) {
        while self.idle().len() < wanted {
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                return;
            };
            // Idle connections hold no permit.
            if self.idle().len() > self.places.available_permits() {
                return;
            }
            // `open` has logged the error, and callers that need a connection try again.
            let Ok(connection) = self.connector.open().await else {
                return;
            };
            self.leased(Arc::new(connection), place).finish();
        }
    }

    /// Closes the idle connections: when one is lost, usually all are.
    pub fn forget_idle(&self) {
        while let Ok(place) = self.places.clone().try_acquire_owned() {
            let Some(connection) = self.idle().pop() else { return };
            retire(connection, place);
        }
    }

    /// Returns an open idle connection. Closed ones no longer occupy a backend.
    fn pop(&self) -> Option<Arc<Connection>> {
        let mut idle = self.idle();
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens connections. After each failure it pauses, longer each time, and callers get
/// [`Error::Unavailable`] meanwhile.
pub struct Connector {
    server: Server,
    away: std::sync::Mutex<Away>,
}

#[derive(Default)]
struct Away {
    failures: u32,
    until: Option<Instant>,
}

impl Connector {
    pub fn new(server: &Server) -> Arc<Connector> {
        Arc::new(Connector { server: server.clone(), away: std::sync::Mutex::default() })
    }

    async fn open(&self) -> Result<Connection> {
        if self.away().until.is_some_and(|until| Instant::now() < until) {
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        let opened = Connection::open(&self.server, &self.server.target).await;
        let mut away = self.away();
        match opened {
            Ok(connection) => {
                *away = Away::default();
                Ok(connection)
            }
            Err(refusal) => {
                match &refusal {
                    StatementError::Lost(cause) => {
                        tracing::warn!(
                            cause,
                            "PostgreSQL is unreachable; requests get 503 until it is back"
                        );
                    }
                    other => tracing::error!(
                        ?other,
                        "PostgreSQL refuses connections; check DATABASE_URL and the server's log"
                    ),
                }
                away.until = Some(
                    Instant::now() + AWAY_AT_FIRST * 2_u32.pow(away.failures.min(AWAY_DOUBLINGS)),
                );
                away.failures += 1;
                Err(refusal.into_error())
            }
        }
    }

    fn away(&self) -> std::sync::MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
