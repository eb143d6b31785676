//! A use case that waits for one of SQLite's threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_channel::oneshot;

use super::tx::WriteTx;
use crate::error::{Error, Result};

pub type Job = Box<dyn Work>;

/// A use case that runs in a transaction on another thread, and is answered after the commit.
pub trait Work: Send {
    /// Runs the use case. Returns whether to keep its writes. May be called again after a rollback.
    fn run(&mut self, tx: &mut WriteTx) -> bool;
    /// Sends the outcome of the use case, or the error of the commit if the use case succeeded.
    fn reply(self: Box<Self>, committed: &Result<()>);
}

pub struct UseCase<T, F> {
    pub f: F,
    pub outcome: Option<Result<T>>,
    pub answer: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: Fn(&mut WriteTx) -> Result<T> + Send> Work for UseCase<T, F> {
    fn run(&mut self, tx: &mut WriteTx) -> bool {
        // A panic in one use case must not end the thread and with it the requests of others.
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
        // The caller may be gone. The writes stay.
        let _ = self.answer.send(outcome);
    }
}
