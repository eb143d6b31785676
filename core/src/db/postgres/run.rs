//! Runs use cases: sends the statements of their scripts and stores the answers, until the use case
//! has an outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::future::join;
use tokio::time::Instant;

use super::connection::{Batch, Connection};
use super::pool::Lease;
use super::replica::Replica;
use super::shared::{Job, Shared};
use crate::db::lane::Lane;
use crate::db::script::{Run, Script, Server as On, StatementError};
use crate::db::tx::WriteTx;
use crate::error::{Error, Result};

/// Maximum number of tries of a write that conflicts with others.
const TRIES_MAX: u32 = 10;

/// Runs a use case once. A panic in it must not end the thread.
pub(super) fn run_once<T>(script: &mut Script, f: impl Fn(&mut WriteTx) -> Result<T>) -> Run<T> {
    script.run_once(|script| run(script, f))
}

pub(super) fn run<T>(script: &mut Script, f: impl Fn(&mut WriteTx) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| f(&mut WriteTx::on_postgres(script))))
        .unwrap_or_else(|_| Err(Error::Internal("a use case panicked".into())))
}

/// Runs a read on a shared connection. Each statement sees what is committed at its start.
pub(super) async fn read<T, F>(job: Job, lane: Lane, f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
{
    let deadline = job.0.deadline();
    let mut reader = job.0.readers.one(lane, deadline).await?;
    let mut tried = false;
    loop {
        let mut script = Script::new(job.0.clock.now());
        let replica = job.0.replica.as_ref().and_then(Replica::connection);
        script.set_replica(replica.is_some());
        let lost = loop {
            let run_state = run_once(&mut script, &f);
            if !script.only_queries() {
                return Err(Error::Internal("a read contains a statement that writes".into()));
            }
            match run_state {
                Run::Done(outcome) => {
                    let trace = &reader.connection.trace;
                    return trace.checked(&script, |script| run(script, &f), outcome);
                }
                Run::Waiting => {}
            }
            // The script contains the errors.
            match (&replica, &job.0.replica) {
                (Some(connection), Some(replica)) if script.has_replica() => {
                    let here = script.pending(On::Primary);
                    let there = script.pending(On::Replica);
                    let (here, there) = join(
                        reader.connection.send(&here, Batch::default(), deadline),
                        Box::pin(replica.ask(connection, &there, deadline)),
                    )
                    .await;
                    script.answer(On::Primary, here.0);
                    match there {
                        Some(answers) => script.answer(On::Replica, answers),
                        None => script.set_replica(false),
                    }
                }
                _ => {
                    let _ = reader.connection.answer(&mut script, Batch::default(), deadline).await;
                }
            }
            match script.error() {
                Some(StatementError::Lost(cause)) => break cause.clone(),
                Some(StatementError::Again) => {
                    break "a statement is to be sent otherwise".to_owned();
                }
                Some(timed_out @ StatementError::Late(_)) => {
                    if reader.connection.is_closed() {
                        reader.connection.retire();
                    }
                    return Err(timed_out.clone().into_error());
                }
                _ => {}
            }
        };
        if tried {
            tracing::warn!(cause = lost, "lost the connection to PostgreSQL during a read");
            return Err(Error::Unavailable { retry_after_s: 1 });
        }
        tried = true;
        reader = job.0.readers.instead_of(reader, deadline).await?;
    }
}

/// The end of one attempt at a transaction.
enum Ended<T> {
    With(Result<T>),
    /// Nothing was written, and a repetition may succeed.
    Again(StatementError),
}

pub(super) async fn write<T, F>(job: Job, mut f: F) -> Result<T>
where
    T: Send + 'static,
    F: Fn(&mut WriteTx) -> Result<T> + Send + 'static,
{
    let mut tries = 0;
    let mut lost = false;
    let deadline = job.0.deadline();
    loop {
        let lease = job.0.writers.lease(deadline).await?;
        let script = Script::new(job.0.clock.now());
        let refusal = match attempt(&job.0, lease, script, &mut f, deadline).await {
            Ended::With(outcome) => return outcome,
            Ended::Again(refusal) => refusal,
        };
        tries += 1;
        let is_lost = matches!(refusal, StatementError::Lost(_));
        if tries >= TRIES_MAX || (is_lost && lost) || Instant::now() >= deadline {
            tracing::warn!(?refusal, tries, "gave up a write to PostgreSQL");
            return Err(refusal.into_error());
        }
        lost |= is_lost;
        if is_lost {
            job.0.writers.forget_idle();
        } else {
            // Other transactions use the same rows: let some of them finish first.
            tokio::time::sleep(Duration::from_millis(u64::from(tries * tries))).await;
        }
    }
}

async fn attempt<T, F>(
    shared: &Shared,
    lease: Lease,
    mut script: Script,
    f: &mut F,
    deadline: Instant,
) -> Ended<T>
where
    F: Fn(&mut WriteTx) -> Result<T>,
{
    let mut begun = false;
    loop {
        match run_once(&mut script, &*f) {
            Run::Waiting => {}
            Run::Done(outcome) => {
                let trace = &lease.connection.trace;
                let outcome = trace.checked(&script, |script| run(script, &*f), outcome);
                return end(shared, lease, script, begun, outcome, deadline).await;
            }
        }
        // The script contains the errors.
        let batch = Batch { begin: !begun, commit: false };
        let _ = lease.connection.answer(&mut script, batch, deadline).await;
        begun = true;
        match script.error().cloned() {
            Some(StatementError::Again) => {
                lease.undo();
                return Ended::Again(StatementError::Again);
            }
            // This closes the lease even if the server still responds, because it may no longer
            // accept writes.
            Some(lost @ StatementError::Lost(_)) => return Ended::Again(lost),
            Some(late @ StatementError::Late(_)) => {
                if !lease.connection.is_closed() {
                    lease.undo();
                }
                return Ended::With(Err(late.into_error()));
            }
            _ => {}
        }
    }
}

/// Sends the pending statements with the COMMIT, in one round trip.
async fn end<T>(
    shared: &Shared,
    lease: Lease,
    mut script: Script,
    begun: bool,
    outcome: Result<T>,
    deadline: Instant,
) -> Ended<T> {
    // A statement may have failed whose answer the use case did not read.
    let outcome = match (outcome, script.error().cloned()) {
        (Ok(_), Some(refusal)) => Err(refusal.into_error()),
        (outcome, _) => outcome,
    };
    if outcome.is_err() || !script.writes() {
        if begun {
            lease.undo();
        } else {
            lease.finish();
        }
        return Ended::With(outcome);
    }
    let batch = Batch { begin: !begun, commit: true };
    let committed = lease.connection.answer(&mut script, batch, deadline).await;
    match script.error().cloned().or(committed.err()) {
        None => {
            lease.finish();
            shared.notifier.notify(script.to_notify());
            Ended::With(outcome)
        }
        // The server stopped in time and rolled back.
        Some(late @ StatementError::Late(_)) if !lease.connection.is_closed() => {
            lease.undo();
            Ended::With(Err(late.into_error()))
        }
        // The outcome of the COMMIT is unknown, so it must not be repeated.
        Some(StatementError::Lost(cause) | StatementError::Late(cause)) => {
            tracing::error!(
                cause,
                "lost the connection to PostgreSQL during a commit, which may or may not have \
                 taken effect"
            );
            shared.notifier.notify(script.to_notify());
            Ended::With(Err(Error::Unavailable { retry_after_s: 1 }))
        }
        Some(StatementError::Again) => {
            lease.undo();
            Ended::Again(StatementError::Again)
        }
        Some(refusal) => {
            lease.undo();
            Ended::With(Err(refusal.into_error()))
        }
    }
}

impl Connection {
    /// Sends the pending statements in one batch and stores the answers.
    pub(super) async fn answer(
        &self,
        script: &mut Script,
        batch: Batch,
        deadline: Instant,
    ) -> Result<(), StatementError> {
        let mut pending = script.pending(On::Primary);
        let mut batch = batch;
        while self.trace.is_one_by_one() && pending.len() > 1 {
            let first = Batch { begin: batch.begin, commit: false };
            let (answers, ended) = self.send(&pending[..1], first, deadline).await;
            script.answer(On::Primary, answers);
            if ended.is_err() || !batch.commit {
                return ended;
            }
            batch.begin = false;
            pending.remove(0);
        }
        let (answers, ended) = self.send(&pending, batch, deadline).await;
        script.answer(On::Primary, answers);
        ended
    }
}
