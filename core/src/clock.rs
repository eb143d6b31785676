//! Time and randomness, the two inputs from outside a transaction. All other code gets them from
//! the transaction.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The system's clock. Tests advance or stop their own copy instead of waiting.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Shift>);

#[derive(Debug, Default)]
struct Shift {
    ahead_us: AtomicI64,
    /// The time of a stopped clock; 0 while the clock runs.
    stopped_us: AtomicI64,
}

impl Clock {
    /// Returns the current time, in whole microseconds.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        let stopped_us = self.0.stopped_us.load(Ordering::Relaxed);
        if stopped_us != 0 {
            return Timestamp::from_micros(stopped_us + self.0.ahead_us.load(Ordering::Relaxed));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let us = since.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        Timestamp::from_micros(us.saturating_add(self.0.ahead_us.load(Ordering::Relaxed)))
    }

    /// Stops this clock and all its clones. Then only [`Clock::advance_s`] moves them.
    pub fn stop(&self) {
        let now_us = self.now().as_micros() - self.0.ahead_us.load(Ordering::Relaxed);
        self.0.stopped_us.store(now_us, Ordering::Relaxed);
    }

    /// Returns a clock that is stopped at `at`. Only [`Clock::advance_s`] moves it.
    pub fn stopped_at(at: Timestamp) -> Clock {
        let clock = Clock::default();
        clock.0.stopped_us.store(at.as_micros(), Ordering::Relaxed);
        clock
    }

    /// Advances this clock and all its clones.
    pub fn advance_s(&self, seconds: i64) {
        self.0.ahead_us.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }
}

/// Returns `N` cryptographically random bytes from the operating system.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::internal("cannot read random bytes from the system", e))?;
    Ok(bytes)
}

/// Returns ten random bytes for an id. A call to the system costs a tenth of storing a small row,
/// so each thread fetches bytes for many ids at once.
#[expect(clippy::disallowed_methods, reason = "fills the pool that ids come from")]
pub fn random_id() -> Result<[u8; 10]> {
    thread_local!(static POOL: RefCell<Vec<[u8; 10]>> = const { RefCell::new(Vec::new()) });
    POOL.with_borrow_mut(|pool| {
        if pool.is_empty() {
            pool.extend_from_slice(random_bytes::<1280>()?.as_chunks().0);
        }
        pool.pop().ok_or_else(|| Error::Internal("no randomness".into()))
    })
}

/// Returns `bytes` in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
