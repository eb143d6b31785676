//! Changes of tasks: one gapless sequence per owner, written in the transactions of the changes. A
//! task's version is the number of its last change.

use serde::Serialize;
use uuid::Uuid;

use crate::db::{Column, FromRow, Param, ReadTx, Row, Value, WriteTx, unexpected};
use crate::epoch::{Epoch, Stamp};
use crate::error::{AuthError, Code, Error, Result, Violation};
use crate::ids::{TaskId, UserId};
use crate::time::Timestamp;
use crate::users::Caller;

/// About how many bytes of text one round trip to the store reads. It ends with the row that
/// exceeds this.
pub(crate) const TRIP_BYTES_MAX: usize = 1024 * 1024;

/// A change: its number and its task.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    pub owner: UserId,
    pub seq: i64,
    pub task_id: TaskId,
    pub task_uuid: Uuid,
    pub kind: ChangeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Created,
    Updated,
    Deleted,
}

impl ChangeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Created => "created",
            ChangeKind::Updated => "updated",
            ChangeKind::Deleted => "deleted",
        }
    }
}

impl Param for ChangeKind {
    fn value(&self) -> Value<'_> {
        Value::Text(self.as_str())
    }
}

impl Column for ChangeKind {
    fn read(value: Value) -> Result<ChangeKind> {
        let kinds = [ChangeKind::Created, ChangeKind::Updated, ChangeKind::Deleted];
        let known = |text: &str| kinds.into_iter().find(|kind| kind.as_str() == text);
        match value {
            Value::Text(text) => known(text).ok_or_else(|| unexpected("a kind of change", value)),
            other => Err(unexpected("a kind of change", other)),
        }
    }
}

/// A stored change.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub seq: i64,
    pub kind: ChangeKind,
    pub task_id: TaskId,
    pub task_uuid: Uuid,
    pub at: Timestamp,
    /// The task after the change, as JSON; `None` if the task was deleted.
    pub after: Option<String>,
}

impl FromRow for Recorded {
    fn from_row(row: &Row) -> Result<Recorded> {
        Ok(Recorded {
            seq: row.get(0)?,
            kind: row.get(1)?,
            task_id: row.get(2)?,
            task_uuid: row.get(3)?,
            at: row.get(4)?,
            after: row.get(5)?,
        })
    }
}

/// The ends of an owner's sequence.
struct Ends {
    last: i64,
    /// Changes up to this number are no longer available.
    floor: i64,
}

impl Ends {
    /// Placeholder until the row is known.
    const UNKNOWN: Ends = Ends { last: i64::MAX, floor: 0 };
}

impl FromRow for Ends {
    fn from_row(row: &Row) -> Result<Ends> {
        Ok(Ends { last: row.get(0)?, floor: row.get(1)? })
    }
}

/// Parses a position in a sequence from a client.
pub fn place(text: &str) -> Result<Stamp, Violation> {
    let message = "must be the number of a change, or the cursor of an earlier response";
    Stamp::parse(text).ok_or_else(|| Violation::new(Code::Range, message))
}

/// Returns at most `count` of the owner's changes after `since`, in order, and the owner's newest
/// number. Returns fewer changes if they exceed [`TRIP_BYTES_MAX`].
pub(crate) fn since(
    tx: &mut ReadTx,
    owner: UserId,
    epoch: Epoch,
    since: Stamp,
    count: usize,
) -> Result<(Vec<Recorded>, i64)> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    look(tx, owner, |tx| {
        let ends = "SELECT last, floor FROM counters WHERE owner = $1";
        let ends = tx.find_speculative(ends, &[&owner], Ends::UNKNOWN)?;
        let Ends { last, floor } = ends.unwrap_or(Ends { last: 0, floor: 0 });
        // A number without an epoch counts as one of this epoch if this epoch can have it. An
        // epoch's numbers begin at its floor.
        let is_ours = since.epoch == epoch || (since.epoch == Epoch::FIRST && since.number <= last);
        if !is_ours || since.number < floor {
            return Err(Error::Gone { newest: Stamp { epoch, number: last } });
        }
        let (changes, _) = tx.all_within(
            "SELECT seq, kind, task_id, task_uuid, at, after FROM changes WHERE owner = $1 AND seq \
             > $2 ORDER BY seq LIMIT $3",
            &[&owner, &since.number, &count],
            TRIP_BYTES_MAX,
            |change: &Recorded| change.after.as_ref().map_or(0, String::len),
        )?;
        // This statement ran after the one for `last`, so it may see newer changes.
        let shown = changes.last().map_or(0, |change| change.seq);
        Ok((changes, last.max(shown)))
    })
}

