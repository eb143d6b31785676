//! Idempotent requests, which take effect once however often they are sent. The outcome is stored
//! in the transaction of the effect, under the client's key, and returned to every repetition.
//!
//! Stored outcomes outlive an upgrade, so a new member of an outcome needs a default when it is
//! read.

mod model;
mod sql;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use model::{IdempotentRequest, digest};
pub(crate) use model::{KeyScope, OutcomeKey};

use crate::db::{ReadTx, WriteTx};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// How long an outcome is kept, in seconds. Older ones are ignored, even before they are pruned.
const KEPT_FOR_S: i64 = 24 * 3600;

/// Returns the outcome that is stored under `key`, or runs `write` and stores its outcome. Errors
/// change nothing and are not stored.
pub(crate) fn run_once<T: Serialize + DeserializeOwned>(
    tx: &mut WriteTx,
    key: &OutcomeKey,
    write: impl FnOnce(&mut WriteTx) -> Result<T>,
) -> Result<T> {
    if let Some(outcome) = find(tx, key)? {
        return Ok(outcome);
    }
    let outcome = write(tx)?;
    // If two instances write at once, the insert of the second one fails and its transaction rolls
    // back.
    let json = serde_json::to_string(&outcome)
        .map_err(|e| Error::internal("an outcome has no JSON", e))?;
    sql::delete(tx, key, kept_since(tx))?;
    sql::insert(tx, key, &json)?;
    Ok(outcome)
}

/// Returns the stored outcome of the same request, if there is one.
///
/// # Errors
/// The key was used for another request.
pub(crate) fn find<T: DeserializeOwned>(tx: &mut ReadTx, key: &OutcomeKey) -> Result<Option<T>> {
    let since = kept_since(tx);
    let Some(kept) = sql::find(tx, key, since)?.filter(|kept| !kept.is_assumed()) else {
        return Ok(None);
    };
    if !key.is_of(&kept.fingerprint, kept.role.as_deref()) {
        return Err(Error::KeyReused);
    }
    let outcome = serde_json::from_str(&kept.outcome);
    outcome
        .map(Some)
        .map_err(|e| Error::internal("cannot read the stored response of an idempotency key", e))
}

/// Deletes a batch of old outcomes. Returns whether there may be more.
pub(crate) fn prune(tx: &mut WriteTx) -> Result<bool> {
    let since = kept_since(tx);
    sql::prune(tx, since)
}

fn kept_since(tx: &ReadTx) -> Timestamp {
    tx.now().plus_seconds(-KEPT_FOR_S)
}
