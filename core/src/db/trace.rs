//! For tests: the statements that ran on one PostgreSQL database, and their batches. Without the
//! feature `record`, a [`Trace`] does nothing.

#[cfg(feature = "record")]
pub use self::recording::{Trace, Transaction};

#[cfg(not(feature = "record"))]
pub use self::idle::Trace;

#[cfg(feature = "record")]
mod recording {
    use std::sync::{Arc, Mutex, PoisonError};

    use crate::db::script::Script;
    use crate::db::value::Owned;
    use crate::error::{Error, Result};

    /// The statements of a use case, each with its parameters, and the error if it failed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Transaction {
        pub statements: Vec<(String, Vec<Owned>)>,
        pub error: Option<Error>,
    }

    /// The use cases that ran. The default records nothing. All clones share one list.
    #[derive(Debug, Clone, Default)]
    pub struct Trace(Option<Arc<Recording>>);

    #[derive(Debug)]
    struct Recording {
        one_by_one: bool,
        transactions: Mutex<Vec<Transaction>>,
    }

    impl Trace {
        /// Creates a trace that records. With `one_by_one`, the driver sends each statement in its
        /// own round.
        pub fn new(one_by_one: bool) -> Trace {
            Trace(Some(Arc::new(Recording { one_by_one, transactions: Mutex::default() })))
        }

        pub(in crate::db) fn is_one_by_one(&self) -> bool {
            self.0.as_ref().is_some_and(|recording| recording.one_by_one)
        }

        /// Removes and returns the transactions so far, in the order in which they ended.
        pub fn take(&self) -> Vec<Transaction> {
            let lock = |recording: &Arc<Recording>| {
                let mut all = recording.transactions.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *all)
            };
            self.0.as_ref().map(lock).unwrap_or_default()
        }

        /// Records a use case that ended, and returns its outcome.
        ///
        /// # Errors
        /// The use case depends on how its statements are batched.
        pub(in crate::db) fn checked<T>(
            &self,
            script: &Script,
            run: impl Fn(&mut Script) -> Result<T>,
            outcome: Result<T>,
        ) -> Result<T> {
            script.check_replay(run, &outcome)?;
            if let Some(recording) = &self.0 {
                let error = outcome.as_ref().err().cloned();
                let transaction = Transaction { statements: script.sent(), error };
                let mut all = recording.transactions.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(transaction);
            }
            outcome
        }
    }
}

#[cfg(not(feature = "record"))]
mod idle {
    use crate::db::script::Script;
    use crate::error::Result;

    #[derive(Debug, Clone, Default)]
    pub struct Trace(());

    #[expect(clippy::unused_self, reason = "the other variant needs it")]
    impl Trace {
        pub(in crate::db) fn is_one_by_one(&self) -> bool {
            false
        }

        pub(in crate::db) fn checked<T>(
            &self,
            _: &Script,
            _: impl Fn(&mut Script) -> Result<T>,
            outcome: Result<T>,
        ) -> Result<T> {
            outcome
        }
    }
}
