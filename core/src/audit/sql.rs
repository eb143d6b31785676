//! How the audit log is stored.

use super::model::{Action, Entry, Who};
use crate::db::{FromRow, Row, Tx};
use crate::error::Result;
use crate::time::Timestamp;

impl FromRow for Entry {
    fn from_row(row: &Row) -> Result<Entry> {
        Ok(Entry {
            id: row.get(0)?,
            at: Timestamp::from_micros(row.get(1)?),
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
    who: Who,
    subject: Option<i64>,
    action: Action,
    detail: Option<&str>,
) -> Result<()> {
    let now = tx.now().as_micros();
    tx.send(
        "INSERT INTO audit (at, actor, subject, action, client, detail) VALUES ($1, $2, $3, $4, $5, $6)",
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

pub fn prune(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.send("DELETE FROM audit WHERE at < $1", &[&before.as_micros()])
}

/// Entries before `before`, newest first.
pub fn list(tx: &mut Tx, before: i64, count: i64) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT id, at, actor, subject, action, client, detail FROM audit \
         WHERE id < $1 ORDER BY id DESC LIMIT $2",
        &[&before, &count],
    )
}

/// The same about one account.
pub fn list_of(tx: &mut Tx, subject: i64, before: i64, count: i64) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT id, at, actor, subject, action, client, detail FROM audit \
         WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        &[&subject, &before, &count],
    )
}
