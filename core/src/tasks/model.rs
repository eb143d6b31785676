//! Tasks and all their rules, as pure functions. Storage is in `sql`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::db::{Column, Param, Value, unexpected};
use crate::epoch::{Epoch, Stamp};
use crate::error::{Code, Result, Violation};
use crate::ids::{TaskId, UserId};
use crate::text;
use crate::time::Timestamp;

/// A stored task. The default values are those of a new task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub uuid: Uuid,
    pub owner: UserId,
    pub title: String,
    pub description: Option<String>,
    pub status: Status,
    pub priority: Priority,
    pub due_date: Option<Timestamp>,
    /// Set exactly while `status` is completed.
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The number of the task's last change in the owner's sequence.
    pub version: i64,
    /// The store's epoch when the task was read.
    #[serde(default)]
    pub epoch: Epoch,
}

/// A title: 1 to 200 characters on one line, after trimming.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    pub const CHARS_MAX: usize = 200;

    pub fn parse(text: &str) -> Result<Title, Violation> {
        text::line(text, 1, Title::CHARS_MAX).map(Title)
    }
}

/// A description: up to 20,000 characters on any number of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    pub const CHARS_MAX: usize = 20_000;

    pub fn parse(text: &str) -> Result<Description, Violation> {
        text::lines(text, Description::CHARS_MAX).map(Description)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    Pending,
    InProgress,
    Completed,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::InProgress => "in_progress",
            Status::Completed => "completed",
        }
    }

    /// Parses common words for a status. Case, `-`, `_` and spaces do not matter.
    pub fn parse_spoken(word: &str) -> Option<Status> {
        let plain: String = word
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_'))
            .flat_map(char::to_lowercase)
            .collect();
        match plain.as_str() {
            "pending" | "todo" | "open" | "new" | "notstarted" => Some(Status::Pending),
            "ongoing" | "inprogress" | "doing" | "started" | "active" => Some(Status::InProgress),
            "completed" | "complete" | "done" | "finished" | "closed" => Some(Status::Completed),
            _ => None,
        }
    }

    pub fn parse(word: &str) -> Result<Status, Violation> {
        match word {
            "pending" => Ok(Status::Pending),
            "in_progress" => Ok(Status::InProgress),
            "completed" => Ok(Status::Completed),
            _ => Err(Violation::new(
                Code::UnknownWord,
                "must be one of pending, in_progress, completed",
            )),
        }
    }
}

/// The priority of a task. Variants are ordered by rank, which is the stored number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Low = 1,
    #[default]
    Medium = 2,
    High = 3,
    Urgent = 4,
}

impl Priority {
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Medium => "medium",
            Priority::High => "high",
            Priority::Urgent => "urgent",
        }
    }

    pub fn parse(word: &str) -> Result<Priority, Violation> {
        match word {
            "low" => Ok(Priority::Low),
            "medium" => Ok(Priority::Medium),
            "high" => Ok(Priority::High),
            "urgent" => Ok(Priority::Urgent),
            _ => Err(Violation::new(Code::UnknownWord, "must be one of low, medium, high, urgent")),
        }
    }

    pub(crate) fn rank(self) -> i64 {
        self as i64
    }
}

/// A member of a partial update: absent, `null`, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Patch<T> {
        value.map_or(Patch::Keep, Patch::Set)
    }
}

/// A task to create: what changes from the default values of a task, with a title.
#[derive(Debug, Clone)]
pub struct NewTask(Update);

/// A task from another back end.
#[derive(Debug, Clone)]
pub struct Imported {
    pub task: NewTask,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Changes to a task.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub title: Option<Title>,
    pub description: Patch<Description>,
    pub priority: Option<Priority>,
    pub due_date: Patch<Timestamp>,
    pub state: StateChange,
}

/// Changes to a task's completion, in the three members that the contracts define for it.
#[derive(Debug, Clone, Default)]
pub struct StateChange {
    pub status: Option<Status>,
    pub completed: Option<bool>,
    pub completed_at: Patch<Timestamp>,
}

