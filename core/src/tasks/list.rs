//! Parameters of a list of tasks: filters, order and position.

use super::model::{Priority, Status, Task};
use crate::error::{Code, Result, Violation};
use crate::page::{Cursor, Offset};
use crate::text::Words;
use crate::time::Timestamp;

/// Filters and order. By default, all tasks, newest first.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub status: Option<Status>,
    /// Only completed tasks, or only the others.
    pub completed: Option<bool>,
    pub priority: Option<Priority>,
    /// Due before this time (exclusive).
    pub due_before: Option<Timestamp>,
    /// Due after this time (exclusive).
    pub due_after: Option<Timestamp>,
    pub words: Words,
    pub order: Order,
}

/// A column to sort by, and the direction. Ties are sorted by id in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: By,
    pub descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    CreatedAt,
    UpdatedAt,
    /// Tasks without a due date come last in both directions.
    DueDate,
    /// By rank: low, medium, high, urgent.
    Priority,
}

impl Default for Order {
    fn default() -> Order {
        Order { by: By::CreatedAt, descending: true }
    }
}

impl Order {
    pub const ALL: [Order; 8] = [
        Order { by: By::CreatedAt, descending: false },
        Order { by: By::CreatedAt, descending: true },
        Order { by: By::UpdatedAt, descending: false },
        Order { by: By::UpdatedAt, descending: true },
        Order { by: By::DueDate, descending: false },
        Order { by: By::DueDate, descending: true },
        Order { by: By::Priority, descending: false },
        Order { by: By::Priority, descending: true },
    ];

    /// Parses `created_at`, `updated_at`, `due_date` or `priority`. A leading `-` reverses the
    /// order.
    pub fn parse(word: &str) -> Result<Order, Violation> {
        let (descending, column) = match word.strip_prefix('-') {
            Some(column) => (true, column),
            None => (false, word),
        };
        let by = match column {
            "created_at" => By::CreatedAt,
            "updated_at" => By::UpdatedAt,
            "due_date" => By::DueDate,
            "priority" => By::Priority,
            _ => {
                return Err(Violation::new(
                    Code::UnknownWord,
                    "must be one of created_at, updated_at, due_date, priority, with an optional - \
                     before it",
                ));
            }
        };
        Ok(Order { by, descending })
    }

    /// Parses a cursor of a list of tasks, and returns it with the order of the list.
    pub fn of_cursor(text: &str) -> Result<(Order, Cursor), Violation> {
        let cursor = Cursor::parse(text)?;
        let order = Order::ALL.into_iter().find(|order| order.tag() == cursor.order);
        order
            .filter(|order| cursor.key.is_some() || order.by == By::DueDate)
            .map(|order| (order, cursor))
            .ok_or_else(|| Violation::new(Code::Format, "must be a cursor of this list"))
    }

    /// Returns the first position, before every possible key.
    pub(super) fn start(self) -> Cursor {
        let end = if self.descending { i64::MAX } else { i64::MIN };
        Cursor { order: self.tag(), key: Some(end), id: end, skip: 0 }
    }

    /// Returns the position at which a list in this order begins after skipping `offset` tasks.
    pub fn cursor_of(self, offset: Offset) -> Cursor {
        self.start().skipping(offset)
    }

    /// Returns the position after `task`.
    pub(super) fn after(self, task: &Task) -> Cursor {
        let key = match self.by {
            By::CreatedAt => Some(task.created_at.as_micros()),
            By::UpdatedAt => Some(task.updated_at.as_micros()),
            By::DueDate => task.due_date.map(Timestamp::as_micros),
            By::Priority => Some(task.priority.rank()),
        };
        Cursor { order: self.tag(), key, id: task.id.0, skip: 0 }
    }

    /// Returns the position at which a list continues after its first part ended at `last`. Only a
    /// list by due date has a second part, the tasks without one.
    pub(super) fn second_part(self, last: Cursor) -> Option<Cursor> {
        let is_first = last.key.is_some() && self.by == By::DueDate;
        is_first.then(|| Cursor { key: None, ..self.start() })
    }

    /// Returns the column, the operator that selects later rows, and the direction, in SQL.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        let key = match self.by {
            By::CreatedAt => "created_at",
            By::UpdatedAt => "updated_at",
            By::DueDate => "due_date",
            By::Priority => "priority",
        };
        if self.descending { (key, "<", "DESC") } else { (key, ">", "ASC") }
    }

    pub(super) fn tag(self) -> u8 {
        let by = match self.by {
            By::CreatedAt => 0,
            By::UpdatedAt => 2,
            By::DueDate => 4,
            By::Priority => 6,
        };
        by + u8::from(self.descending)
    }
}
