//! The history of tasks: each change with the task after it.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{Priority, Status, Task};
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

/// Rebuilds a task from a stored change. Members that an older version did not write have the
/// values of a new task.
fn recalled(members: &Map<String, Value>, at: Timestamp) -> Task {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).and_then(|text| Timestamp::parse(text).ok());
    let status =
        text("status").and_then(|word| Status::parse(word).ok()).unwrap_or(Status::Pending);
    let completed_at = time("completed_at").or(Some(at)).filter(|_| status == Status::Completed);
    Task {
        id: TaskId(0),
        uuid: Uuid::nil(),
        owner: UserId(0),
        title: text("title").unwrap_or_default().to_owned(),
        description: text("description").map(str::to_owned),
        status,
        priority: text("priority")
            .and_then(|word| Priority::parse(word).ok())
            .unwrap_or(Priority::Medium),
        due_date: time("due_date"),
        completed_at,
        created_at: time("created_at").unwrap_or(at),
        updated_at: time("updated_at").unwrap_or(at),
        version: 0,
        epoch: Epoch::FIRST,
    }
}
