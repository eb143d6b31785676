//! How mail waits, and how the tokens in its links are stored.

use std::sync::LazyLock;

use super::model::{MailKind, New, Waiting};
use crate::db::{FromRow, PRUNED_MAX, ReadTx, Row, WriteTx, columns};
use crate::error::Result;
use crate::ids::{MailId, UserId};
use crate::time::Timestamp;

columns!(Waiting { id, kind, user_id, recipient, detail, attempts, created_at });

/// The texts that name all columns of waiting mail.
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

/// Whom something was or is sent to.
pub struct Sent {
    pub user: UserId,
    pub email: String,
}

impl FromRow for Sent {
    fn from_row(row: &Row) -> Result<Sent> {
        Ok(Sent { user: row.get(0)?, email: row.get(1)? })
    }
}

/// How many limits can hold for one mail.
const QUOTAS_MAX: usize = 4;
/// How much later than the one before it a mail for the same account counts as queued.
const TURN_US: i64 = 60_000_000;

/// Queues mail that may go out from `at` on. One that waits behind others for its account, or
/// without one for its address, goes after what the others queue meanwhile.
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

/// The one whose turn it is, if one's time has come.
pub fn due(tx: &mut ReadTx) -> Result<Option<Waiting>> {
    let now = tx.now();
    tx.find(&TEXTS.due, &[&now])
}

/// Keeps others from counting the subject's mail until this transaction ends.
pub fn lock_sent(tx: &mut WriteTx, subject: &[u8]) -> Result<()> {
    let now = tx.now();
    tx.send(
        "INSERT INTO mail_sent (subject, n, at) VALUES ($1, 0, $2) \
         ON CONFLICT (subject, n) DO UPDATE SET at = excluded.at",
        &[&subject, &now],
    )
}

/// Of each subject, with a number: when its newest mail but so many went or goes out, if there is
/// one.
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

/// Counts a mail that goes out at `at`; the subject is locked.
pub fn insert_sent(tx: &mut WriteTx, subject: &[u8], at: Timestamp) -> Result<()> {
    tx.send(
        "INSERT INTO mail_sent (subject, n, at) \
         SELECT $1, coalesce(max(n), 0) + 1, $2 FROM mail_sent WHERE subject = $1",
        &[&subject, &at],
    )
}

/// Deletes what went out before `before`; whether there may be more.
pub fn prune_sent(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM mail_sent WHERE (subject, n) IN \
         (SELECT subject, n FROM mail_sent WHERE at <= $1 ORDER BY at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// A mail, held, if its time has come: another instance may have sent it meanwhile, or its link was
/// ended.
pub fn hold(tx: &mut WriteTx, id: MailId) -> Result<Option<Waiting>> {
    let now = tx.now();
    tx.find_for_update(&TEXTS.by_id, &[&id, &now])
}

/// An account and the address that it has, held.
pub fn hold_account(tx: &mut WriteTx, id: UserId) -> Result<Option<Sent>> {
    tx.find_for_update("SELECT id, email FROM users WHERE id = $1", &[&id])
}

/// The active account of an address, in the spelling that accounts are found by; held.
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

/// Of two uses at once, the one that holds the account is the first.
pub fn find_token(tx: &mut ReadTx, hash: &[u8], purpose: MailKind) -> Result<Option<Sent>> {
    let now = tx.now();
    tx.find(
        "SELECT user_id, email FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > \
         $3",
        &[&hash, &purpose.as_str(), &now],
    )
}

/// Deletes tokens whose time was over before `before`; whether there may be more.
pub fn prune_tokens(tx: &mut WriteTx, before: Timestamp) -> Result<bool> {
    let pruned = tx.execute(
        "DELETE FROM mail_tokens WHERE hash IN \
         (SELECT hash FROM mail_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&before, &PRUNED_MAX],
    )?;
    Ok(pruned >= PRUNED_MAX.unsigned_abs())
}

/// What is still to be sent for one purpose: to the user, or to whoever has the address that is the
/// user's now.
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

/// All that the user has of one purpose, the expired ones too.
pub fn delete_tokens(tx: &mut WriteTx, user: UserId, purpose: MailKind) -> Result<()> {
    tx.send(
        "DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2",
        &[&user, &purpose.as_str()],
    )
}
