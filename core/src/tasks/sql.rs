//! How tasks are stored. Every text carries the owner, but for the one that asks whether a task is somebody else's.

use std::sync::LazyLock;

use uuid::Uuid;

use super::list::{By, Order, Query};
use super::model::{Priority, Task};
use crate::db::{FromRow, Param, Row, Tx};
use crate::error::Result;
use crate::key::Key;
use crate::page::Cursor;
use crate::time::Timestamp;
use crate::users::UserId;

impl FromRow for Task {
    fn from_row(row: &Row) -> Result<Task> {
        let time = |at: Option<i64>| at.map(Timestamp::from_micros);
        Ok(Task {
            id: row.get(0)?,
            uuid: row.get(1)?,
            owner: row.get(2)?,
            title: row.get(3)?,
            description: row.get(4)?,
            status: row.get(5)?,
            priority: row.get(6)?,
            due_date: time(row.get(7)?),
            completed_at: time(row.get(8)?),
            created_at: Timestamp::from_micros(row.get(9)?),
            updated_at: Timestamp::from_micros(row.get(10)?),
            version: row.get(11)?,
        })
    }
}

const INSERT: &str = "INSERT INTO tasks (uuid, owner, title, description, status, priority, due_date, completed_at, \
                      created_at, updated_at, version) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// Stores a new task; its id.
pub fn insert(tx: &mut Tx, task: &Task) -> Result<i64> {
    with_values(task, |values| tx.insert(INSERT, values))
}

/// Stores a new task whose id nobody asks for.
pub fn send(tx: &mut Tx, task: &Task) -> Result<()> {
    with_values(task, |values| tx.send(INSERT, values))
}

fn with_values<T>(task: &Task, take: impl FnOnce(&[&dyn Param]) -> T) -> T {
    take(&[
        &task.uuid,
        &task.owner,
        &task.title,
        &task.description,
        &task.status.as_str(),
        &task.priority.rank(),
        &task.due_date.map(Timestamp::as_micros),
        &task.completed_at.map(Timestamp::as_micros),
        &task.created_at.as_micros(),
        &task.updated_at.as_micros(),
        &task.version,
    ])
}

pub fn find(tx: &mut Tx, owner: UserId, key: Key) -> Result<Option<Task>> {
    match key {
        Key::Id(id) => tx.find(
            "SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, \
             created_at, updated_at, version FROM tasks WHERE id = $1 AND owner = $2",
            &[&id, &owner],
        ),
        Key::Uuid(uuid) => tx.find(
            "SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, \
             created_at, updated_at, version FROM tasks WHERE uuid = $1 AND owner = $2",
            &[&uuid, &owner],
        ),
    }
}

/// Whether anybody has a task of this UUID.
pub fn exists(tx: &mut Tx, uuid: Uuid) -> Result<bool> {
    let found: Option<i64> = tx.find("SELECT id FROM tasks WHERE uuid = $1", &[&uuid])?;
    Ok(found.is_some())
}

pub fn update(tx: &mut Tx, task: &Task) -> Result<()> {
    tx.send(
        "UPDATE tasks SET title = $1, description = $2, status = $3, priority = $4, due_date = $5, \
         completed_at = $6, updated_at = $7, version = $8 WHERE id = $9 AND owner = $10",
        &[
            &task.title,
            &task.description,
            &task.status.as_str(),
            &task.priority.rank(),
            &task.due_date.map(Timestamp::as_micros),
            &task.completed_at.map(Timestamp::as_micros),
            &task.updated_at.as_micros(),
            &task.version,
            &task.id,
            &task.owner,
        ],
    )
}

pub fn delete(tx: &mut Tx, task: &Task) -> Result<()> {
    tx.send("DELETE FROM tasks WHERE id = $1 AND owner = $2", &[&task.id, &task.owner])
}

/// At most `count` tasks after `cursor` that the columns of `query` let through; its words are not looked at here.
pub fn list(tx: &mut Tx, owner: UserId, query: &Query, cursor: Cursor, count: usize) -> Result<Vec<Task>> {
    let texts = &LIST[usize::from(query.order.tag())];
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let status = query.status.map(super::model::Status::as_str);
    let priority = query.priority.map(Priority::rank);
    let before = query.due_before.map(Timestamp::as_micros);
    let after = query.due_after.map(Timestamp::as_micros);
    match cursor.key {
        Some(key) if status.is_none() && priority.is_none() && before.is_none() && after.is_none() => {
            tx.all(&texts.all, &[&owner, &key, &cursor.id, &count])
        }
        Some(key) => {
            tx.all(&texts.narrowed, &[&owner, &key, &cursor.id, &status, &priority, &before, &after, &count])
        }
        // Without a due date neither bound of it can be met.
        None if before.is_some() || after.is_some() => Ok(Vec::new()),
        None => tx.all(&texts.keyless, &[&owner, &cursor.id, &status, &priority, &count]),
    }
}

/// The texts of one order: all tasks, some of them, and those without a key.
pub struct ListTexts {
    all: String,
    narrowed: String,
    keyless: String,
}

/// The texts of each order, at its tag.
static LIST: LazyLock<Vec<ListTexts>> = LazyLock::new(|| Order::ALL.into_iter().map(list_texts).collect());

fn list_texts(order: Order) -> ListTexts {
    let key = match order.by {
        By::CreatedAt => "created_at",
        By::UpdatedAt => "updated_at",
        By::DueDate => "due_date",
        By::Priority => "priority",
    };
    let (beyond, way) = if order.descending { ("<", "DESC") } else { (">", "ASC") };
    let select = "SELECT id, uuid, owner, title, description, status, priority, due_date, completed_at, \
                  created_at, updated_at, version FROM tasks";
    let sort = format!("ORDER BY {key} {way}, id {way}");
    // The index is in the order of created_at. The other orders are made from its entries alone; only the rows of the
    // page are looked up.
    let pick = |wanted: &str, limit: &str| match order.by {
        By::CreatedAt => format!("{select} WHERE owner = $1 AND {wanted} {sort} LIMIT {limit}"),
        _ => format!(
            "{select} WHERE id IN (SELECT id FROM tasks WHERE owner = $1 AND {wanted} {sort} LIMIT {limit}) {sort}"
        ),
    };
    let after = format!("({key}, id) {beyond} ($2, $3)");
    ListTexts {
        all: pick(&after, "$4"),
        narrowed: pick(
            &format!(
                "{after} AND (CAST($4 AS TEXT) IS NULL OR status = $4) \
                 AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) \
                 AND (CAST($6 AS BIGINT) IS NULL OR due_date < $6) \
                 AND (CAST($7 AS BIGINT) IS NULL OR due_date > $7)"
            ),
            "$8",
        ),
        keyless: pick(
            &format!(
                "{key} IS NULL AND id {beyond} $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3) \
                 AND (CAST($4 AS BIGINT) IS NULL OR priority = $4)"
            ),
            "$5",
        ),
    }
}
