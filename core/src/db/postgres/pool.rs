//! How many connections there are and who has one: a few that all reads share, and for each write one of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::connection::{Connection, spawn};
use super::server::Server;
use crate::db::script::Refusal;
use crate::error::{Error, Result};

/// Connections that reads share: their statements follow each other without waiting for answers. Few, so that many travel
/// together.
pub const READERS: usize = 2;
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
    server: Server,
    slots: Vec<Mutex<Option<Arc<Connection>>>>,
}

impl Readers {
    pub fn new(server: &Server) -> Readers {
        let count = READERS.min(server.pool_max.saturating_sub(1).max(1));
        let slots = (0..count).map(|_| Mutex::new(None)).collect();
        Readers { server: server.clone(), slots }
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
            None => Arc::new(open(&self.server).await?),
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
    server: Server,
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
    pub fn new(server: &Server) -> Arc<Writers> {
        let count = server.pool_max.saturating_sub(READERS).max(1);
        Arc::new(Writers {
            server: server.clone(),
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
            None => open(&self.server).await?,
        };
        Ok(Lease { connection, writers: self.clone(), _place: place })
    }

    /// Opens so many connections that `wanted` wait for work, or fewer where the server has no more to give.
    pub async fn open_ahead(self: Arc<Writers>, wanted: usize) {
        let wanted = wanted.min(self.places.available_permits());
        while self.idle().len() < wanted {
            // What is wrong is told by it; whoever needs a connection tries again.
            let Ok(connection) = open(&self.server).await else {
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

async fn open(server: &Server) -> Result<Connection> {
    Connection::open(server, &server.target).await.map_err(|refusal| {
        match &refusal {
            Refusal::Lost(cause) => tracing::warn!(cause, "the database is away"),
            other => tracing::error!(?other, "the database refuses connections"),
        }
        refusal.into_error()
    })
}
