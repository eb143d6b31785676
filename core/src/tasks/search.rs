//! Text search in tasks: one bounded statement per round trip, in which the database searches for
//! one word. The searched text was folded when it was written.

use std::sync::LazyLock;

use super::list::{Order, Query};
use super::model::{Priority, Status, Task};
use crate::changes::TRIP_BYTES_MAX;
use crate::db::{FromRow, ReadTx, Row};
use crate::error::Result;
use crate::ids::UserId;
use crate::page::{Cursor, Page};

/// How many rows one round trip searches before it returns its results and a cursor, and how many
/// bytes of their text. The last row may exceed the second bound.
const ROWS_MAX: i64 = 256;
const BYTES_MAX: i64 = 1024 * 1024;

/// A task that was searched.
struct Seen {
    task: Task,
    /// The folded text, if it contains the word that the database searched for.
    folded: Option<String>,
    /// How many rows there were to search, at most [`ROWS_MAX`].
    candidates: i64,
}

impl FromRow for Seen {
    fn from_row(row: &Row) -> Result<Seen> {
        let after = Task::COLUMNS.len();
        let task = Task::from_row(row)?;
        Ok(Seen { task, folded: row.get(after)?, candidates: row.get(after + 1)? })
    }
}

/// Returns at most `count` tasks after `last` that contain all words of `query`, among those that
/// one round trip searches. If there may be more, the page has a cursor.
pub fn search(
    tx: &mut ReadTx,
    owner: UserId,
    query: &Query,
    count: usize,
    mut last: Cursor,
) -> Result<Page<Task>> {
    let (seen, is_cut) = look(tx, owner, query, last)?;
    let candidates = seen.first().map_or(0, |seen| seen.candidates);
    let is_end = !is_cut
        && candidates < ROWS_MAX
        && i64::try_from(seen.len()).is_ok_and(|n| n == candidates);
    let mut items: Vec<Task> = Vec::new();
    let mut skip = last.skip;
    for Seen { task, folded, .. } in seen {
        if items.len() == count {
            return Ok(Page { items, next: Some(last) });
        }
        last = query.order.after(&task);
        if folded.is_some_and(|folded| query.words.stand_in(&folded)) {
            match skip {
                0 => items.push(task),
                _ => skip -= 1,
            }
        }
    }
    let next = if is_end { query.order.second_part(last) } else { Some(last) };
    Ok(Page { items, next: next.map(|next| Cursor { skip, ..next }) })
}

fn look(
    tx: &mut ReadTx,
    owner: UserId,
    query: &Query,
    cursor: Cursor,
) -> Result<(Vec<Seen>, bool)> {
    let texts = &TEXTS[usize::from(query.order.tag())];
    let word = query.words.longest();
    let status = query.status.map(Status::as_str);
    let completed = query.completed;
    let priority = query.priority.map(Priority::rank);
    let before = query.due_before;
    let after = query.due_after;
    let size = |seen: &Seen| seen.task.text_bytes() + seen.folded.as_ref().map_or(0, String::len);
    // Matches come with their text and their folded text.
    let bytes_max = 2 * TRIP_BYTES_MAX;
    match cursor.key {
        Some(key) => tx.all_within(
            &texts.keyed,
            &[
                &word, &owner, &key, &cursor.id, &status, &priority, &before, &after, &completed,
                &ROWS_MAX, &BYTES_MAX,
            ],
            bytes_max,
            size,
        ),
        // A task without a due date matches neither bound.
        None if before.is_some() || after.is_some() => Ok((Vec::new(), false)),
        None => tx.all_within(
            &texts.keyless,
            &[&word, &owner, &cursor.id, &status, &priority, &completed, &ROWS_MAX, &BYTES_MAX],
            bytes_max,
            size,
        ),
    }
}

/// The statements of one order, for tasks with and without a key.
struct Texts {
    keyed: String,
    keyless: String,
}

/// The statements of each order, indexed by its tag.
static TEXTS: LazyLock<Vec<Texts>> = LazyLock::new(|| Order::ALL.into_iter().map(texts).collect());

fn texts(order: Order) -> Texts {
    let (key, beyond, way) = order.words();
    // The subqueries, from the innermost: some rows in order, from the index alone; the amount of
    // text before each row; whether the rows that fit contain the word. The outer LIMIT keeps
    // PostgreSQL from searching for the word once per column.
    let shown = |column: &&str| match *column {
        "title" => "CASE WHEN is_hit THEN title ELSE '' END".to_owned(),
        "description" => "CASE WHEN is_hit THEN description END".to_owned(),
        column => column.to_owned(),
    };
    let shown: Vec<String> = Task::COLUMNS.iter().map(shown).collect();
    let read: Vec<String> = Task::COLUMNS.iter().map(|column| format!("t.{column}")).collect();
    let (shown, read) = (shown.join(", "), read.join(", "));
    let look = |wanted: &str, rows: &str, bytes: &str| {
        format!(
            "SELECT {shown}, CASE WHEN is_hit THEN folded END, candidates FROM (SELECT {read}, \
             t.folded, c.candidates, strpos(t.folded, $1) > 0 AS is_hit FROM (SELECT s.id, \
             count(*) OVER () AS candidates, sum(octet_length(s.folded)) OVER (ORDER BY s.{key} \
             {way}, s.id {way} ROWS UNBOUNDED PRECEDING) - octet_length(s.folded) AS bytes_before \
             FROM (SELECT id FROM tasks WHERE owner = $2 AND {wanted} ORDER BY {key} {way}, id \
             {way} LIMIT {rows}) p JOIN tasks s ON s.id = p.id) c JOIN tasks t ON t.id = c.id \
             WHERE c.bytes_before < {bytes} ORDER BY t.{key} {way}, t.id {way} LIMIT {rows}) seen \
             ORDER BY {key} {way}, id {way}"
        )
    };
    Texts {
        keyed: look(
            &format!(
                "({key}, id) {beyond} ($3, $4) AND (CAST($5 AS TEXT) IS NULL OR status = $5) \
                 AND (CAST($6 AS BIGINT) IS NULL OR priority = $6) \
                 AND (CAST($7 AS BIGINT) IS NULL OR due_date < $7) \
                 AND (CAST($8 AS BIGINT) IS NULL OR due_date > $8) \
                 AND (CAST($9 AS BOOLEAN) IS NULL OR (status = 'completed') = $9)"
            ),
            "$10",
            "$11",
        ),
        keyless: look(
            &format!(
                "{key} IS NULL AND id {beyond} $3 AND (CAST($4 AS TEXT) IS NULL OR status = $4) \
                 AND (CAST($5 AS BIGINT) IS NULL OR priority = $5) \
                 AND (CAST($6 AS BOOLEAN) IS NULL OR (status = 'completed') = $6)"
            ),
            "$7",
            "$8",
        ),
    }
}
