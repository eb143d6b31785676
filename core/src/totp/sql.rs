//! How the second factor is stored.

use super::model::State;
use crate::db::{FromRow, ReadTx, Row, WriteTx};
use crate::error::Result;
use crate::ids::UserId;

/// A user's second factor.
pub struct Totp {
    pub secret: Vec<u8>,
    pub is_confirmed: bool,
    pub last_step: i64,
}

impl FromRow for Totp {
    fn from_row(row: &Row) -> Result<Totp> {
        let confirmed_at: Option<i64> = row.get(1)?;
        Ok(Totp {
            secret: row.get(0)?,
            is_confirmed: confirmed_at.is_some(),
            last_step: row.get(2)?,
        })
    }
}

/// Finds and locks the second factor, so that concurrent uses of one code run one after the other.
pub fn find(tx: &mut WriteTx, user: UserId) -> Result<Option<Totp>> {
    tx.find_for_update(
        "SELECT secret, confirmed_at, last_step FROM totp WHERE user_id = $1",
        &[&user],
    )
}

impl FromRow for State {
    fn from_row(row: &Row) -> Result<State> {
        let confirmed_at: Option<i64> = row.get(0)?;
        Ok(State { enabled: confirmed_at.is_some(), recovery_codes_left: row.get(1)? })
    }
}

pub fn state(tx: &mut ReadTx, user: UserId) -> Result<State> {
    tx.one(
        "SELECT (SELECT confirmed_at FROM totp WHERE user_id = $1), \
         (SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1)",
        &[&user],
    )
}

pub fn insert(tx: &mut WriteTx, user: UserId, secret: &[u8]) -> Result<()> {
    let now = tx.now();
    tx.send(
        "INSERT INTO totp (user_id, secret, created_at, last_step) VALUES ($1, $2, $3, 0)",
        &[&user, &secret, &now],
    )
}

/// Stores the last used step. The first use confirms the secret.
pub fn use_step(tx: &mut WriteTx, user: UserId, step: i64) -> Result<()> {
    let now = tx.now();
    tx.send(
        "UPDATE totp SET last_step = $1, confirmed_at = COALESCE(confirmed_at, $2) WHERE user_id = \
         $3",
        &[&step, &now, &user],
    )
}

pub fn delete(tx: &mut WriteTx, user: UserId) -> Result<()> {
    tx.erase();
    tx.send("DELETE FROM totp WHERE user_id = $1", &[&user])
}

pub fn insert_recovery(tx: &mut WriteTx, user: UserId, hash: &[u8]) -> Result<()> {
    tx.send("INSERT INTO recovery_codes (hash, user_id) VALUES ($1, $2)", &[&hash, &user])
}

/// Deletes a recovery code. Returns whether it existed.
pub fn delete_recovery(tx: &mut WriteTx, user: UserId, hash: &[u8]) -> Result<bool> {
    let deleted =
        tx.execute("DELETE FROM recovery_codes WHERE hash = $1 AND user_id = $2", &[&hash, &user])?;
    Ok(deleted > 0)
}

pub fn delete_all_recovery(tx: &mut WriteTx, user: UserId) -> Result<()> {
    tx.send("DELETE FROM recovery_codes WHERE user_id = $1", &[&user])
}
