//! How tasks are stored. Every statement filters by owner, except the one that checks whether a
//! task belongs to another user.

use std::sync::LazyLock;

use uuid::Uuid;

use super::list::{By, Order, Query};
use super::model::{Priority, Task};
use crate::changes::TRIP_BYTES_MAX;
use crate::db::{Param, ReadTx, WriteTx, columns};
use crate::epoch::Epoch;
use crate::error::Result;
use crate::id_or_uuid::IdOrUuid;
use crate::ids::{TaskId, UserId};
use crate::page::Cursor;
use crate::time::Timestamp;

columns!(writes Task {
    id, uuid, owner, created_at,
    title, description, status, priority, due_date, completed_at, updated_at, version,
} epoch: Epoch::FIRST);

/// The number of leading columns that never change after creation.
const FIXED: usize = 4;

/// The statements that name all columns.
struct Texts {
    insert: String,
    update: String,
    by_id: String,
    by_uuid: String,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    let (all, changing) = (Task::COLUMNS, &Task::COLUMNS[FIXED..]);
    let places = |count: usize| (1..=count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let set: Vec<String> =
        changing.iter().zip(1..).map(|(name, n)| format!("{name} = ${n}")).collect();
    let n = set.len();
    Texts {
        insert: format!(
            "INSERT INTO tasks ({}, folded) VALUES ({})",
            all[1..].join(", "),
            places(all.len())
        ),
        update: format!(
            "UPDATE tasks SET {}, folded = COALESCE(${}, folded) WHERE id = ${} AND owner = ${}",
            set.join(", "),
            n + 1,
            n + 2,
            n + 3
        ),
        by_id: format!("{} WHERE id = $1 AND owner = $2", select()),
        by_uuid: format!("{} WHERE uuid = $1 AND owner = $2", select()),
    }
});

fn select() -> String {
    format!("SELECT {} FROM tasks", Task::COLUMNS.join(", "))
}

/// Stores a new task and returns its id.
pub fn insert(tx: &mut WriteTx, task: &Task) -> Result<TaskId> {
    let folded = task.folded();
    tx.insert(&TEXTS.insert, &stored(task, &folded))
}

/// Stores a new task without returning its id.
pub fn send(tx: &mut WriteTx, task: &Task) -> Result<()> {
    let folded = task.folded();
    tx.send(&TEXTS.insert, &stored(task, &folded))
}

/// Returns all values of a new task except the id, which the database assigns.
fn stored<'t>(task: &'t Task, folded: &'t String) -> Vec<&'t dyn Param> {
    let mut values = task.params();
    values.remove(0);
    values.push(folded);
    values
}

pub fn find(tx: &mut ReadTx, owner: UserId, key: IdOrUuid) -> Result<Option<Task>> {
    match key {
        IdOrUuid::Id(id) => tx.find(&TEXTS.by_id, &[&id, &owner]),
        IdOrUuid::Uuid(uuid) => tx.find(&TEXTS.by_uuid, &[&uuid, &owner]),
    }
}

/// Returns whether any user has a task with this UUID.
pub fn exists(tx: &mut ReadTx, uuid: Uuid) -> Result<bool> {
    let found: Option<i64> = tx.find("SELECT id FROM tasks WHERE uuid = $1", &[&uuid])?;
    Ok(found.is_some())
}

/// Stores a changed task. Updates the searched text only if title or description changed.
pub fn update(tx: &mut WriteTx, task: &Task, is_reworded: bool) -> Result<()> {
    let folded = is_reworded.then(|| task.folded());
    let mut values = task.params().split_off(FIXED);
    values.extend([&folded as &dyn Param, &task.id, &task.owner]);
    tx.send(&TEXTS.update, &values)
}

pub fn delete(tx: &mut WriteTx, task: &Task) -> Result<()> {
    tx.send("DELETE FROM tasks WHERE id = $1 AND owner = $2", &[&task.id, &task.owner])
}

