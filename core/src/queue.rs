//! A bounded first-in, first-out queue between requests and the threads that serve them. It wakes
//! a thread only if one sleeps. While all threads are busy, adding a job takes one lock.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// A queue of at most `max` waiting jobs.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    max: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    sleepers: usize,
    closed: bool,
}

impl<T> Queue<T> {
    pub fn new(max: usize) -> Queue<T> {
        let state = State { waiting: VecDeque::new(), sleepers: 0, closed: false };
        Queue { state: Mutex::new(state), ready: Condvar::new(), max }
    }

    /// Adds a job.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if `max` jobs are waiting, [`Error::Internal`] if the queue is
    /// closed.
    pub fn push(&self, job: T, retry_after_s: u32) -> Result<()> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Internal("the threads have ended".into()));
        }
        if state.waiting.len() >= self.max {
            return Err(Error::Unavailable { retry_after_s });
        }
        state.waiting.push_back(job);
        let wake = state.sleepers > 0;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for the next job. Returns `None` once the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.sleepers += 1;
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
    }

    /// Waits for the next job for at most `patience`. It may return `None` earlier, because a
    /// thread can wake up without a reason.
    pub fn pop_within(&self, patience: Duration) -> Option<T> {
        let mut state = self.lock();
        if state.waiting.is_empty() && !state.closed {
            state.sleepers += 1;
            let waited = self.ready.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.sleepers -= 1;
        }
        state.waiting.pop_front()
    }

    /// Returns the next job, without waiting.
    pub fn try_pop(&self) -> Option<T> {
        self.lock().waiting.pop_front()
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Rejects further jobs. The threads still get the waiting ones.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
