//! How outcomes are stored.

use super::model::OutcomeKey;
use crate::db::{FromRow, PRUNED_MAX, ReadTx, Row, WriteTx};
use crate::error::Result;
use crate::time::Timestamp;

/// A stored outcome.
pub struct Kept {
    pub fingerprint: Vec<u8>,
    pub outcome: String,
    pub role: Option<String>,
}

impl Kept {
    /// Placeholder for a speculative query, which usually finds no row.
    const ASSUMED: Kept = Kept { fingerprint: Vec::new(), outcome: String::new(), role: None };

    pub fn is_assumed(&self) -> bool {
        self.fingerprint.is_empty()
    }
}

impl FromRow for Kept {
    fn from_row(row: &Row) -> Result<Kept> {
        Ok(Kept { fingerprint: row.get(0)?, outcome: row.get(1)?, role: row.get(2)? })
    }
}

/// Finds an outcome. The query is sent together with the next one.
pub fn find(tx: &mut ReadTx, key: &OutcomeKey, since: Timestamp) -> Result<Option<Kept>> {
    tx.find_speculative(
        "SELECT fingerprint, outcome, role FROM idempotency_keys WHERE hash = $1 AND at > $2",
        &[&key.hash.as_slice(), &since],
        Kept::ASSUMED,
    )
}

/// Deletes an outcome that has expired, to make room for a new one.
pub fn delete(tx: &mut WriteTx, key: &OutcomeKey, since: Timestamp) -> Result<()> {
    tx.send(
        "DELETE FROM idempotency_keys WHERE hash = $1 AND at <= $2",
        &[&key.hash.as_slice(), &since],
    )
}

/// Stores an outcome, unless this transaction has deleted its user.
pub fn insert(tx: &mut WriteTx, key: &OutcomeKey, outcome: &str) -> Result<()> {
    let (hash, now) = (key.hash.as_slice(), tx.now().as_micros());
    match key.user {
        Some(user) => tx.send(
            "INSERT INTO idempotency_keys (hash, user_id, fingerprint, outcome, at, role) \
             SELECT $1, id, $2, $3, $4, $5 FROM users WHERE id = $6",
            &[&hash, &key.fingerprint(), &outcome, &now, &key.role, &user],
        ),
        None => tx.send(
            "INSERT INTO idempotency_keys (hash, fingerprint, outcome, at) VALUES ($1, $2, $3, $4)",
            &[&hash, &key.fingerprint(), &outcome, &now],
        ),
    }
}

/// Deletes a batch of the oldest outcomes up to `since`. Returns whether there may be more.
pub fn prune(tx: &mut WriteTx, since: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM idempotency_keys WHERE hash IN \
         (SELECT hash FROM idempotency_keys WHERE at <= $1 ORDER BY at LIMIT $2)",
        &[&since, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}
