//! What all use cases on one PostgreSQL database share, with a limit on their number.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::notify::Notifier;
use super::pool::{Readers, Writers};
use super::replica::Replica;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Maximum number of active use cases. Further ones get [`Error::Unavailable`].
const JOBS_MAX: usize = 8192;

pub struct Shared {
    pub clock: Clock,
    pub readers: Readers,
    pub replica: Option<Replica>,
    pub writers: Arc<Writers>,
    pub jobs: AtomicUsize,
    pub notifier: Arc<Notifier>,
    pub answer_within: Duration,
}

impl Shared {
    /// Returns the deadline of a job that begins now, including all waiting.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.answer_within
    }
}

/// An active job. Dropping it frees its place.
pub struct Job(pub Arc<Shared>);

impl Job {
    pub fn new(shared: &Arc<Shared>) -> Result<Job> {
        let job = Job(shared.clone());
        if shared.jobs.fetch_add(1, Ordering::Relaxed) >= JOBS_MAX {
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        Ok(job)
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.0.jobs.fetch_sub(1, Ordering::Relaxed);
    }
}
