//! A transaction of many steps, whose input comes bit by bit: more than memory should hold. For the
//! operator's command line alone, as it keeps other writers waiting.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError, mpsc};

use futures_channel::oneshot;
use futures_util::future::{Either, select};

use super::tx::WriteTx;
use super::{postgres, work};
use crate::error::{Error, Result};

/// An open transaction. Dropped without [`LongTransaction::commit`] it is undone.
pub struct LongTransaction(Inner);

enum Inner {
    Sqlite { steps: mpsc::Sender<Step>, ended: Pin<Box<dyn Future<Output = Result<()>> + Send>> },
    Postgres(Box<postgres::LongTransaction>),
}

enum Step {
    Run(Box<dyn FnOnce(&mut WriteTx) + Send>),
    Commit,
}

/// On the writer's thread. Run again after it was undone, it finds no more steps, and so fails as
/// well.
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

    /// Runs one step. After an error nothing is left but to drop the transaction.
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
                    // Whoever asked may have gone.
                    let _ = answer.send(f(tx));
                }));
                // Where nobody takes it any more, the end says why.
                let _ = steps.send(step);
                match select(answered, ended).await {
                    Either::Left((answer, _)) => answer.unwrap_or_else(|_| Err(ended_early())),
                    Either::Right((ended, _)) => Err(ended.err().unwrap_or_else(ended_early)),
                }
            }
        }
    }

    /// Answers when all of it is safe on the disk.
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
