//! The audit log: who did what to which account, and from where. An entry is written in the
//! transaction of the action and is never changed.

mod model;
mod sql;

pub use model::{Action, Actor, Entry};

use crate::db::{ReadTx, WriteTx};
use crate::error::{Code, Result, Violation};
use crate::ids::{EntryId, UserId};
use crate::page::{Cursor, Limit, Offset, Page};

/// The tag in cursors for the log's only order.
const BY_ID: u8 = 0x81;

/// Adds an entry, and notifies event streams if the action may end access.
pub(crate) fn record(
    tx: &mut WriteTx,
    who: Actor,
    subject: Option<UserId>,
    action: Action,
    detail: Option<&str>,
) -> Result<()> {
    if let Some(account) = subject.filter(|_| action.may_end_access()) {
        tx.notify(account);
    }
    sql::insert(tx, who, subject, action, detail)
}

/// Deletes a batch of entries that are older than `days`. Returns whether there may be more.
pub(crate) fn prune(tx: &mut WriteTx, days: u32) -> Result<bool> {
    let before = tx.now().plus_seconds(-i64::from(days) * 86_400);
    sql::prune(tx, before)
}

/// Returns a page of the entries about one account, or of all entries, newest first.
pub fn page(
    tx: &mut ReadTx,
    subject: Option<UserId>,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Page<Entry>> {
    let before = EntryId(after.map_or(i64::MAX, |cursor| cursor.id));
    let wanted = i64::try_from(limit.get() + 1).unwrap_or(i64::MAX);
    let skip = after.map_or(0, |cursor| cursor.skip).into();
    let mut items = match subject {
        Some(subject) => sql::list_of(tx, subject, before, wanted, skip)?,
        None => sql::list(tx, before, wanted, skip)?,
    };
    let is_more = items.len() > limit.get();
    items.truncate(limit.get());
    let last = items.last().filter(|_| is_more).map(|entry| entry.id);
    Ok(Page { items, next: last.map(cursor) })
}

/// Returns the position at which [`page`] begins after skipping `offset` entries.
pub fn cursor_of(offset: Offset) -> Cursor {
    cursor(EntryId(i64::MAX)).skipping(offset)
}

fn cursor(id: EntryId) -> Cursor {
    Cursor { order: BY_ID, key: None, id: id.0, skip: 0 }
}

/// Parses a cursor of [`page`].
pub fn parse_cursor(text: &str) -> Result<Cursor, Violation> {
    let cursor = Cursor::parse(text)?;
    if cursor.order == BY_ID && cursor.key.is_none() {
        Ok(cursor)
    } else {
        Err(Violation::new(Code::Format, "must be a cursor of this list"))
    }
}
