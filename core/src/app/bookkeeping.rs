//! What is written down or cleared up beside requests: when sessions and tokens were last used, and what is too old. It neither
//! delays nor fails an answer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use super::App;
use crate::bearer::{self, Stale};
use crate::error::Result;
use crate::time::Timestamp;
use crate::{audit, idempotency, mail, sessions};

/// How long a session or token is left alone after its use was to be written down, whatever came of it.
const AGAIN_AFTER_S: i64 = 60;
/// How many of them are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Whose last use is being written down, or was a moment ago: one write is enough for many requests.
#[derive(Default)]
pub(super) struct Touches(Mutex<HashMap<Uuid, Timestamp>>);

impl Touches {
    /// Whether it is this caller who is to write it down.
    fn begin(&self, stale: Stale, now: Timestamp) -> bool {
        let (Stale::Session(id) | Stale::Token(id)) = stale;
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.get(&id).is_some_and(|then| *then > now.plus_seconds(-AGAIN_AFTER_S)) {
            return false;
        }
        if begun.len() >= REMEMBERED_MAX {
            begun.retain(|_, then| *then > now.plus_seconds(-AGAIN_AFTER_S));
        }
        let has_room = begun.len() < REMEMBERED_MAX;
        if has_room {
            begun.insert(id, now);
        }
        has_room
    }
}

impl App {
    /// Deletes a batch of what is too old, in a transaction of its own: outcomes of requests, the audit log, tokens of mail,
    /// sessions. Whether there may be more; to be called now and then, and with a pause in between as long as there is.
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
