//! How many connections there are and who has one: a few that all reads share, and for each write one of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::connection::{Connection, spawn};
use super::server::Server;
use crate::db::script::Refusal;
use crate::error::{Error, Result};

/// Connections that reads share: their statements follow each other without waiting for answers. Few, so that many travel
/// together.
pub const READERS: usize = 2;
/// How long a server that does not answer is left alone at first, and how often that doubles: 20 ms to 320 ms, so that its
/// return is soon seen.
const AWAY_AT_FIRST: Duration = Duration::from_millis(20);
const AWAY_DOUBLINGS: u32 = 4;
/// How long a write waits for a connection.
const LEASE_WITHIN: Duration = Duration::from_secs(10);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of this thread among those that have read. A connection is served on the thread that opened it: whoever is
    /// there need not wake another.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// The connections that reads share.
pub struct Readers {
    door: Arc<Door>,
    slots: Vec<Mutex<Option<Arc<Connection>>>>,
}

impl Readers {
    pub fn new(server: &Server, door: &Arc<Door>) -> Readers {
        let count = READERS.min(server.pool_max.saturating_sub(1).max(1));
        let slots = (0..count).map(|_| Mutex::new(None)).collect();
        Readers { door: door.clone(), slots }
    }

    /// The one of this thread, opened where it is not.
    pub async fn one(&self) -> Result<Reader> {
        let place = THREAD.with(|thread| *thread) % self.slots.len();
        self.at(place, None).await
    }

    /// A new one in the place of one that was lost.
    pub async fn instead_of(&self, lost: Reader) -> Result<Reader> {
        self.at(lost.place, Some(&lost.connection)).await
    }

    async fn at(&self, place: usize, lost: Option<&Arc<Connection>>) -> Result<Reader> {
        let mut slot = self.slots[place].lock().await;
        let is_lost = |open: &Arc<Connection>| lost.is_some_and(|lost| Arc::ptr_eq(lost, open));
        let connection = match slot.as_ref().filter(|open| !open.is_closed() && !is_lost(open)) {
            Some(open) => open.clone(),
            None => Arc::new(self.door.open().await?),
        };
        *slot = Some(connection.clone());
        Ok(Reader { place, connection })
    }
}

/// A connection that reads share.
pub struct Reader {
    place: usize,
    pub connection: Arc<Connection>,
}

/// The connections for writes.
pub struct Writers {
    door: Arc<Door>,
    idle: std::sync::Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

/// A connection for one transaction. Dropped without a word it is closed: who knows what is still open on it.
pub struct Lease {
    pub connection: Connection,
    writers: Arc<Writers>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    /// To be called when no transaction is open.
    pub fn finish(self) {
        if !self.connection.is_closed() {
            self.writers.idle().push(self.connection);
        }
    }

    /// Undoes what was done; nobody needs to wait for it.
    pub fn undo(self) {
        spawn(async move {
            if self.connection.rollback().await.is_ok() {
                self.finish();
            }
        });
    }
}

impl Writers {
    pub fn new(server: &Server, door: &Arc<Door>) -> Arc<Writers> {
        let count = server.pool_max.saturating_sub(READERS).max(1);
        Arc::new(Writers {
            door: door.clone(),
            idle: std::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(count)),
        })
    }

    pub async fn lease(self: &Arc<Writers>) -> Result<Lease> {
        let place = tokio::time::timeout(LEASE_WITHIN, self.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Error::Unavailable { retry_after_s: 1 });
        };
        let connection = match self.pop() {
            Some(idle) => idle,
            None => self.door.open().await?,
        };
        Ok(Lease { connection, writers: self.clone(), _place: place })
    }

    /// Opens so many connections that `wanted` wait for work, or fewer where the server has no more to give.
    pub async fn open_ahead(self: Arc<Writers>, wanted: usize) {
        let wanted = wanted.min(self.places.available_permits());
        while self.idle().len() < wanted {
            // What is wrong is told by it; whoever needs a connection tries again.
            let Ok(connection) = self.door.open().await else {
                return;
            };
            self.idle().push(connection);
        }
    }

    /// Closes those that wait for work: when one is lost, so mostly are all.
    pub fn forget_idle(&self) {
        self.idle().clear();
    }

    fn pop(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where connections come from. While the server is away it is left alone for a moment after each failure, longer from one
/// to the next; who asks meanwhile is told to come back.
pub struct Door {
    server: Server,
    away: std::sync::Mutex<Away>,
}

#[derive(Default)]
struct Away {
    failures: u32,
    until: Option<Instant>,
}

impl Door {
    pub fn new(server: &Server) -> Arc<Door> {
        Arc::new(Door { server: server.clone(), away: std::sync::Mutex::default() })
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
                    Refusal::Lost(cause) => tracing::warn!(cause, "the database is away"),
                    other => tracing::error!(?other, "the database refuses connections"),
                }
                away.until =
                    Some(Instant::now() + AWAY_AT_FIRST * 2_u32.pow(away.failures.min(AWAY_DOUBLINGS)));
                away.failures += 1;
                Err(refusal.into_error())
            }
        }
    }

    fn away(&self) -> std::sync::MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