impl StateChange {
    /// Returns status and completion time after this change. `status` takes precedence over
    /// `completed`, and that over `completed_at`. A time that contradicts the result is ignored.
    /// Completing sets the time once; leaving `completed` clears it.
    fn apply(
        &self,
        status: Status,
        completed_at: Option<Timestamp>,
        now: Timestamp,
    ) -> (Status, Option<Timestamp>) {
        let reopened = if status == Status::Completed { Status::Pending } else { status };
        let status = match (self.status, self.completed, self.completed_at) {
            (Some(status), _, _) => status,
            (None, Some(true), _) | (None, None, Patch::Set(_)) => Status::Completed,
            (None, Some(false), _) | (None, None, Patch::Clear) => reopened,
            (None, None, Patch::Keep) => status,
        };
        let completed_at = match (status, self.completed_at) {
            (Status::Completed, Patch::Set(given)) => Some(given),
            (Status::Completed, _) => completed_at.or(Some(now)),
            _ => None,
        };
        (status, completed_at)
    }
}

impl NewTask {
    /// A task with a title. `others` are its other fields.
    pub fn new(title: Title, others: Update) -> NewTask {
        NewTask(Update { title: Some(title), ..others })
    }

    /// Returns the task to store. The database assigns its id.
    pub(super) fn to_task(&self, uuid: Uuid, owner: UserId, version: i64, now: Timestamp) -> Task {
        let mut task =
            Task { uuid, owner, version, created_at: now, updated_at: now, ..Task::default() };
        task.apply(&self.0, now);
        task
    }
}

impl Task {
    /// Returns the contents of the task's `ETag`.
    pub fn stamp(&self) -> Stamp {
        Stamp { epoch: self.epoch, number: self.version }
    }

    pub(super) fn in_epoch(self, epoch: Epoch) -> Task {
        Task { epoch, ..self }
    }

    /// Returns the size of the task's texts in bytes. The rest is small.
    pub fn text_bytes(&self) -> usize {
        self.title.len() + self.description.as_ref().map_or(0, String::len)
    }

    /// Returns the text that searches run on.
    pub(super) fn folded(&self) -> String {
        text::search_fold(&self.title, self.description.as_deref())
    }

    /// Returns the task after `update`, still with the old version, or `None` if nothing changes.
    pub(super) fn updated(&self, update: &Update, now: Timestamp) -> Option<Task> {
        // The clock may have been set back, but `updated_at` never decreases.
        let now = now.max(self.updated_at);
        let mut new = self.clone();
        new.apply(update, now);
        if new == *self {
            return None;
        }
        new.updated_at = now;
        Some(new)
    }

    fn apply(&mut self, update: &Update, now: Timestamp) {
        if let Some(title) = &update.title {
            title.0.clone_into(&mut self.title);
        }
        match &update.description {
            Patch::Keep => {}
            Patch::Clear => self.description = None,
            Patch::Set(description) => self.description = Some(description.0.clone()),
        }
        if let Some(priority) = update.priority {
            self.priority = priority;
        }
        match update.due_date {
            Patch::Keep => {}
            Patch::Clear => self.due_date = None,
            Patch::Set(due) => self.due_date = Some(due),
        }
        (self.status, self.completed_at) = update.state.apply(self.status, self.completed_at, now);
    }
}

impl Param for Status {
    fn value(&self) -> Value<'_> {
        Value::Text(self.as_str())
    }
}

impl Column for Status {
    fn read(value: Value) -> Result<Status> {
        match value {
            Value::Text(text) => Status::parse(text).map_err(|_| unexpected("a status", value)),
            other => Err(unexpected("a status", other)),
        }
    }
}

impl Param for Priority {
    fn value(&self) -> Value<'_> {
        Value::Int(self.rank())
    }
}

impl Column for Priority {
    fn read(value: Value) -> Result<Priority> {
        match value {
            Value::Int(1) => Ok(Priority::Low),
            Value::Int(2) => Ok(Priority::Medium),
            Value::Int(3) => Ok(Priority::High),
            Value::Int(4) => Ok(Priority::Urgent),
            other => Err(unexpected("a priority's rank", other)),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl Serialize for Priority {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Status, D::Error> {
        Status::parse(&String::deserialize(from)?)
            .map_err(|Violation(_, message)| D::Error::custom(message))
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Priority, D::Error> {
        Priority::parse(&String::deserialize(from)?)
            .map_err(|Violation(_, message)| D::Error::custom(message))
    }
}
