//! Recently stored last uses, so that many requests cause one write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::bearer::Stale;
use crate::time::Timestamp;

/// Minimum interval between two attempts to store the last use of a session or token.
const AGAIN_AFTER_S: i64 = 60;
/// Maximum number of sessions and tokens to remember.
const REMEMBERED_MAX: usize = 10_000;

/// The sessions and tokens whose last use is being stored or was stored recently. One write is
/// enough for many requests.
#[derive(Default)]
pub(super) struct Touches(Mutex<HashMap<Uuid, Timestamp>>);

impl Touches {
    /// Whether the caller must store this last use.
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