/// Lists at most `count` tasks after `cursor` that match the column filters of `query`, without
/// those that the cursor skips, up to [`TRIP_BYTES_MAX`] of text. Also returns whether that bound
/// omitted some. Ignores the words of `query`.
pub fn list(
    tx: &mut ReadTx,
    owner: UserId,
    query: &Query,
    cursor: Cursor,
    count: usize,
) -> Result<(Vec<Task>, bool)> {
    let texts = &LIST[usize::from(query.order.tag())];
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let skip = i64::from(cursor.skip);
    let Columns { status, completed, priority, before, after } = Columns::of(query);
    let is_whole = status.is_none() && completed.is_none() && priority.is_none();
    let is_dated = before.is_some() || after.is_some();
    let mut all = |text: &str, params: &[&dyn Param]| {
        tx.all_within(text, params, TRIP_BYTES_MAX, Task::text_bytes)
    };
    match cursor.key {
        // Most lists have no filters. Their statement contains nothing whose selectivity the
        // planner would have to guess.
        Some(key) if is_whole && !is_dated && skip == 0 => {
            all(&texts.all, &[&owner, &key, &cursor.id, &count])
        }
        Some(key) if is_whole && !is_dated => {
            all(&texts.skipping, &[&owner, &key, &cursor.id, &count, &skip])
        }
        Some(key) => all(
            &texts.narrowed,
            &[
                &owner, &key, &cursor.id, &status, &priority, &before, &after, &completed, &count,
                &skip,
            ],
        ),
        // A task without a due date matches neither bound.
        None if is_dated => Ok((Vec::new(), false)),
        None => all(
            &texts.keyless,
            &[&owner, &cursor.id, &status, &priority, &completed, &count, &skip],
        ),
    }
}

/// Counts the tasks with a key that [`list`] finds after `cursor`, at most as many as the cursor
/// skips.
pub fn count(tx: &mut ReadTx, owner: UserId, query: &Query, cursor: Cursor) -> Result<u32> {
    let texts = &LIST[usize::from(query.order.tag())];
    let Columns { status, completed, priority, before, after } = Columns::of(query);
    let count: i64 = tx.one(
        &texts.counted,
        &[&owner, &cursor.key, &cursor.id, &status, &priority, &before, &after, &completed],
    )?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX).min(cursor.skip))
}

/// The column filters of a query. `None` matches all tasks.
struct Columns {
    status: Option<&'static str>,
    completed: Option<bool>,
    priority: Option<i64>,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
}

impl Columns {
    fn of(query: &Query) -> Columns {
        Columns {
            status: query.status.map(super::model::Status::as_str),
            completed: query.completed,
            priority: query.priority.map(Priority::rank),
            before: query.due_before,
            after: query.due_after,
        }
    }
}

/// The statements of one order: all tasks, filtered tasks, tasks without a key, and the number of
/// tasks with one.
pub struct ListTexts {
    all: String,
    skipping: String,
    narrowed: String,
    keyless: String,
    counted: String,
}

/// The statements of each order, indexed by its tag.
static LIST: LazyLock<Vec<ListTexts>> =
    LazyLock::new(|| Order::ALL.into_iter().map(list_texts).collect());

fn list_texts(order: Order) -> ListTexts {
    let (key, beyond, way) = order.words();
    let select = select();
    let sort = format!("ORDER BY {key} {way}, id {way}");
    // The index is ordered by created_at. The other orders sort the index entries alone; only the
    // rows of the page are then read.
    let pick = |wanted: &str, limit: &str| match order.by {
        By::CreatedAt => format!("{select} WHERE owner = $1 AND {wanted} {sort} LIMIT {limit}"),
        _ => format!(
            "{select} WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND {wanted} {sort} LIMIT \
             {limit}) {sort}"
        ),
    };
    let after = format!("({key}, id) {beyond} ($2, $3)");
    let narrowed = format!(
        "{after} AND (CAST($4 AS TEXT) IS NULL OR status = $4) \
         AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) \
         AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) \
         AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7) \
         AND (CAST($8 AS BOOLEAN) IS NULL OR (status = 'completed') = $8)"
    );
    let keyless = format!(
        "{key} IS NULL AND id {beyond} $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
         AND (CAST($4 AS BIGINT) IS NULL OR priority = $4) \
         AND (CAST($5 AS BOOLEAN) IS NULL OR (status = 'completed') = $5)"
    );
    ListTexts {
        all: pick(&after, "$4"),
        skipping: pick(&after, "$4 OFFSET $5"),
        counted: format!("SELECT count(*) FROM tasks WHERE owner = $1 AND {narrowed}"),
        narrowed: pick(&narrowed, "$9 OFFSET $10"),
        keyless: pick(&keyless, "$6 OFFSET $7"),
    }
}
