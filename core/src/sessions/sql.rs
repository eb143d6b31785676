//! How sessions and their refresh tokens are stored.

use std::sync::LazyLock;

use uuid::Uuid;

use super::model::Session;
use super::token::Claims;
use crate::db::{FromRow, PRUNED_MAX, ReadTx, Row, WriteTx, columns};
use crate::epoch::Epoch;
use crate::error::Result;
use crate::ids::UserId;
use crate::time::Timestamp;
use crate::users::Role;

/// The user and the last use of a live session.
pub struct LiveSession {
    pub uuid: Uuid,
    pub role: Role,
    pub last_used_at: Timestamp,
    pub epoch: Epoch,
}

impl FromRow for LiveSession {
    fn from_row(row: &Row) -> Result<LiveSession> {
        Ok(LiveSession {
            uuid: row.get(0)?,
            role: row.get(1)?,
            last_used_at: row.get(2)?,
            epoch: row.get(3)?,
        })
    }
}

/// A refresh token and its session.
pub struct Refresh {
    pub session: Uuid,
    pub used_at: Option<Timestamp>,
    pub user: UserId,
    pub expires_at: Timestamp,
    pub last_used_at: Timestamp,
    /// Whether each refresh replaces the token; `None` if the session is older than this column.
    pub rotates: Option<bool>,
}

/// Where a login came from.
#[derive(Clone, Copy)]
pub struct From<'d> {
    pub user_agent: Option<&'d str>,
    pub network: Option<&'d str>,
}

impl FromRow for Refresh {
    fn from_row(row: &Row) -> Result<Refresh> {
        Ok(Refresh {
            session: row.get(0)?,
            used_at: row.get(1)?,
            user: row.get(2)?,
            expires_at: row.get(3)?,
            last_used_at: row.get(4)?,
            rotates: row.get(5)?,
        })
    }
}

columns!(Session { uuid, user_agent, created_at, last_used_at, expires_at });

/// Checks the session of a request: it exists, has not expired, was used after `idle_since`, and
/// its user is active.
pub fn live(
    tx: &mut ReadTx,
    claims: &Claims,
    idle_since: Timestamp,
) -> Result<Option<LiveSession>> {
    let now = tx.now();
    tx.find_speculative(
        "SELECT u.uuid, u.role, s.last_used_at, u.epoch FROM sessions s JOIN users u ON u.id = \
         s.user_id WHERE s.uuid = $1 AND s.user_id = $2 AND s.expires_at > $3 AND s.last_used_at > \
         $4 AND u.is_active",
        &[&claims.session, &claims.user, &now, &idle_since],
        LiveSession {
            uuid: claims.user_uuid,
            role: Role::User,
            last_used_at: now,
            epoch: Epoch::FIRST,
        },
    )
}

pub fn insert(
    tx: &mut WriteTx,
    user: UserId,
    from: From,
    rotates: bool,
    expires_at: Timestamp,
) -> Result<Uuid> {
    let uuid = tx.new_uuid()?;
    let now = tx.now();
    tx.send(
        "INSERT INTO sessions (uuid, user_id, user_agent, created_at, last_used_at, expires_at, \
         rotates, network) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[&uuid, &user, &from.user_agent, &now, &now, &expires_at, &rotates, &from.network],
    )?;
    Ok(uuid)
}

/// Returns whether the user has a session with this user agent and network. Missing values equal
/// each other.
pub fn is_known(
    tx: &mut ReadTx,
    user: UserId,
    agent: Option<&str>,
    network: Option<&str>,
) -> Result<bool> {
    let found: Option<i64> = tx.find(
        "SELECT 1 FROM sessions WHERE user_id = $1 AND COALESCE(user_agent, '') = $2 \
         AND COALESCE(network, '') = $3 LIMIT 1",
        &[&user, &agent.unwrap_or(""), &network.unwrap_or("")],
    )?;
    Ok(found.is_some())
}

pub fn touch(tx: &mut WriteTx, session: Uuid) -> Result<()> {
    let now = tx.now();
    tx.send("UPDATE sessions SET last_used_at = $1 WHERE uuid = $2", &[&now, &session])
}

pub fn insert_refresh(tx: &mut WriteTx, hash: &[u8], session: Uuid) -> Result<()> {
    tx.send("INSERT INTO refresh_tokens (hash, session_uuid) VALUES ($1, $2)", &[&hash, &session])
}

/// Finds and locks a refresh token, so that concurrent uses run one after the other.
pub fn find_refresh(tx: &mut WriteTx, hash: &[u8]) -> Result<Option<Refresh>> {
    tx.find_for_update(
        "SELECT s.uuid, r.used_at, s.user_id, s.expires_at, s.last_used_at, s.rotates \
         FROM refresh_tokens r JOIN sessions s ON s.uuid = r.session_uuid WHERE r.hash = $1",
        &[&hash],
    )
}

/// Returns whether the session has this token and the token is unused.
pub fn is_unused(tx: &mut ReadTx, hash: &[u8], session: Uuid) -> Result<bool> {
    let found: Option<i64> = tx.find(
        "SELECT 1 FROM refresh_tokens WHERE hash = $1 AND session_uuid = $2 AND used_at IS NULL",
        &[&hash, &session],
    )?;
    Ok(found.is_some())
}

pub fn use_refresh(tx: &mut WriteTx, hash: &[u8]) -> Result<()> {
    let now = tx.now();
    tx.send("UPDATE refresh_tokens SET used_at = $1 WHERE hash = $2", &[&now, &hash])
}

/// Deletes a session of the user. Returns whether it existed.
pub fn delete(tx: &mut WriteTx, user: UserId, session: Uuid) -> Result<bool> {
    let deleted =
        tx.execute("DELETE FROM sessions WHERE uuid = $1 AND user_id = $2", &[&session, &user])?;
    Ok(deleted > 0)
}

pub fn delete_others(tx: &mut WriteTx, user: UserId, but: Uuid) -> Result<()> {
    tx.send("DELETE FROM sessions WHERE user_id = $1 AND uuid <> $2", &[&user, &but])
}

/// Deletes the user's sessions that expired before `expired_before`, and the oldest ones over
/// `keep`.
pub fn prune(tx: &mut WriteTx, user: UserId, expired_before: Timestamp, keep: i64) -> Result<()> {
    tx.send(
        "DELETE FROM sessions WHERE user_id = $1 AND expires_at < $2",
        &[&user, &expired_before],
    )?;
    tx.send(
        "DELETE FROM sessions WHERE user_id = $1 AND uuid IN (SELECT uuid FROM sessions WHERE \
         user_id = $1 ORDER BY created_at DESC, uuid DESC LIMIT 1000 OFFSET $2)",
        &[&user, &keep],
    )
}

/// Deletes a batch of sessions that expired before `before`. Returns whether there may be more.
pub fn prune_expired(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM sessions WHERE uuid IN (SELECT uuid FROM sessions WHERE expires_at < $1 ORDER \
         BY expires_at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

static LIST: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM sessions WHERE user_id = $1 AND expires_at > $2 AND last_used_at > $3 \
         ORDER BY created_at DESC, uuid DESC LIMIT $4",
        Session::COLUMNS.join(", ")
    )
});

/// Lists the live sessions of a user, newest first.
pub fn list(
    tx: &mut ReadTx,
    user: UserId,
    idle_since: Timestamp,
    count: i64,
) -> Result<Vec<Session>> {
    let now = tx.now();
    tx.all(&LIST, &[&user, &now, &idle_since, &count])
}
