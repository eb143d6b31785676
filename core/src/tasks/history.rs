//! The history of tasks: each change with the task after it.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{Status, Task};
use crate::changes::{self, ChangeKind, Recorded};
use crate::db::ReadTx;
use crate::epoch::{Epoch, Stamp};
use crate::error::{Error, Result};
use crate::ids::{TaskId, UserId};
use crate::time::Timestamp;
use crate::users::{Caller, Scope};

/// Maximum number of changes per round trip.
const CHANGES_PER_TRIP_MAX: usize = 128;

/// A change of a task.
#[derive(Debug, Clone)]
pub struct Changed {
    pub seq: i64,
    pub kind: ChangeKind,
    pub task_id: TaskId,
    pub task_uuid: Uuid,
    pub at: Timestamp,
    /// The task after this change; `None` if it was deleted.
    pub task: Option<Task>,
}

/// Some changes in order, and the owner's newest number.
#[derive(Debug, Clone)]
pub struct History {
    pub changes: Vec<Changed>,
    pub last: i64,
    /// The epoch of all these numbers.
    pub epoch: Epoch,
}

/// Returns at most `count` changes of the caller's tasks after `since`, or fewer if they are too
/// large for one round trip. A `since` beyond the newest number has no changes after it.
///
/// # Errors
/// [`Error::Gone`] if the changes after `since` are no longer available: it is of another epoch or
/// below the floor.
pub fn history(tx: &mut ReadTx, caller: &Caller, since: Stamp, count: usize) -> Result<History> {
    caller.require(Scope::TasksRead)?;
    let (owner, epoch) = (caller.id(), caller.epoch);
    let (recorded, last) =
        changes::since(tx, owner, epoch, since, count.min(CHANGES_PER_TRIP_MAX))?;
    let read = |recorded| Changed::read(recorded, owner, epoch);
    Ok(History { changes: recorded.into_iter().map(read).collect::<Result<_>>()?, last, epoch })
}

/// Returns the number of the newest change of the caller's tasks.
pub fn newest(tx: &mut ReadTx, caller: &Caller) -> Result<Stamp> {
    caller.require(Scope::TasksRead)?;
    Ok(Stamp { epoch: caller.epoch, number: changes::newest(tx, caller.id())? })
}

impl Changed {
    fn read(recorded: Recorded, owner: UserId, epoch: Epoch) -> Result<Changed> {
        let Recorded { seq, kind, task_id, task_uuid, at, after } = recorded;
        let task = after
            .map(|after| {
                let members = serde_json::from_str(&after)
                    .map_err(|e| Error::internal("a recorded change is not a JSON object", e))?;
                let task = Task {
                    id: task_id,
                    uuid: task_uuid,
                    owner,
                    version: seq,
                    ..recalled(&members, at)
                };
                Ok(task.in_epoch(epoch))
            })
            .transpose()?;
        Ok(Changed { seq, kind, task_id, task_uuid, at, task })
    }
}

/// The part of a task that change records contain: all that is not the same in every record.
pub(super) struct Content<'t>(pub &'t Task);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let is_recorded = |column: &str| !matches!(column, "id" | "uuid" | "owner" | "version");
        self.0.serialize_columns(is_recorded, serializer)
    }
}

/// Rebuilds a task from a stored change. Members that an older version did not write have the
/// values of a new task.
fn recalled(members: &Map<String, Value>, at: Timestamp) -> Task {
    let mut task = Task { created_at: at, updated_at: at, ..Task::default() };
    task.set_columns(members);
    let completed_at = task.completed_at.or(Some(at));
    task.completed_at = completed_at.filter(|_| task.status == Status::Completed);
    task
}
