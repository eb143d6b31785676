//! What happened to tasks: one sequence per owner, without gaps, written in the transaction that
//! did it. The number of a task's last change is the task's version.

use serde::Serialize;
use uuid::Uuid;

use crate::db::{Column, FromRow, Param, ReadTx, Row, Value, WriteTx, unexpected};
use crate::epoch::{Epoch, Stamp};
use crate::error::{AuthError, Code, Error, Result, Violation};
use crate::ids::{TaskId, UserId};
use crate::time::Timestamp;
use crate::users::Caller;

/// How many bytes of text one trip to the store brings, about: it ends with the row that passes
/// this.
pub(crate) const TRIP_BYTES_MAX: usize = 1024 * 1024;

/// Which task a change is about, and its number.
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

/// A change as it was written down.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub seq: i64,
    pub kind: ChangeKind,
    pub task_id: TaskId,
    pub task_uuid: Uuid,
    pub at: Timestamp,
    /// What the task was after it, as JSON; nothing where it was deleted.
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
    /// Changes up to this number can no longer be asked for.
    floor: i64,
}

impl Ends {
    /// Stands for a row while it is not known.
    const UNKNOWN: Ends = Ends { last: i64::MAX, floor: 0 };
}

impl FromRow for Ends {
    fn from_row(row: &Row) -> Result<Ends> {
        Ok(Ends { last: row.get(0)?, floor: row.get(1)? })
    }
}

/// A place in a sequence as a client gives it back.
pub fn place(text: &str) -> Result<Stamp, Violation> {
    let message = "must be the number of a change, or the cursor of an earlier response";
    Stamp::parse(text).ok_or_else(|| Violation::new(Code::Range, message))
}

/// At most `count` of the owner's changes after `since`, in order, and the owner's newest number;
/// fewer changes where they have more than [`TRIP_BYTES_MAX`].
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
        // A number alone is taken for one of this epoch if it can be: an epoch's numbers begin at
        // its floor.
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
        // Each statement sees what is committed by then, and this one ran later.
        let shown = changes.last().map_or(0, |change| change.seq);
        Ok((changes, last.max(shown)))
    })
}

/// The owner's newest number.
pub(crate) fn newest(tx: &mut ReadTx, owner: UserId) -> Result<i64> {
    Ok(last(tx, owner, i64::MAX)?.unwrap_or(0))
}

/// The owner's next number. The first thing that a write does: from here on the owner's other
/// writers wait, so that no two take the same number, and none waits for another in a circle.
pub fn next(tx: &mut WriteTx, owner: UserId) -> Result<i64> {
    let last = tx.find_held_assuming("SELECT last FROM counters WHERE owner = $1", &[&owner], 0)?;
    // Somebody has deleted the account since its session was looked up.
    last.map(|last: i64| last + 1).ok_or(Error::Unauthenticated(AuthError::BadToken))
}

/// Looks where the owner's tasks are current: at a replica, if it has all changes that the primary
/// has, else at the primary. So everybody reads what was written before, by whomever and on
/// whatever instance.
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
    // The primary is asked first, the replica after it, and each answers of its own time: equal is
    // new enough.
    if there < here { look(tx) } else { tx.on_replica(look) }
}

fn last(tx: &mut ReadTx, owner: UserId, meanwhile: i64) -> Result<Option<i64>> {
    tx.find_speculative("SELECT last FROM counters WHERE owner = $1", &[&owner], meanwhile)
}

/// Writes a change down under the number that [`next`] gave, with what the task was before and
/// after, as JSON. Only this uses the number up.
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

/// Writes down that an import made a task of its owner's, whose id only the database knows. The
/// number is used up by [`use_up`], once for many.
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

/// Uses numbers up, to this one.
pub(crate) fn use_up(tx: &mut WriteTx, owner: UserId, seq: i64) -> Result<()> {
    tx.notify(owner);
    tx.send("UPDATE counters SET last = $1 WHERE owner = $2", &[&seq, &owner])
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::internal("a task has no JSON", e))
}
