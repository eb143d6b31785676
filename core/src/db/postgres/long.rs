//! Transactions of many steps on PostgreSQL, for commands and migrations.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Batch, Connection};
use super::pool::Lease;
use super::run::{run, run_once};
use super::shared::Shared;
use crate::db::script::{Run, Script, StatementError};
use crate::db::tx::WriteTx;
use crate::error::Result;
use crate::ids::UserId;
use crate::time::Timestamp;

/// How long one batch of a migration may take.
const MIGRATION_WITHIN: Duration = Duration::from_mins(10);

/// See [`super::LongTransaction`]. Each step has the time limit of a request. Dropping the
/// transaction closes its connection, and the server rolls back.
pub struct LongTransaction {
    lease: Lease,
    begun: bool,
    to_notify: Vec<UserId>,
    shared: Arc<Shared>,
}

impl LongTransaction {
    pub(super) async fn begin(shared: &Arc<Shared>) -> Result<LongTransaction> {
        let lease = shared.writers.lease(shared.deadline()).await?;
        Ok(LongTransaction { lease, begun: false, to_notify: Vec::new(), shared: shared.clone() })
    }

    pub async fn run<T>(&mut self, f: impl Fn(&mut WriteTx) -> Result<T>) -> Result<T> {
        let mut script = Script::new(self.shared.clock.now());
        let (batch, within) = (self.batch(false), self.shared.answer_within);
        let outcome = self.lease.connection.step(&mut script, batch, within, f).await?;
        self.to_notify.extend(script.to_notify());
        Ok(outcome)
    }

    pub async fn commit(mut self) -> Result<()> {
        let batch = self.batch(true);
        let deadline = self.shared.deadline();
        let committed = self.lease.connection.send(&[], batch, deadline).await.1;
        committed.map_err(StatementError::into_error)?;
        self.lease.finish();
        self.shared.notifier.notify(&self.to_notify);
        Ok(())
    }

    fn batch(&mut self, commit: bool) -> Batch {
        Batch { begin: !std::mem::replace(&mut self.begun, true), commit }
    }
}

impl Connection {
    /// Runs a step of a migration in the open transaction.
    pub async fn run<T>(&self, now: Timestamp, f: impl Fn(&mut WriteTx) -> Result<T>) -> Result<T> {
        self.step(&mut Script::new(now), Batch::default(), MIGRATION_WITHIN, f).await
    }

    /// Runs `f` to its end, with a time limit for each of its batches. `batch` surrounds the first
    /// one.
    async fn step<T>(
        &self,
        script: &mut Script,
        mut batch: Batch,
        within: Duration,
        f: impl Fn(&mut WriteTx) -> Result<T>,
    ) -> Result<T> {
        loop {
            let outcome_or_ask = run_once(script, &f);
            let answered =
                self.answer(script, std::mem::take(&mut batch), Instant::now() + within).await;
            answered.map_err(StatementError::into_error)?;
            match (outcome_or_ask, script.error().cloned()) {
                (Run::Done(Ok(_)), Some(refusal)) => return Err(refusal.into_error()),
                (Run::Done(outcome), _) => {
                    return self.trace.checked(script, |script| run(script, &f), outcome);
                }
                (Run::Waiting, _) => {}
            }
        }
    }
}