/// Returns the owner's newest number.
pub(crate) fn newest(tx: &mut ReadTx, owner: UserId) -> Result<i64> {
    Ok(last(tx, owner, i64::MAX)?.unwrap_or(0))
}

/// Locks the owner's sequence and returns its next number. Every write calls this first: the
/// owner's other writers then wait, so no two take the same number, and they cannot deadlock.
pub fn next(tx: &mut WriteTx, owner: UserId) -> Result<i64> {
    let last = tx.find_held_assuming("SELECT last FROM counters WHERE owner = $1", &[&owner], 0)?;
    // The account was deleted after its session was checked.
    last.map(|last: i64| last + 1).ok_or(Error::Unauthenticated(AuthError::BadToken))
}

/// Runs `look` on the replica if the replica has all of the owner's changes, otherwise on the
/// primary. Every read thus sees all earlier writes, from any client and any instance.
pub fn look<T>(
    tx: &mut ReadTx,
    owner: UserId,
    look: impl FnOnce(&mut ReadTx) -> Result<T>,
) -> Result<T> {
    if !tx.has_replica() {
        return look(tx);
    }
    let here = last(tx, owner, i64::MIN)?;
    let there = tx.on_replica(|tx| last(tx, owner, i64::MAX))?;
    // The primary is queried before the replica, so an equal number means that the replica is
    // current.
    if there < here { look(tx) } else { tx.on_replica(look) }
}

fn last(tx: &mut ReadTx, owner: UserId, meanwhile: i64) -> Result<Option<i64>> {
    tx.find_speculative("SELECT last FROM counters WHERE owner = $1", &[&owner], meanwhile)
}

/// Stores a change under the number from [`next`], with the task before and after it, as JSON. Only
/// this uses up the number.
pub fn record<T: Serialize>(
    tx: &mut WriteTx,
    caller: &Caller,
    change: &Change,
    before: Option<&T>,
    after: Option<&T>,
) -> Result<()> {
    let at = tx.now();
    use_up(tx, change.owner, change.seq)?;
    tx.send(
        "INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, before, after) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            &change.owner,
            &change.seq,
            &change.task_id,
            &change.task_uuid,
            &change.kind.as_str(),
            &caller.id(),
            &at,
            &before.map(json).transpose()?,
            &after.map(json).transpose()?,
        ],
    )
}

/// Stores the creation of an imported task, whose id only the database knows. [`use_up`] uses up
/// the numbers of many tasks at once.
pub(crate) fn record_imported<T: Serialize>(
    tx: &mut WriteTx,
    seq: i64,
    task: Uuid,
    after: &T,
) -> Result<()> {
    let at = tx.now();
    tx.send(
        "INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, after) \
         SELECT owner, $1, id, uuid, $2, owner, $3, $4 FROM tasks WHERE uuid = $5",
        &[&seq, &ChangeKind::Created.as_str(), &at, &json(after)?, &task],
    )
}

/// Uses up all numbers up to `seq`.
pub(crate) fn use_up(tx: &mut WriteTx, owner: UserId, seq: i64) -> Result<()> {
    tx.notify(owner);
    tx.send("UPDATE counters SET last = $1 WHERE owner = $2", &[&seq, &owner])
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::internal("a task has no JSON", e))
}
