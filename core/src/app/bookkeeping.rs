//! Bookkeeping beside requests: the last use of sessions and tokens, and the deletion of expired
//! records. It neither delays nor fails a response.

use super::App;
use crate::bearer::{self, Stale};
use crate::error::Result;
use crate::{audit, idempotency, mail, sessions};

impl App {
    /// Deletes a batch of expired records, each kind in its own transaction: outcomes of requests,
    /// the audit log, mailed tokens, sessions. Returns whether there may be more. Call this
    /// periodically, with a pause while there is more.
    pub async fn prune(&self) -> Result<bool> {
        let days = self.settings().audit_days;
        let mut is_more = self.0.db.write(idempotency::prune).await?;
        is_more |= self.0.db.write(move |tx| audit::prune(tx, days)).await?;
        is_more |= self.0.db.write(mail::prune).await?;
        is_more |= self.0.db.write(sessions::prune).await?;
        Ok(is_more)
    }

    /// Stores the last use later. If that fails, a later request tries again.
    pub(super) fn touch_later(&self, stale: Stale) {
        if self.0.touches.begin(stale, self.0.clock.now()) {
            self.0.db.write_later(move |tx| bearer::touch(tx, stale));
        }
    }
}
