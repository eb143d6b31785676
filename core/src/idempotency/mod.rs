//! Requests that are to have their effect once, however often they are sent: the outcome is written
//! down in the transaction of the effect, under the key that the client gave, and told again to
//! whoever repeats the request.
//!
//! What is kept outlives an upgrade: a member that is added to an outcome needs a default where it
//! is read.

mod model;
mod sql;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use model::{IdempotentRequest, digest};
pub(crate) use model::{KeyScope, OutcomeKey};

use crate::db::{ReadTx, WriteTx};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// How long an outcome is kept. Older ones count for nothing, pruned or not.
const KEPT_FOR_S: i64 = 24 * 3600;

/// What a write comes to: what it came to before, where its slot says so, or else what `write`
/// comes to now, which is then kept. A refusal changes nothing and is not kept.
pub(crate) fn run_once<T: Serialize + DeserializeOwned>(
    tx: &mut WriteTx,
    key: &OutcomeKey,
    write: impl FnOnce(&mut WriteTx) -> Result<T>,
) -> Result<T> {
    if let Some(outcome) = find(tx, key)? {
        return Ok(outcome);
    }
    let outcome = write(tx)?;
    // Of two that write at once on two instances the second is refused here, with all that it did.
    let json = serde_json::to_string(&outcome)
        .map_err(|e| Error::internal("an outcome has no JSON", e))?;
    sql::delete(tx, key, kept_since(tx))?;
    sql::insert(tx, key, &json)?;
    Ok(outcome)
}

/// What the same request came to before, if it did.
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

/// Deletes some of what was kept long enough; whether there is more.
pub(crate) fn prune(tx: &mut WriteTx) -> Result<bool> {
    let since = kept_since(tx);
    sql::prune(tx, since)
}

fn kept_since(tx: &ReadTx) -> Timestamp {
    tx.now().plus_seconds(-KEPT_FOR_S)
}
