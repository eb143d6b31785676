//! How personal access tokens are stored.

use std::sync::LazyLock;

use uuid::Uuid;

use super::model::{PersonalToken, TokenHash};
use crate::db::{FromRow, ReadTx, Row, WriteTx, columns};
use crate::epoch::Epoch;
use crate::error::Result;
use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::{Role, Scopes};

/// The user and the scopes of a valid token.
pub struct LiveToken {
    pub user: UserId,
    pub user_uuid: Uuid,
    pub role: Role,
    pub uuid: Uuid,
    pub scopes: Scopes,
    pub last_used_at: Option<Timestamp>,
    pub epoch: Epoch,
}

impl FromRow for LiveToken {
    fn from_row(row: &Row) -> Result<LiveToken> {
        Ok(LiveToken {
            user: row.get(0)?,
            user_uuid: row.get(1)?,
            role: row.get(2)?,
            uuid: row.get(3)?,
            scopes: row.get(4)?,
            last_used_at: row.get(5)?,
            epoch: row.get(6)?,
        })
    }
}

columns!(PersonalToken { uuid, name, scopes, created_at, last_used_at, expires_at });

pub fn live(tx: &mut ReadTx, hash: &TokenHash) -> Result<Option<LiveToken>> {
    let now = tx.now();
    tx.find(
        "SELECT u.id, u.uuid, u.role, t.uuid, t.scopes, t.last_used_at, u.epoch \
         FROM personal_tokens t JOIN users u ON u.id = t.user_id \
         WHERE t.hash = $1 AND t.expires_at > $2 AND u.is_active",
        &[&hash.as_bytes(), &now],
    )
}

pub fn touch(tx: &mut WriteTx, token: Uuid) -> Result<()> {
    let now = tx.now();
    tx.send("UPDATE personal_tokens SET last_used_at = $1 WHERE uuid = $2", &[&now, &token])
}

pub fn insert(
    tx: &mut WriteTx,
    user: UserId,
    token: &PersonalToken,
    hash: &TokenHash,
) -> Result<()> {
    tx.send(
        "INSERT INTO personal_tokens (uuid, user_id, name, hash, scopes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &token.uuid,
            &user,
            &token.name,
            &hash.as_bytes(),
            &token.scopes.to_string(),
            &token.created_at,
            &token.expires_at,
        ],
    )
}

static LIST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM personal_tokens WHERE user_id = $1 ORDER BY created_at DESC, uuid DESC \
         LIMIT $2",
        PersonalToken::COLUMNS.join(", ")
    )
});

/// Lists the tokens of a user, expired ones included, newest first.
pub fn list(tx: &mut ReadTx, user: UserId, count: i64) -> Result<Vec<PersonalToken>> {
    tx.all(&LIST, &[&user, &count])
}

/// Deletes a token of the user. Returns whether it existed.
pub fn delete(tx: &mut WriteTx, user: UserId, token: Uuid) -> Result<bool> {
    let deleted = tx.execute(
        "DELETE FROM personal_tokens WHERE uuid = $1 AND user_id = $2",
        &[&token, &user],
    )?;
    Ok(deleted > 0)
}
