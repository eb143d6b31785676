//! How the audit log is stored.

use std::sync::LazyLock;

use super::model::{Action, Actor, Entry};
use crate::db::{PRUNED_MAX, ReadTx, WriteTx, columns};
use crate::error::Result;
use crate::ids::{EntryId, UserId};
use crate::time::Timestamp;

columns!(Entry { id, at, actor, subject, action, client, detail });

/// The statements that list all entries, and those about one account.
static LIST: LazyLock<[String; 2]> = LazyLock::new(|| {
    let columns = Entry::COLUMNS.join(", ");
    [
        format!("SELECT {columns} FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2 OFFSET $3"),
        format!(
            "SELECT {columns} FROM audit WHERE subject = $1 AND id < $2 ORDER BY id DESC LIMIT $3 \
             OFFSET $4"
        ),
    ]
});

pub fn insert(
    tx: &mut WriteTx,
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

/// Deletes a batch of the oldest entries before `before`. Returns whether there may be more.
pub fn prune(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// Lists entries before `before`, newest first, without the first `skip`.
pub fn list(tx: &mut ReadTx, before: EntryId, count: i64, skip: i64) -> Result<Vec<Entry>> {
    tx.all(&LIST[0], &[&before, &count, &skip])
}

/// Lists the same about one account.
pub fn list_of(
    tx: &mut ReadTx,
    subject: UserId,
    before: EntryId,
    count: i64,
    skip: i64,
) -> Result<Vec<Entry>> {
    tx.all(&LIST[1], &[&subject, &before, &count, &skip])
}
