//! Transactions of many steps on PostgreSQL: the operator's, and a migration's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Batch, Connection};
use super::pool::Lease;
use super::run::turn;
use super::shared::Shared;
use crate::db::script::{Refusal, Script, Turn};
use crate::db::tx::Tx;
use crate::error::Result;
use crate::time::Timestamp;

/// How long one batch of a migration may take.
const MIGRATION_WITHIN: Duration = Duration::from_secs(600);

/// See [`super::Long`]. Each step has the time that a request has. Dropped, its connection is closed, and the server undoes
/// what was done.
pub struct Long {
    lease: Lease,
    begun: bool,
    told: Vec<i64>,
    shared: Arc<Shared>,
}

impl Long {
    pub(super) async fn begin(shared: &Arc<Shared>) -> Result<Long> {
        let lease = shared.writers.lease(shared.deadline()).await?;
        Ok(Long { lease, begun: false, told: Vec::new(), shared: shared.clone() })
    }

    pub async fn run<T>(&mut self, f: impl Fn(&mut Tx) -> Result<T>) -> Result<T> {
        let mut script = Script::new(self.shared.clock.now());
        let (batch, within) = (self.batch(false), self.shared.answer_within);
        let outcome = self.lease.connection.step(&mut script, batch, within, f).await?;
        self.told.extend(script.told());
        Ok(outcome)
    }

    pub async fn commit(mut self) -> Result<()> {
        let batch = self.batch(true);
        let deadline = self.shared.deadline();
        let committed = self.lease.connection.send(&[], batch, deadline).await.1;
        committed.map_err(Refusal::into_error)?;
        self.lease.finish();
        self.shared.news.tell(&self.told);
        Ok(())
    }

    fn batch(&mut self, commit: bool) -> Batch {
        Batch { begin: !std::mem::replace(&mut self.begun, true), commit }
    }
}

impl Connection {
    /// Runs a step of a migration, in the transaction that is open here.
    pub async fn run<T>(&self, now: Timestamp, f: impl Fn(&mut Tx) -> Result<T>) -> Result<T> {
        self.step(&mut Script::new(now), Batch::default(), MIGRATION_WITHIN, f).await
    }

    /// Runs `f` to its end; each of its batches is answered within a time. `batch` goes around the first one.
    async fn step<T>(
        &self,
        script: &mut Script,
        mut batch: Batch,
        within: Duration,
        f: impl Fn(&mut Tx) -> Result<T>,
    ) -> Result<T> {
        loop {
            let turned = turn(script, &f);
            let answered = self.answer(script, std::mem::take(&mut batch), Instant::now() + within).await;
            answered.map_err(Refusal::into_error)?;
            match (turned, script.refusal().cloned()) {
                (Turn::Done(Ok(_)), Some(refusal)) => return Err(refusal.into_error()),
                (Turn::Done(outcome), _) => return outcome,
                (Turn::Ask, _) => {}
            }
        }
    }
}
