//! How mail waits, and how the tokens in its links are stored.

use super::model::{Kind, Waiting};
use crate::db::{FromRow, Row, Tx};
use crate::error::{Error, Result};
use crate::time::Timestamp;

impl FromRow for Waiting {
    fn from_row(row: &Row) -> Result<Waiting> {
        let kind: String = row.get(1)?;
        Ok(Waiting {
            id: row.get(0)?,
            kind: Kind::parse(&kind).ok_or_else(|| Error::internal("unknown mail waits", kind))?,
            user: row.get(2)?,
            recipient: row.get(3)?,
            detail: row.get(4)?,
            attempts: row.get(5)?,
            created_at: Timestamp::from_micros(row.get(6)?),
        })
    }
}

/// Whom something was or is sent to.
pub struct Sent {
    pub user: i64,
    pub email: String,
}

impl FromRow for Sent {
    fn from_row(row: &Row) -> Result<Sent> {
        Ok(Sent { user: row.get(0)?, email: row.get(1)? })
    }
}

pub fn insert(
    tx: &mut Tx,
    kind: Kind,
    user: Option<i64>,
    recipient: &str,
    detail: Option<&str>,
) -> Result<()> {
    let now = tx.now().as_micros();
    tx.send(
        "INSERT INTO mail_queue (kind, user_id, recipient, detail, attempts, next_at, created_at) \
         VALUES ($1, $2, $3, $4, 0, $5, $5)",
        &[&kind.as_str(), &user, &recipient, &detail, &now],
    )
}

/// The one that has waited longest, held, if its time has come.
pub fn due(tx: &mut Tx) -> Result<Option<Waiting>> {
    let now = tx.now().as_micros();
    tx.find_held(
        "SELECT id, kind, user_id, recipient, detail, attempts, created_at FROM mail_queue \
         WHERE next_at <= $1 ORDER BY next_at LIMIT 1",
        &[&now],
    )
}

/// The active account of an address, in the spelling that accounts are found by.
pub fn find_account(tx: &mut Tx, email_key: &str) -> Result<Option<Sent>> {
    tx.find("SELECT id, email FROM users WHERE email_key = $1 AND is_active", &[&email_key])
}

pub fn put_off(tx: &mut Tx, id: i64, next_at: Timestamp) -> Result<()> {
    tx.send(
        "UPDATE mail_queue SET attempts = attempts + 1, next_at = $1 WHERE id = $2",
        &[&next_at.as_micros(), &id],
    )
}

pub fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.send("DELETE FROM mail_queue WHERE id = $1", &[&id])
}

pub fn insert_token(
    tx: &mut Tx,
    hash: &[u8],
    user: i64,
    purpose: Kind,
    email: &str,
    expires_at: Timestamp,
) -> Result<()> {
    tx.send(
        "INSERT INTO mail_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)",
        &[&hash, &user, &purpose.as_str(), &email, &expires_at.as_micros()],
    )
}

/// Held, so that of two uses at once one is the second.
pub fn find_token(tx: &mut Tx, hash: &[u8], purpose: Kind) -> Result<Option<Sent>> {
    let now = tx.now().as_micros();
    tx.find_held(
        "SELECT user_id, email FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3",
        &[&hash, &purpose.as_str(), &now],
    )
}

/// All that the user has of one purpose, the expired ones too.
pub fn delete_tokens(tx: &mut Tx, user: i64, purpose: Kind) -> Result<()> {
    tx.send("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2", &[&user, &purpose.as_str()])
}
