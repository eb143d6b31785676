//! What is written down or cleared up beside requests: when sessions and tokens were last used, and
//! what is too old. It neither delays nor fails an answer.

use super::App;
use crate::bearer::{self, Stale};
use crate::error::Result;
use crate::{audit, idempotency, mail, sessions};

impl App {
    /// Deletes a batch of what is too old, in a transaction of its own: outcomes of requests, the
    /// audit log, tokens of mail, sessions. Whether there may be more; to be called now and then,
    /// and with a pause in between as long as there is.
    pub async fn prune(&self) -> Result<bool> {
        let days = self.settings().audit_days;
        let mut is_more = self.0.db.write(idempotency::prune).await?;
        is_more |= self.0.db.write(move |tx| audit::prune(tx, days)).await?;
        is_more |= self.0.db.write(mail::prune).await?;
        is_more |= self.0.db.write(sessions::prune).await?;
        Ok(is_more)
    }

    /// Writes the last use down some time soon. Where that fails, a later request tries again.
    pub(super) fn touch_later(&self, stale: Stale) {
        if self.0.touches.begin(stale, self.0.clock.now()) {
            self.0.db.write_later(move |tx| bearer::touch(tx, stale));
        }
    }
}
