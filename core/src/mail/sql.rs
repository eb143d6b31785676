//! How queued mail and the tokens of links are stored.

use std::sync::LazyLock;

use super::model::{MailKind, New, Waiting};
use crate::db::{FromRow, PRUNED_MAX, ReadTx, Row, WriteTx, columns};
use crate::error::Result;
use crate::ids::{MailId, UserId};
use crate::time::Timestamp;

columns!(Waiting { id, kind, user_id, recipient, detail, attempts, created_at });

/// The statements that name all columns of queued mail.
struct Texts {
    due: String,
    by_id: String,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    let columns = Waiting::COLUMNS.join(", ");
    Texts {
        due: format!(
            "SELECT {columns} FROM mail_queue WHERE next_at <= $1 ORDER BY turn_at, id LIMIT 1"
        ),
        by_id: format!("SELECT {columns} FROM mail_queue WHERE id = $1 AND next_at <= $2"),
    }
});

/// The recipient of a message or a token.
pub struct Sent {
    pub user: UserId,
    pub email: String,
}

impl FromRow for Sent {
    fn from_row(row: &Row) -> Result<Sent> {
        Ok(Sent { user: row.get(0)?, email: row.get(1)? })
    }
}

/// Maximum number of limits that apply to one message.
const QUOTAS_MAX: usize = 4;
/// Distance between the turns of two messages for the same account, in microseconds.
const TURN_US: i64 = 60_000_000;

/// Queues a message that may be sent from `at` on. Its turn comes at least `TURN_US` after that of
/// other queued messages for its account or, without an account, for its address, so that mail for
/// others goes first.
pub fn insert(tx: &mut WriteTx, new: &New, at: Timestamp) -> Result<()> {
    let (kind, now, at) = (new.kind.as_str(), tx.now().as_micros(), at.as_micros());
    match new.user {
        Some(user) => tx.send(
            "INSERT INTO mail_queue (kind, user_id, recipient, detail, attempts, next_at, \
             created_at, turn_at) SELECT $1, $2, $3, $4, 0, $5, $6, CASE WHEN last.turn_at + $7 > \
             $5 THEN last.turn_at + $7 ELSE $5 END FROM (SELECT max(turn_at) AS turn_at FROM \
             mail_queue WHERE user_id = $2) AS last",
            &[&kind, &user, &new.recipient, &new.detail, &at, &now, &TURN_US],
        ),
        None => tx.send(
            "INSERT INTO mail_queue (kind, recipient, detail, attempts, next_at, created_at, \
             turn_at) SELECT $1, $2, $3, 0, $4, $5, CASE WHEN last.turn_at + $6 > $4 THEN \
             last.turn_at + $6 ELSE $4 END FROM (SELECT max(turn_at) AS turn_at FROM mail_queue \
             WHERE recipient = $2 AND user_id IS NULL) AS last",
            &[&kind, &new.recipient, &new.detail, &at, &now, &TURN_US],
        ),
    }
}

/// Returns the due message whose turn comes first, if any is due.
pub fn due(tx: &mut ReadTx) -> Result<Option<Waiting>> {
    let now = tx.now();
    tx.find(&TEXTS.due, &[&now])
}

/// Locks the subject's count until this transaction ends.
pub fn lock_sent(tx: &mut WriteTx, subject: &[u8]) -> Result<()> {
    let now = tx.now();
    tx.send(
        "INSERT INTO mail_sent (subject, n, at) VALUES ($1, 0, $2) \
         ON CONFLICT (subject, n) DO UPDATE SET at = excluded.at",
        &[&subject, &now],
    )
}

/// Returns, for each subject and its number n, the time of the newest message after the n newest
/// ones, if there is one. The time may be in the future.
pub fn nth_newest_sent(
    tx: &mut ReadTx,
    subjects: &[(&[u8], i64)],
) -> Result<Vec<Option<Timestamp>>> {
    let nobody = (&[][..], 0);
    let [a, b, c, d]: [_; QUOTAS_MAX] =
        std::array::from_fn(|at| subjects.get(at).unwrap_or(&nobody));
    let found: Sent4 = tx.one(
        "SELECT (SELECT at FROM mail_sent WHERE subject = $1 AND n > 0 ORDER BY at DESC LIMIT 1 \
         OFFSET $2), (SELECT at FROM mail_sent WHERE subject = $3 AND n > 0 ORDER BY at DESC LIMIT \
         1 OFFSET $4), (SELECT at FROM mail_sent WHERE subject = $5 AND n > 0 ORDER BY at DESC \
         LIMIT 1 OFFSET $6), (SELECT at FROM mail_sent WHERE subject = $7 AND n > 0 ORDER BY at \
         DESC LIMIT 1 OFFSET $8)",
        &[&a.0, &a.1, &b.0, &b.1, &c.0, &c.1, &d.0, &d.1],
    )?;
    Ok(found.0.into_iter().take(subjects.len()).collect())
}

