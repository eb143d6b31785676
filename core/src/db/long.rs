//! A transaction of many steps, for input that is too large for memory. Only commands may use it,
//! because other writers wait for it.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError, mpsc};

use futures_channel::oneshot;
use futures_util::future::{Either, select};

use super::tx::WriteTx;
use super::{postgres, work};
use crate::error::{Error, Result};

/// An open transaction. Dropping it without [`LongTransaction::commit`] rolls it back.
pub struct LongTransaction(Inner);

enum Inner {
    Sqlite { steps: mpsc::Sender<Step>, ended: Pin<Box<dyn Future<Output = Result<()>> + Send>> },
    Postgres(Box<postgres::LongTransaction>),
}

enum Step {
    Run(Box<dyn FnOnce(&mut WriteTx) + Send>),
    Commit,
}

/// Runs all steps on the writer's thread. If the writer runs this again after a rollback, there are
/// no more steps, so it fails again.
fn run_all(tx: &mut WriteTx, steps: &Mutex<mpsc::Receiver<Step>>) -> Result<()> {
    let steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match steps.recv() {
            Ok(Step::Run(step)) => step(tx),
            Ok(Step::Commit) => return Ok(()),
            Err(_) => return Err(Error::Internal("a long transaction was given up".into())),
        }
    }
}

impl LongTransaction {
    pub(super) fn on_sqlite(db: &work::Db) -> LongTransaction {
        let (steps, taken) = mpsc::channel();
        let (db, taken) = (db.clone(), Mutex::new(taken));
        let ended = Box::pin(async move { db.write(move |tx| run_all(tx, &taken)).await });
        LongTransaction(Inner::Sqlite { steps, ended })
    }

    pub(super) fn on_postgres(long: postgres::LongTransaction) -> LongTransaction {
        LongTransaction(Inner::Postgres(Box::new(long)))
    }

    /// Runs one step. After an error, the caller can only drop the transaction.
    pub async fn run<T, F>(&mut self, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    {
        match &mut self.0 {
            Inner::Postgres(long) => long.run(f).await,
            Inner::Sqlite { steps, ended } => {
                let (answer, answered) = oneshot::channel();
                let step = Step::Run(Box::new(move |tx| {
                    // The caller may be gone.
                    let _ = answer.send(f(tx));
                }));
                // If the writer no longer takes steps, `ended` has the reason.
                let _ = steps.send(step);
                match select(answered, ended).await {
                    Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(ended_early())),
                    Either::Right((ended, _)) => Err(ended.err().unwrap_or_else(ended_early)),
                }
            }
        }
    }

    /// Commits. Returns once all of it is safe on the disk.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Inner::Postgres(long) => long.commit().await,
            Inner::Sqlite { steps, ended } => {
                let _ = steps.send(Step::Commit);
                ended.await
            }
        }
    }
}

fn ended_early() -> Error {
    Error::Internal("a long transaction ended before its time".into())
}
