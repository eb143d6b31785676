//! Use cases of tasks. Each write locks the owner's sequence, reads, writes, and records the
//! change.

mod history;
mod list;
mod model;
mod search;
mod sql;

use history::Content;
pub use history::{Changed, History, history, newest};
pub use list::{By, Order, Query};
pub use model::{
    Description, Imported, NewTask, Patch, Priority, StateChange, Status, Task, Title, Update,
};

use crate::changes::{self, Change, ChangeKind};
use crate::db::{ReadTx, WriteTx};
use crate::epoch::Stamp;
use crate::error::{Error, Noun, Result};
use crate::id_or_uuid::IdOrUuid;
use crate::ids::UserId;
use crate::page::{Cursor, Page};
use crate::users::{self, Caller, Scope};

/// Maximum number of rows that a list reads per round trip. Together with
/// [`changes::TRIP_BYTES_MAX`], this bounds the memory of a list and how long it occupies a reader.
const ROWS_PER_TRIP_MAX: usize = 256;

/// The version that a write applies to (RFC 9110, section 13.1.1, `If-Match`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    #[default]
    Any,
    OneOf(Vec<Stamp>),
}

impl Expected {
    fn check(&self, task: &Task) -> Result<()> {
        match self {
            Expected::OneOf(versions) if !versions.contains(&task.stamp()) => Err(Error::Stale),
            _ => Ok(()),
        }
    }
}

/// Creates a task of the caller.
pub fn create(tx: &mut WriteTx, caller: &Caller, new: &NewTask) -> Result<Task> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let mut task = new.to_task(tx.new_uuid()?, caller.id(), seq, tx.now());
    task.id = sql::insert(tx, &task)?;
    changes::record(
        tx,
        caller,
        &change(ChangeKind::Created, &task, seq),
        None,
        Some(&Content(&task)),
    )?;
    Ok(task.in_epoch(caller.epoch))
}

/// Creates tasks that `owner` had in another back end, in the same order and with the same times.
pub(crate) fn import(tx: &mut WriteTx, owner: UserId, tasks: &[Imported]) -> Result<()> {
    let first = changes::next(tx, owner)?;
    for (seq, Imported { task, created_at, updated_at }) in (first..).zip(tasks) {
        let mut task = task.to_task(tx.new_uuid()?, owner, seq, *updated_at);
        task.created_at = *created_at;
        sql::send(tx, &task)?;
        changes::record_imported(tx, seq, task.uuid, &Content(&task))?;
    }
    changes::use_up(tx, owner, first - 1 + i64::try_from(tasks.len()).unwrap_or(0))
}

/// Returns one of the caller's tasks.
pub fn one(tx: &mut ReadTx, caller: &Caller, key: IdOrUuid) -> Result<Task> {
    caller.require(Scope::TasksRead)?;
    let owner = caller.id();
    let found = changes::look(tx, owner, |tx| sql::find(tx, owner, key))?;
    Ok(found.ok_or(Error::Missing(Noun::Task))?.in_epoch(caller.epoch))
}

/// Finds one of the caller's tasks for a write, on the primary.
fn find(tx: &mut ReadTx, caller: &Caller, key: IdOrUuid) -> Result<Task> {
    let found = sql::find(tx, caller.id(), key)?.ok_or(Error::Missing(Noun::Task))?;
    Ok(found.in_epoch(caller.epoch))
}

/// Changes one of the caller's tasks. An update without effect creates no new version and no
/// change.
pub fn update(
    tx: &mut WriteTx,
    caller: &Caller,
    key: IdOrUuid,
    expected: &Expected,
    update: &Update,
) -> Result<Task> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let old = find(tx, caller, key)?;
    expected.check(&old)?;
    let Some(mut new) = old.updated(update, tx.now()) else {
        return Ok(old);
    };
    new.version = seq;
    let is_reworded = new.title != old.title || new.description != old.description;
    sql::update(tx, &new, is_reworded)?;
    let (before, after) = (Content(&old), Content(&new));
    changes::record(
        tx,
        caller,
        &change(ChangeKind::Updated, &new, seq),
        Some(&before),
        Some(&after),
    )?;
    Ok(new)
}

/// Deletes one of the caller's tasks.
pub fn delete(tx: &mut WriteTx, caller: &Caller, key: IdOrUuid, expected: &Expected) -> Result<()> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let old = find(tx, caller, key)?;
    expected.check(&old)?;
    sql::delete(tx, &old)?;
    changes::record(tx, caller, &change(ChangeKind::Deleted, &old, seq), Some(&Content(&old)), None)
}

fn change(kind: ChangeKind, task: &Task, seq: i64) -> Change {
    Change { owner: task.owner, seq, task_id: task.id, task_uuid: task.uuid, kind }
}

/// Distinguishes another user's task from a missing one: contract 001 responds with 403, the others
/// with 404. `error` is the error of the failed lookup.
pub fn reveal_foreign(tx: &mut ReadTx, key: IdOrUuid, error: Error) -> Error {
    match (error, key) {
        (Error::Missing(Noun::Task), IdOrUuid::Uuid(uuid)) => match sql::exists(tx, uuid) {
            Ok(true) => Error::Forbidden,
            Ok(false) => Error::Missing(Noun::Task),
            Err(error) => error,
        },
        (error, _) => error,
    }
}

/// Lists at most `count` of the caller's tasks after `after`, in one short round trip. If there are
/// more, the page has a cursor, even with fewer than `count` items.
pub fn list(
    tx: &mut ReadTx,
    caller: &Caller,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    caller.require(Scope::TasksRead)?;
    let owner = caller.id();
    changes::look(tx, owner, |tx| page(tx, owner, query, count, after))
}

/// Lists the tasks of any user, for admins.
pub fn list_of(
    tx: &mut ReadTx,
    caller: &Caller,
    user: IdOrUuid,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    caller.require_admin()?;
    let owner = users::resolve(tx, user)?.id;
    page(tx, owner, query, count, after)
}

fn page(
    tx: &mut ReadTx,
    owner: UserId,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    let last = after.unwrap_or_else(|| query.order.start());
    if query.words.is_empty() {
        rows(tx, owner, query, count.min(ROWS_PER_TRIP_MAX), last)
    } else {
        search::search(tx, owner, query, count, last)
    }
}

fn rows(
    tx: &mut ReadTx,
    owner: UserId,
    query: &Query,
    count: usize,
    mut last: Cursor,
) -> Result<Page<Task>> {
    let mut items: Vec<Task> = Vec::new();
    loop {
        // One more row than requested shows whether there is a next page.
        let wanted = count - items.len() + 1;
        let (found, is_cut) = sql::list(tx, owner, query, last, wanted)?;
        let is_end = !is_cut && found.len() < wanted;
        for task in found {
            if items.len() == count {
                return Ok(Page { items, next: Some(last) });
            }
            last = query.order.after(&task);
            items.push(task);
        }
        if !is_end {
            return Ok(Page { items, next: Some(last) });
        }
        let Some(second) = query.order.second_part(last) else {
            return Ok(Page { items, next: None });
        };
        // The items to skip may extend into the second part.
        let skip =
            if last.is_skipping() { last.skip - sql::count(tx, owner, query, last)? } else { 0 };
        last = Cursor { skip, ..second };
    }
}
