//! The state of a connection. Its streams and requests write it; its task and the accept loop read
//! it. The fields are atomic because the accept loop runs on another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// How long the head of a request may take to arrive. For the first request, the time starts when
/// the connection is accepted.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Times are in milliseconds since `accepted`; 0 means never.
pub struct Activity {
    accepted: Instant,
    /// Requests whose response has not been sent completely.
    in_flight: AtomicU32,
    /// When the last response ended.
    responded_ms: AtomicU64,
    /// When the first bytes of an incomplete request head arrived.
    head_ms: AtomicU64,
    /// A response waits for the client to read.
    is_blocked: AtomicBool,
    is_draining: AtomicBool,
    is_closing: AtomicBool,
    task: AtomicWaker,
}

/// When to close a connection whose state does not change.
pub struct Deadline {
    pub at: Instant,
    /// The connection was idle between requests, so it closes gracefully if the protocol allows it.
    pub is_idle: bool,
}

impl Activity {
    pub fn new() -> Activity {
        Activity {
            accepted: Instant::now(),
            in_flight: AtomicU32::new(0),
            responded_ms: AtomicU64::new(0),
            head_ms: AtomicU64::new(0),
            is_blocked: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
            task: AtomicWaker::new(),
        }
    }

    /// Records a new request, which is active until the guard is dropped.
    pub fn begin(self: &Arc<Self>) -> InFlightGuard {
        self.in_flight.fetch_add(1, Relaxed);
        self.head_ms.store(0, Relaxed);
        InFlightGuard(self.clone())
    }

    /// Records that bytes have arrived that may belong to a request head.
    pub fn head_began(&self) {
        if self.in_flight.load(Relaxed) == 0 && self.head_ms.load(Relaxed) == 0 {
            self.head_ms.store(self.now_ms(), Relaxed);
        }
    }

    pub fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Relaxed);
    }

    pub fn is_busy(&self) -> bool {
        self.in_flight.load(Relaxed) > 0 || self.is_blocked.load(Relaxed)
    }

    /// Since when the connection has had no request; `None` while a request is active.
    pub fn idle_since(&self) -> Option<Instant> {
        let since = Duration::from_millis(self.responded_ms.load(Relaxed));
        (!self.is_busy()).then(|| self.accepted + since)
    }

    pub fn has_responded(&self) -> bool {
        self.responded_ms.load(Relaxed) > 0
    }

    /// When to close the connection; `None` while a request is active.
    pub fn deadline(&self, idle: Duration) -> Option<Deadline> {
        let since = self.idle_since()?;
        let is_idle = self.has_responded();
        let rest = Deadline { at: since + if is_idle { idle } else { HEADER_TIMEOUT }, is_idle };
        let head = match self.head_ms.load(Relaxed) {
            0 => return Some(rest),
            began => self.accepted + Duration::from_millis(began) + HEADER_TIMEOUT,
        };
        Some(if head < rest.at { Deadline { at: head, is_idle: false } } else { rest })
    }

    /// Asks the connection to close after its next response.
    ///
    /// A proxy may be sending a request on an idle connection, and does not repeat a POST. HTTP/2
    /// can report which requests the server has not seen, so an HTTP/2 connection may close at
    /// once.
    pub fn drain(&self) {
        self.is_draining.store(true, Relaxed);
        self.task.wake();
    }

    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }

    /// Asks the connection to close after its active requests.
    pub fn close(&self) {
        self.is_closing.store(true, Relaxed);
        self.task.wake();
    }

    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Relaxed)
    }

    /// Sets the task that [`Activity::drain`] and [`Activity::close`] wake.
    pub fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// An active request.
pub struct InFlightGuard(Arc<Activity>);

impl InFlightGuard {
    /// Whether the connection closes after this request.
    pub fn is_last(&self) -> bool {
        self.0.is_draining()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.responded_ms.store(self.0.now_ms(), Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
