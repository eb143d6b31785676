//! The wire types of contract 001.

use serde::{Deserialize, Serialize};
use taskwell_core::accounts::SignUp;
use taskwell_core::error::{Code, Problems};
use taskwell_core::sessions::Grant;
use taskwell_core::tasks::{
    Description, NewTask, Priority, StateChange, Status, Task, Title, Update,
};
use taskwell_core::time::Timestamp;
use taskwell_core::users::Email;
use taskwell_core::users::password::{Password, Policy};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::{
    DescriptionText, EmailText, MomentText, PasswordText, PriorityWord, RoleWord, StatusWord,
    TitleText,
};

/// A task in the format of contract 001.
#[derive(Serialize, ToSchema)]
#[schema(as = WebTask)]
pub struct TaskWire<'a> {
    id: Uuid,
    user_id: Uuid,
    #[schema(example = "Task title")]
    title: &'a str,
    #[schema(required, example = "Task description")]
    description: Option<&'a str>,
    #[schema(value_type = StatusWord)]
    status: Status,
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
}

impl<'a> TaskWire<'a> {
    /// Converts a task. `owner` is the UUID of its user.
    pub fn new(task: &'a Task, owner: Uuid) -> TaskWire<'a> {
        TaskWire {
            id: task.uuid,
            user_id: owner,
            title: &task.title,
            description: task.description.as_deref(),
            status: task.status,
            priority: task.priority,
            due_date: task.due_date,
            completed_at: task.completed_at,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// A new task (contract 001, "POST /api/tasks").
#[derive(Deserialize, ToSchema)]
#[schema(as = WebNewTask)]
pub struct NewTaskWire {
    #[schema(value_type = TitleText, required)]
    #[serde(default)]
    title: RawField,
    #[schema(value_type = Option<DescriptionText>)]
    #[serde(default)]
    description: RawField,
    /// Default: `pending`.
    #[schema(value_type = StatusWord, required = false)]
    #[serde(default)]
    status: RawField,
    /// Default: `medium`.
    #[schema(value_type = PriorityWord, required = false)]
    #[serde(default)]
    priority: RawField,
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    due_date: RawField,
    /// Completes the task at this time. `status` takes precedence.
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    completed_at: RawField,
}

impl NewTaskWire {
    pub fn read(self) -> Result<NewTask, Failure> {
        let p = &mut Problems::default();
        let title = self.title.required("title", p, Title::parse);
        let others = Update {
            title: None,
            description: self.description.patch("description", p, Description::parse),
            priority: self.priority.optional("priority", p, Priority::parse),
            due_date: self.due_date.patch("due_date", p, Timestamp::parse),
            state: StateChange {
                status: self.status.optional("status", p, Status::parse),
                completed: None,
                completed_at: self.completed_at.patch("completed_at", p, Timestamp::parse),
            },
        };
        let new = title.map(|title| NewTask::new(title, others));
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// An update of a task (contract 001, `PUT /api/tasks/{task_id}`).
#[derive(Deserialize, ToSchema)]
#[schema(as = WebTaskUpdate)]
pub struct TaskUpdateWire {
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
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    due_date: RawField,
    /// Completes the task at this time; `null` reopens it. `status` takes precedence.
    #[schema(value_type = Option<MomentText>)]
    #[serde(default)]
    completed_at: RawField,
}

impl TaskUpdateWire {
    pub fn read(self) -> Result<Update, Failure> {
        let p = &mut Problems::default();
        let update = Update {
            title: self.title.optional("title", p, Title::parse),
            description: self.description.patch("description", p, Description::parse),
            priority: self.priority.optional("priority", p, Priority::parse),
            due_date: self.due_date.patch("due_date", p, Timestamp::parse),
            state: StateChange {
                status: self.status.optional("status", p, Status::parse),
                completed: None,
                completed_at: self.completed_at.patch("completed_at", p, Timestamp::parse),
            },
        };
        Ok(std::mem::take(p).finish(Some(update))?)
    }
}

/// Whether a task is completed (contract 001, `PATCH /api/tasks/{task_id}/complete`).
#[derive(Deserialize, ToSchema)]
#[schema(as = WebComplete)]
pub struct CompleteWire {
    #[schema(value_type = bool, required, example = true)]
    #[serde(default)]
    completed: RawField,
}

impl CompleteWire {
    pub fn read(self) -> Result<Update, Failure> {
        let p = &mut Problems::default();
        if matches!(self.completed, RawField::Absent) {
            p.note("completed", Code::Required, "is required");
        }
        let completed = self.completed.flag("completed", p);
        let update = Update {
            state: StateChange { completed, ..StateChange::default() },
            ..Update::default()
        };
        Ok(std::mem::take(p).finish(Some(update))?)
    }
}

/// A sign-up (contract 001, "POST /api/auth/signup").
#[derive(Deserialize, ToSchema)]
#[schema(as = WebSignUp)]
#[serde(rename_all = "camelCase")]
pub struct SignUpWire {
    #[schema(value_type = EmailText, required)]
    #[serde(default)]
    email: RawField,
    /// At least 8 characters with upper case, lower case, a digit and a special character.
    #[schema(
        value_type = String, required, format = Password, min_length = 8, max_length = 72,
        pattern = "^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[^A-Za-z0-9])\
                   (?:[ -~]{8,72}|[^\\x00]{8,18})$",
        example = "secure.Password-1843"
    )]
    #[serde(default)]
    password: RawField,
    /// The password again.
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    confirm_password: RawField,
}

impl SignUpWire {
    pub fn read(self, password_chars_min: usize) -> Result<SignUp, Failure> {
        let p = &mut Problems::default();
        let email = self.email.required("email", p, Email::parse);
        let same = self.password.as_text() == self.confirm_password.as_text();
        let own: Vec<&str> = email.iter().map(Email::as_str).collect();
        let password = self.password.required("password", p, |text| {
            Password::chosen(text, Policy::Mixed, password_chars_min, &own)
        });
        let confirmed = self.confirm_password.text("confirmPassword", p);
        if confirmed.is_some() && !same {
            p.note("confirmPassword", Code::Mismatch, "must be the same as password");
        }
        let new = email.zip(password).map(|(email, password)| SignUp {
            username: None,
            name: None,
            email,
            password,
        });
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// A sign-in (contract 001, "POST /api/auth/signin").
#[derive(Deserialize, ToSchema)]
#[schema(as = WebSignIn)]
pub struct SignInWire {
    #[schema(value_type = EmailText, required)]
    #[serde(default)]
    email: RawField,
    #[schema(value_type = String, required, format = Password, example = "secure.Password-1843")]
    #[serde(default)]
    password: RawField,
    /// A code from the second factor, or a recovery code, if the account has a second factor.
    #[schema(value_type = String, required = false, example = "287082")]
    #[serde(default)]
    totp_code: RawField,
}

impl SignInWire {
    pub fn read(self) -> Result<(String, Password, Option<String>), Failure> {
        let p = &mut Problems::default();
        let email = self.email.required("email", p, Email::parse);
        let password = self.password.required("password", p, |text| Ok(Password::claimed(text)));
        let both = email.map(|email| email.as_str().to_owned()).zip(password);
        let code = self.totp_code.optional("totp_code", p, |code| Ok(code.to_owned()));
        let (login, password) = std::mem::take(p).finish(both)?;
        Ok((login, password, code))
    }
}

/// A refresh.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebRefresh)]
pub struct RefreshWire {
    #[schema(value_type = String, required)]
    #[serde(default)]
    refresh_token: RawField,
}

impl RefreshWire {
    pub fn read(self) -> Result<String, Failure> {
        let p = &mut Problems::default();
        let token = self.refresh_token.text("refresh_token", p);
        Ok(std::mem::take(p).finish(token)?)
    }
}

/// The response to sign-up, sign-in and refresh.
#[derive(Serialize, ToSchema)]
#[schema(as = WebSignedIn)]
pub struct SignedInWire {
    success: bool,
    user: UserWire,
    token: String,
    refresh_token: String,
    #[schema(example = "bearer")]
    token_type: &'static str,
}

/// An account in the format of contract 001.
#[derive(Serialize, ToSchema)]
#[schema(as = WebUser)]
pub struct UserWire {
    id: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    is_active: bool,
    email_verified: bool,
    #[schema(value_type = RoleWord)]
    role: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Grant> for SignedInWire {
    fn from(grant: Grant) -> SignedInWire {
        SignedInWire {
            success: true,
            user: UserWire {
                id: grant.user.uuid,
                email: grant.user.email,
                is_active: grant.user.is_active,
                email_verified: grant.user.email_verified,
                role: grant.user.role.as_str(),
                created_at: grant.user.created_at,
            },
            token: grant.access_token,
            refresh_token: grant.refresh_token.as_str().to_owned(),
            token_type: "bearer",
        }
    }
}

/// A success message.
#[derive(Serialize, ToSchema)]
#[schema(as = WebDone)]
pub struct DoneWire {
    pub success: bool,
    pub message: &'static str,
}

/// An error.
#[derive(Serialize, ToSchema)]
#[schema(as = WebError)]
pub struct ErrorWire<'a> {
    #[schema(example = "Task not found")]
    pub detail: &'a str,
}

/// An error of sign-up, sign-in, refresh or sign-out.
#[derive(Serialize, ToSchema)]
#[schema(as = WebAuthError)]
pub struct AuthErrorWire<'a> {
    #[schema(example = false)]
    pub success: bool,
    #[schema(example = "Incorrect email or password")]
    pub error: &'a str,
    #[schema(example = "INVALID_CREDENTIALS")]
    pub error_code: &'static str,
}
