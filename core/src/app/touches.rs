//! Which last uses were written down a moment ago, so that many requests make one write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::bearer::Stale;
use crate::time::Timestamp;

/// How long a session or token is left alone after its use was to be written down, whatever came of
/// it.
const AGAIN_AFTER_S: i64 = 60;
/// How many of them are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Whose last use is being written down, or was a moment ago: one write is enough for many
/// requests.
#[derive(Default)]
pub(super) struct Touches(Mutex<HashMap<Uuid, Timestamp>>);

impl Touches {
    /// Whether it is this caller who is to write it down.
    pub(super) fn begin(&self, stale: Stale, now: Timestamp) -> bool {
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
