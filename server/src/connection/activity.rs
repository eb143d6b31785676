//! What a connection does: its streams and its requests note it here, its own task and the accept
//! loop read it. Atomics, as the accept loop runs on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// How long the head of a request may take to arrive; the first one's counts from when the
/// connection is accepted.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Times are in milliseconds since `accepted`; 0 means never.
pub struct Activity {
    accepted: Instant,
    /// Requests whose answers have not been taken to their ends.
    under_way: AtomicU32,
    /// When the last answer ended.
    answered_ms: AtomicU64,
    /// When the head began that has not arrived whole.
    head_ms: AtomicU64,
    /// An answer waits for the client to read.
    is_blocked: AtomicBool,
    is_parting: AtomicBool,
    is_leaving: AtomicBool,
    task: AtomicWaker,
}

/// When a connection is to be closed if it does not change.
pub struct Due {
    pub at: Instant,
    /// It was merely idle, so the client is told, if the protocol has a way.
    pub is_idle: bool,
}

impl Activity {
    pub fn new() -> Activity {
        Activity {
            accepted: Instant::now(),
            under_way: AtomicU32::new(0),
            answered_ms: AtomicU64::new(0),
            head_ms: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            is_parting: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    /// A request has arrived, and is under way until what is returned is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlightGuard {
        self.under_way.fetch_add(1, Relaxed);
        self.head_ms.store(0, Relaxed);
        InFlightGuard(self.clone())
    }

    /// Bytes have come that may be a head's.
    pub fn head_began(&self) {
        if self.under_way.load(Relaxed) == 0 && self.head_ms.load(Relaxed) == 0 {
            self.head_ms.store(self.now_ms(), Relaxed);
        }
    }

    pub fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Relaxed);
    }

    pub fn is_busy(&self) -> bool {
        self.under_way.load(Relaxed) > 0 || self.is_blocked.load(Relaxed)
    }

    /// Since when nothing has been asked; nothing while a request is under way.
    pub fn idle_since(&self) -> Option<Instant> {
        let since = Duration::from_millis(self.answered_ms.load(Relaxed));
        (!self.is_busy()).then(|| self.accepted + since)
    }

    pub fn has_answered(&self) -> bool {
        self.answered_ms.load(Relaxed) > 0
    }

    /// Nothing while a request is under way.
    pub fn due(&self, idle: Duration) -> Option<Due> {
        let since = self.idle_since()?;
        let is_idle = self.has_answered();
        let rest = Due { at: since + if is_idle { idle } else { HEADER_TIMEOUT }, is_idle };
        let head = match self.head_ms.load(Relaxed) {
            0 => return Some(rest),
            began => self.accepted + Duration::from_millis(began) + HEADER_TIMEOUT,
        };
        Some(if head < rest.at { Due { at: head, is_idle: false } } else { rest })
    }

    /// Asks the connection to end after its next answer.
    ///
    /// A proxy may be sending a request on a connection that is idle here, and will not send a POST
    /// twice. HTTP/2 has a way to say which requests were not seen, so that there the connection
    /// may leave at once.
    pub fn part(&self) {
        self.is_parting.store(true, Relaxed);
        self.task.wake();
    }

    pub fn is_parting(&self) -> bool {
        self.is_parting.load(Relaxed)
    }

    /// Asks the connection to end after the requests that are under way.
    pub fn leave(&self) {
        self.is_leaving.store(true, Relaxed);
        self.task.wake();
    }

    pub fn is_leaving(&self) -> bool {
        self.is_leaving.load(Relaxed)
    }

    /// The task that [`Activity::leave`] wakes.
    pub fn wakes(&self, waker: &Waker) {
        self.task.register(waker);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// A request under way.
pub struct InFlightGuard(Arc<Activity>);

impl InFlightGuard {
    /// No request is to follow it on its connection.
    pub fn is_last(&self) -> bool {
        self.0.is_parting()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.answered_ms.store(self.0.now_ms(), Relaxed);
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}
