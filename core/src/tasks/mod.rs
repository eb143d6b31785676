//! What can be done with tasks. Each write takes hold of the owner's next number, looks, writes, and records what it did.

mod history;
mod list;
mod model;
mod sql;

pub use history::{Changed, History, history};
pub use list::{By, Order, Query};
pub use model::{Adopted, Description, NewTask, Patch, Priority, StateChange, Status, Task, Title, Update};

use crate::changes::{self, Change, Kind};
use crate::db::Tx;
use crate::error::{Error, Noun, Result};
use crate::key::Key;
use crate::page::{Cursor, Page};
use crate::users::{self, Caller, Scope, UserId};

/// How many rows one trip of a list reads at most: it bounds the memory and the time that a reader is held.
const ROWS_PER_TRIP_MAX: usize = 512;
/// How many rows a search looks at in one trip before it answers with what it has and a cursor.
const SCAN_MAX: usize = 4096;

/// Which version a write is meant for (RFC 9110, section 13.1.1, `If-Match`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    #[default]
    Any,
    OneOf(Vec<i64>),
}

impl Expected {
    fn check(&self, task: &Task) -> Result<()> {
        match self {
            Expected::OneOf(versions) if !versions.contains(&task.version) => Err(Error::Stale),
            _ => Ok(()),
        }
    }
}

/// Makes a task of the caller's.
pub fn create(tx: &mut Tx, caller: &Caller, new: &NewTask) -> Result<Task> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let mut task = new.to_task(tx.new_uuid()?, caller.id(), seq, tx.now());
    task.id = sql::insert(tx, &task)?;
    changes::record(tx, caller, &change(Kind::Created, &task, seq), None, Some(&task.content()))?;
    Ok(task)
}

/// Makes tasks that `owner` had in another back end, in their order and with their times.
pub(crate) fn adopt(tx: &mut Tx, owner: UserId, tasks: &[Adopted]) -> Result<()> {
    let first = changes::next(tx, owner)?;
    for (seq, Adopted { task, created_at, updated_at }) in (first..).zip(tasks) {
        let mut task = task.to_task(tx.new_uuid()?, owner, seq, *updated_at);
        task.created_at = *created_at;
        sql::send(tx, &task)?;
        changes::record_adopted(tx, seq, task.uuid, &task.content())?;
    }
    changes::use_up(tx, owner, first - 1 + i64::try_from(tasks.len()).unwrap_or(0))
}

/// One task of the caller's.
pub fn one(tx: &mut Tx, caller: &Caller, key: Key) -> Result<Task> {
    caller.require(Scope::TasksRead)?;
    let owner = caller.id();
    changes::look(tx, owner, |tx| sql::find(tx, owner, key))?.ok_or(Error::Missing(Noun::Task))
}

/// Changes a task of the caller's. An update that changes nothing makes no new version and no record.
pub fn update(tx: &mut Tx, caller: &Caller, key: Key, expected: &Expected, update: &Update) -> Result<Task> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let old = sql::find(tx, caller.id(), key)?.ok_or(Error::Missing(Noun::Task))?;
    expected.check(&old)?;
    let Some(mut new) = old.updated(update, tx.now()) else {
        return Ok(old);
    };
    new.version = seq;
    sql::update(tx, &new)?;
    let (before, after) = (old.content(), new.content());
    changes::record(tx, caller, &change(Kind::Updated, &new, seq), Some(&before), Some(&after))?;
    Ok(new)
}

/// Deletes a task of the caller's.
pub fn delete(tx: &mut Tx, caller: &Caller, key: Key, expected: &Expected) -> Result<()> {
    caller.require(Scope::TasksWrite)?;
    let seq = changes::next(tx, caller.id())?;
    let old = sql::find(tx, caller.id(), key)?.ok_or(Error::Missing(Noun::Task))?;
    expected.check(&old)?;
    sql::delete(tx, &old)?;
    changes::record(tx, caller, &change(Kind::Deleted, &old, seq), Some(&old.content()), None)
}

fn change(kind: Kind, task: &Task, seq: i64) -> Change {
    Change { owner: task.owner, seq, task_id: task.id, task_uuid: task.uuid, kind }
}

/// Tells a task of somebody else from one that is not there: contract 001 answers 403, where the others say 404.
/// To be asked with the error of a look-up that missed.
pub fn reveal_foreign(tx: &mut Tx, key: Key, error: Error) -> Error {
    match (error, key) {
        (Error::Missing(Noun::Task), Key::Uuid(uuid)) => match sql::exists(tx, uuid) {
            Ok(true) => Error::Forbidden,
            Ok(false) => Error::Missing(Noun::Task),
            Err(error) => error,
        },
        (error, _) => error,
    }
}

/// At most `count` tasks of the caller's after `after`, in one short trip: where there are more, the page has a cursor,
/// even if it holds fewer than `count`.
pub fn list(
    tx: &mut Tx,
    caller: &Caller,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    caller.require(Scope::TasksRead)?;
    let owner = caller.id();
    changes::look(tx, owner, |tx| page(tx, owner, query, count, after))
}

/// The same of any user's, for admins.
pub fn list_of(
    tx: &mut Tx,
    caller: &Caller,
    user: Key,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    caller.require_admin()?;
    let owner = users::resolve(tx, user)?.id;
    page(tx, owner, query, count, after)
}

fn page(
    tx: &mut Tx,
    owner: UserId,
    query: &Query,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<Task>> {
    let count = count.min(ROWS_PER_TRIP_MAX);
    let mut items = Vec::new();
    let mut last = after.unwrap_or_else(|| query.order.start());
    let mut scanned = 0;
    loop {
        // One more than wanted tells whether there is a next page.
        let wanted = if query.words.is_empty() { count - items.len() + 1 } else { ROWS_PER_TRIP_MAX };
        let rows = sql::list(tx, owner, query, last, wanted)?;
        let ended = rows.len() < wanted;
        scanned += rows.len();
        for task in rows {
            if items.len() == count {
                return Ok(Page { items, next: Some(last) });
            }
            last = query.order.after(&task);
            let description = task.description.as_deref().unwrap_or("");
            if query.words.match_any(&[&task.title, description]) {
                items.push(task);
            }
        }
        if ended && last.key.is_some() && query.order.by == By::DueDate {
            last = query.order.keyless();
        } else if ended {
            return Ok(Page { items, next: None });
        }
        if scanned >= SCAN_MAX {
            return Ok(Page { items, next: Some(last) });
        }
    }
}
