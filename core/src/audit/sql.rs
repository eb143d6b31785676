//! How the audit log is stored.

use super::model::{Action, Actor, Entry};
use crate::db::{FromRow, PRUNED_MAX, Row, Tx};
use crate::error::Result;
use crate::ids::{EntryId, UserId};
use crate::time::Timestamp;

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Entry> {
        Ok(Entry {
            id: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            subject: row.get(3)?,
            action: row.get(4)?,
            client: row.get(5)?,
            detail: row.get(6)?,
        })
    }
}

pub fn insert(
    tx: &mut Tx,
    who: Actor,
    subject: Option<UserId>,
    action: Action,
    detail: Option<&str>,
) -> Result<()> {
    let now = tx.now();
    tx.send(
        "INSERT INTO audit (at, actor, subject, action, client, detail) VALUES ($1, $2, $3, $4, \
         $5, $6)",
        &[
            &now,
            &who.user,
            &subject,
            &action.as_str(),
            &who.client.map(|client| client.address().to_string()),
            &detail,
        ],
    )
}

/// Deletes the oldest of those before `before`; whether there may be more.
pub fn prune(tx: &mut Tx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// Entries before `before`, newest first, without the first `skip`.
pub fn list(tx: &mut Tx, before: EntryId, count: i64, skip: i64) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT id, at, actor, subject, action, client, detail FROM audit \
         WHERE id < $1 ORDER BY id DESC LIMIT $2 OFFSET $3",
        &[&before, &count, &skip],
    )
}

/// The same about one account.
pub fn list_of(
    tx: &mut Tx,
    subject: UserId,
    before: EntryId,
    count: i64,
    skip: i64,
) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT id, at, actor, subject, action, client, detail FROM audit \
         WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3 OFFSET $4",
        &[&subject, &before, &count, &skip],
    )
}
