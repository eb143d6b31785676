//! Use cases that are under way, counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::error::{Error, Result};

/// Use cases that may be under way; beyond it the answer is [`Error::Unavailable`].
const JOBS_MAX: usize = 8192;

/// One more job, until it is dropped.
pub(super) struct Job(pub(super) Arc<Shared>);

impl Job {
    pub(super) fn new(shared: &Arc<Shared>) -> Result<Job> {
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
