//! A use case on its way through a thread of SQLite's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_channel::oneshot;

use super::tx::WriteTx;
use crate::error::{Error, Result};

pub type Job = Box<dyn Work>;

/// A use case on its way through a thread: run inside a transaction, answered after the commit.
pub trait Work: Send {
    /// Runs it; whether what it wrote is to be kept. May be called again after what it wrote was
    /// undone.
    fn run(&mut self, tx: &mut WriteTx) -> bool;
    /// Sends the answer: its own where the commit went well or it had failed before.
    fn reply(self: Box<Self>, committed: &Result<()>);
}

pub struct UseCase<T, F> {
    pub f: F,
    pub outcome: Option<Result<T>>,
    pub answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Fn(&mut WriteTx) -> Result<T> + Send> Work for UseCase<T, F> {
    fn run(&mut self, tx: &mut WriteTx) -> bool {
        // A fault in one use case must not take the thread, and everybody's requests, with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.f)(tx)))
            .unwrap_or_else(|_| Err(Error::Internal("a use case panicked".into())));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn reply(self: Box<Self>, committed: &Result<()>) {
        let outcome = match (self.outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone()),
            (Some(outcome), Ok(())) => outcome,
            (None, Ok(())) => Err(Error::Internal("a use case was not run".into())),
        };
        // Whoever asked may have hung up; what was written stays written.
        let _ = self.answer.send(outcome);
    }
}
