//! The wire types of tasks.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use taskwell_core::error::Problems;
use taskwell_core::tasks::{
    Description, NewTask, Priority, StateChange, Status, Task, Title, Update,
};
use taskwell_core::time::Timestamp;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::{DescriptionText, MomentText, PriorityWord, StatusWord, TitleText};

/// A task.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskWire<'a> {
    #[schema(example = 1)]
    id: i64,
    uuid: Uuid,
    #[schema(example = 1)]
    user_id: i64,
    /// Same as `user_id`.
    #[schema(example = 1)]
    owner_id: i64,
    #[schema(example = "Write the report")]
    title: &'a str,
    #[schema(required, example = "Two pages")]
    description: Option<&'a str>,
    #[schema(value_type = StatusWord)]
    status: Status,
    /// Whether `status` is `completed`.
    completed: bool,
    #[schema(value_type = PriorityWord)]
    priority: Priority,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    due_date: Option<Timestamp>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The number of the task's last change, which its `ETag` contains.
    #[schema(example = 1)]
    version: i64,
}

impl<'a> From<&'a Task> for TaskWire<'a> {
    fn from(task: &'a Task) -> TaskWire<'a> {
        TaskWire {
            id: task.id.0,
            uuid: task.uuid,
            user_id: task.owner.0,
            owner_id: task.owner.0,
            title: &task.title,
            description: task.description.as_deref(),
            status: task.status,
            completed: task.status == Status::Completed,
            priority: task.priority,
            due_date: task.due_date,
            completed_at: task.completed_at,
            created_at: task.created_at,
            updated_at: task.updated_at,
            version: task.version,
        }
    }
}

/// An update of a task. Omitted fields stay unchanged; `null` clears a field that can be empty, and
/// as `completed_at` reopens the task.
#[derive(Deserialize, ToSchema)]
#[schema(as = TaskUpdate)]
pub struct TaskUpdateWire {
    /// One line. The server removes spaces around it.
    #[schema(value_type = TitleText, required = false)]
    #[serde(default)]
    title: RawField,
    #[schema(value_type = Option<DescriptionText>)]
    #[serde(default)]
    description: RawField,
    #[schema(value_type = StatusWord, required = false)]
    #[serde(default)]
    status: RawField,
    #[schema(value_type = PriorityWord, required = false)]
    #[serde(default)]
    priority: RawField,
    /// ISO 8601. A time without a zone is UTC.
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    due_date: RawField,
    /// Ignored if there is a `status`.
    #[schema(value_type = bool, required = false)]
    #[serde(default)]
    completed: RawField,
    /// Completes the task at this time. `status` and `completed` take precedence.
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    completed_at: RawField,
}

impl TaskUpdateWire {
    pub fn read(mut self) -> Result<Update, Failure> {
        let p = &mut Problems::default();
        let title = std::mem::take(&mut self.title).optional("title", p, Title::parse);
        let update = Update { title, ..self.others(p) };
        Ok(std::mem::take(p).finish(Some(update))?)
    }

    /// The fields that are not the title.
    fn others(self, p: &mut Problems) -> Update {
        Update {
            title: None,
            description: self.description.patch("description", p, Description::parse),
            priority: self.priority.optional("priority", p, Priority::parse),
            due_date: self.due_date.patch("due_date", p, Timestamp::parse),
            state: StateChange {
                status: self.status.optional("status", p, Status::parse),
                completed: self.completed.flag("completed", p),
                completed_at: self.completed_at.patch("completed_at", p, Timestamp::parse),
            },
        }
    }
}

/// A new task: an update of a task with the default values, with a title.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct NewTaskWire(TaskUpdateWire);

impl NewTaskWire {
    pub fn read(mut self) -> Result<NewTask, Failure> {
        let p = &mut Problems::default();
        let title = std::mem::take(&mut self.0.title).required("title", p, Title::parse);
        let others = self.0.others(p);
        Ok(std::mem::take(p).finish(title.map(|title| NewTask::new(title, others)))?)
    }
}

/// The defaults, which only a new task has.
const DEFAULTS: [(&str, &str); 2] =
    [("status", "Default: `pending`."), ("priority", "Default: `medium`.")];

impl PartialSchema for NewTaskWire {
    fn schema() -> RefOr<Schema> {
        let mut schema = TaskUpdateWire::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some("A new task.".into());
            object.required = vec!["title".into()];
            for (field, default) in DEFAULTS {
                if let Some(RefOr::Ref(word)) = object.properties.get_mut(field) {
                    word.description = default.into();
                }
            }
        }
        schema
    }
}

impl ToSchema for NewTaskWire {
    fn name() -> Cow<'static, str> {
        "NewTask".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        TaskUpdateWire::schemas(schemas);
    }
}
