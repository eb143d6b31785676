//! The two things that come from outside a transaction: the time and randomness. All else asks the
//! transaction for them.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The system's clock. A test moves its own copy forward instead of waiting, or stops it.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<Shift>);

#[derive(Debug, Default)]
struct Shift {
    ahead_us: AtomicI64,
    /// Where a stopped clock stands; 0 for one that runs.
    stopped_us: AtomicI64,
}

impl Clock {
    /// Now, in whole microseconds.
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

    /// Stops this clock and all its clones; from now on only [`Clock::advance_s`] moves them.
    pub fn stop(&self) {
        let now_us = self.now().as_micros() - self.0.ahead_us.load(Ordering::Relaxed);
        self.0.stopped_us.store(now_us, Ordering::Relaxed);
    }

    /// A clock that stands at `at` until [`Clock::advance_s`] moves it.
    pub fn stopped_at(at: Timestamp) -> Clock {
        let clock = Clock::default();
        clock.0.stopped_us.store(at.as_micros(), Ordering::Relaxed);
        clock
    }

    /// Moves this clock, and all its clones, by so many seconds.
    pub fn advance_s(&self, seconds: i64) {
        self.0.ahead_us.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }
}

/// `N` bytes that nobody can guess, from the operating system.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| Error::internal("cannot read random bytes from the system", e))?;
    Ok(bytes)
}

/// Ten bytes of the same for an id. Asking the system for each id is a tenth of what it costs to
/// store a small row, so a thread asks for many at once.
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

/// `bytes` in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