struct Sent4([Option<Timestamp>; QUOTAS_MAX]);

impl FromRow for Sent4 {
    fn from_row(row: &Row) -> Result<Sent4> {
        let mut sent = [None; QUOTAS_MAX];
        for (at, sent) in sent.iter_mut().enumerate() {
            *sent = row.get(at)?;
        }
        Ok(Sent4(sent))
    }
}

/// Counts a message that is sent at `at`. The caller must have locked the subject.
pub fn insert_sent(tx: &mut WriteTx, subject: &[u8], at: Timestamp) -> Result<()> {
    tx.send(
        "INSERT INTO mail_sent (subject, n, at) \
         SELECT $1, coalesce(max(n), 0) + 1, $2 FROM mail_sent WHERE subject = $1",
        &[&subject, &at],
    )
}

/// Deletes a batch of counts up to `before`. Returns whether there may be more.
pub fn prune_sent(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM mail_sent WHERE (subject, n) IN \
         (SELECT subject, n FROM mail_sent WHERE at <= $1 ORDER BY at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// Locks and returns a message if it is still due. Meanwhile, another instance may have sent it, or
/// its link may have ended.
pub fn hold(tx: &mut WriteTx, id: MailId) -> Result<Option<Waiting>> {
    let now = tx.now();
    tx.find_for_update(&TEXTS.by_id, &[&id, &now])
}

/// Locks an account and returns it with its current address.
pub fn hold_account(tx: &mut WriteTx, id: UserId) -> Result<Option<Sent>> {
    tx.find_for_update("SELECT id, email FROM users WHERE id = $1", &[&id])
}

/// Locks and returns the active account that is found under an address key.
pub fn hold_account_of(tx: &mut WriteTx, email_key: &str) -> Result<Option<Sent>> {
    tx.find_for_update(
        "SELECT id, email FROM users WHERE email_key = $1 AND is_active",
        &[&email_key],
    )
}

pub fn put_off(tx: &mut WriteTx, id: MailId, next_at: Timestamp) -> Result<()> {
    tx.send(
        "UPDATE mail_queue SET attempts = attempts + 1, next_at = $1 WHERE id = $2",
        &[&next_at, &id],
    )
}

pub fn delete(tx: &mut WriteTx, id: MailId) -> Result<()> {
    tx.send("DELETE FROM mail_queue WHERE id = $1", &[&id])
}

pub fn insert_token(
    tx: &mut WriteTx,
    hash: &[u8],
    user: UserId,
    purpose: MailKind,
    email: &str,
    expires_at: Timestamp,
) -> Result<()> {
    tx.send(
        "INSERT INTO mail_tokens (hash, user_id, purpose, email, expires_at) VALUES ($1, $2, $3, \
         $4, $5)",
        &[&hash, &user, &purpose.as_str(), &email, &expires_at],
    )
}

/// Finds a valid token. The lock on the account orders concurrent uses.
pub fn find_token(tx: &mut ReadTx, hash: &[u8], purpose: MailKind) -> Result<Option<Sent>> {
    let now = tx.now();
    tx.find(
        "SELECT user_id, email FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > \
         $3",
        &[&hash, &purpose.as_str(), &now],
    )
}

/// Deletes a batch of tokens that expired up to `before`. Returns whether there may be more.
pub fn prune_tokens(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM mail_tokens WHERE hash IN \
         (SELECT hash FROM mail_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// Deletes queued mail of one purpose: for the user, or for the address that the user has now.
pub fn delete_waiting(tx: &mut WriteTx, user: UserId, purpose: MailKind) -> Result<()> {
    tx.send(
        "DELETE FROM mail_queue WHERE user_id = $1 AND kind = $2",
        &[&user, &purpose.as_str()],
    )?;
    tx.send(
        "DELETE FROM mail_queue WHERE recipient = (SELECT email_key FROM users WHERE id = $1) \
         AND kind = $2 AND user_id IS NULL",
        &[&user, &purpose.as_str()],
    )
}

/// Deletes the user's tokens of one purpose, expired ones included.
pub fn delete_tokens(tx: &mut WriteTx, user: UserId, purpose: MailKind) -> Result<()> {
    tx.send(
        "DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2",
        &[&user, &purpose.as_str()],
    )
}
