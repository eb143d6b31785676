//! The wire types of contracts 000 and 002, and 000's words for a status.

use serde::{Deserialize, Serialize};
use taskwell_core::accounts::SignUp;
use taskwell_core::error::{Code, Problems, Violation};
use taskwell_core::sessions::Grant;
use taskwell_core::tasks::{Description, NewTask, StateChange, Status, Task, Title, Update};
use taskwell_core::text::check_storable;
use taskwell_core::time::Timestamp;
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{Email, Name, User, Username};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::raw_field::RawField;
use crate::tree::Failure;
use crate::wire::{
    DescriptionText, EmailText, FieldProblemWire, NameText, PasswordText, TitleText, UsernameText,
};

/// Returns contract 000's word for a status.
pub fn status_word(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::InProgress => "on going",
        Status::Completed => "completed",
    }
}

/// Parses contract 000's words for a status and common variants of them.
fn parse_status(text: &str) -> Result<Status, Violation> {
    let unknown =
        || Violation::new(Code::UnknownWord, "must be one of pending, on going, completed");
    Status::parse_spoken(text).ok_or_else(unknown)
}

/// A task of contracts 000 and 002.
#[derive(Serialize, ToSchema)]
#[schema(as = RootTask)]
pub struct TaskWire<'a> {
    uuid: Uuid,
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "Sample Task")]
    title: &'a str,
    #[schema(required, example = "This is a sample task description.")]
    description: Option<&'a str>,
    /// `pending`, `on going` or `completed`.
    #[schema(example = "on going")]
    status: &'static str,
    user_id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl<'a> TaskWire<'a> {
    /// Converts a task. `owner` is the UUID of its user.
    pub fn new(task: &'a Task, owner: Uuid) -> TaskWire<'a> {
        TaskWire {
            uuid: task.uuid,
            id: task.id.0,
            title: &task.title,
            description: task.description.as_deref(),
            status: status_word(task.status),
            user_id: owner,
            created_at: task.created_at,
        }
    }
}

/// The response to a new task: the envelope of contract 002, and the fields of contract 000.
#[derive(Serialize, ToSchema)]
#[schema(as = RootTaskCreated)]
pub struct TaskCreatedWire<'a> {
    #[schema(example = "Task created")]
    message: &'static str,
    task: TaskWire<'a>,
    #[schema(example = 1)]
    id: i64,
    #[schema(example = "Sample Task")]
    title: &'a str,
    #[schema(example = "pending")]
    status: &'static str,
}

impl<'a> TaskCreatedWire<'a> {
    pub fn new(task: &'a Task, owner: Uuid) -> TaskCreatedWire<'a> {
        TaskCreatedWire {
            message: "Task created",
            task: TaskWire::new(task, owner),
            id: task.id.0,
            title: &task.title,
            status: status_word(task.status),
        }
    }
}

/// A list of tasks.
#[derive(Serialize, ToSchema)]
#[schema(as = RootTasks)]
pub struct TasksWire {
    tasks: Vec<TaskWire<'static>>,
}

/// A new task.
#[derive(Deserialize, ToSchema)]
#[schema(as = RootNewTask)]
pub struct NewTaskWire {
    #[schema(value_type = TitleText, required)]
    #[serde(default)]
    title: RawField,
    #[schema(value_type = Option<DescriptionText>)]
    #[serde(default)]
    description: RawField,
    /// Default: `pending`.
    #[schema(
        value_type = String, required = false, pattern = "^(pending|on going|completed)$",
        example = "on going"
    )]
    #[serde(default)]
    status: RawField,
}

impl NewTaskWire {
    pub fn read(self) -> Result<NewTask, Failure> {
        let p = &mut Problems::default();
        let title = self.title.required("title", p, Title::parse);
        let description = self.description.patch("description", p, Description::parse);
        let status = self.status.optional("status", p, parse_status);
        let state = StateChange { status, ..StateChange::default() };
        let others = Update { description, state, ..Update::default() };
        let new = title.map(|title| NewTask::new(title, others));
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// Contract 000's sign-up.
#[derive(Deserialize, ToSchema)]
#[schema(as = RootSignUp)]
pub struct SignUpWire {
    #[schema(value_type = NameText, required)]
    #[serde(default)]
    name: RawField,
    #[schema(value_type = EmailText, required)]
    #[serde(default)]
    email: RawField,
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    password: RawField,
}

impl SignUpWire {
    pub fn read(self, password_chars_min: usize) -> Result<SignUp, Failure> {
        let p = &mut Problems::default();
        let name = self.name.required("name", p, Name::parse);
        let email = self.email.required("email", p, Email::parse);
        let own: Vec<&str> =
            name.iter().map(Name::as_str).chain(email.iter().map(Email::as_str)).collect();
        let password = self.password.required("password", p, |text| {
            Password::chosen(text, Policy::House, password_chars_min, &own)
        });
        let new = email.zip(password).map(|(email, password)| SignUp {
            username: None,
            name,
            email,
            password,
        });
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// Contract 000's new user.
#[derive(Serialize, ToSchema)]
#[schema(as = RootSignedUp)]
pub struct SignedUpWire {
    #[schema(example = 1)]
    id: i64,
    #[schema(required, example = "dhaya")]
    name: Option<String>,
    #[schema(example = "dhaya@gmail")]
    email: String,
}

impl From<User> for SignedUpWire {
    fn from(user: User) -> SignedUpWire {
        SignedUpWire { id: user.id.0, name: user.name, email: user.email }
    }
}

/// A login with an email address.
#[derive(Deserialize, ToSchema)]
#[schema(as = RootLogin)]
pub struct LoginWire {
    #[schema(value_type = String, required, min_length = 1, example = "exampleuser@example.com")]
    #[serde(default)]
    email: RawField,
    #[schema(
        value_type = String, required, min_length = 1, format = Password,
        example = "analytical engine 1843"
    )]
    #[serde(default)]
    password: RawField,
    /// A code from the second factor, or a recovery code, if the account has a second factor.
    #[schema(value_type = String, required = false, example = "287082")]
    #[serde(default)]
    totp_code: RawField,
}

impl LoginWire {
    /// Validates the login. Contract 002 says "Email or password is missing", also for an empty
    /// one.
    pub fn read(self) -> Result<(String, Password, Option<String>), Failure> {
        let p = &mut Problems::default();
        let some = |text: &str| match text {
            "" => Err(Violation::new(Code::TooShort, "must not be empty")),
            text => Ok(text.to_owned()),
        };
        let email =
            self.email.required("email", p, |text| check_storable(text).and_then(|()| some(text)));
        let password = self.password.required("password", p, some);
        let password = password.map(|text| Password::claimed(&text));
        let code = self.totp_code.optional("totp_code", p, |code| Ok(code.to_owned()));
        let (login, password) = std::mem::take(p).finish(email.zip(password))?;
        Ok((login, password, code))
    }
}

/// Contract 000's response to a login.
#[derive(Serialize, ToSchema)]
#[schema(as = RootTokens)]
pub struct TokensWire {
    access_token: String,
    refresh_token: String,
}

impl From<Grant> for TokensWire {
    fn from(grant: Grant) -> TokensWire {
        TokensWire {
            access_token: grant.access_token,
            refresh_token: grant.refresh_token.as_str().to_owned(),
        }
    }
}

/// Contract 000's refresh token, for logout and refresh.
#[derive(Deserialize, ToSchema)]
#[schema(as = RootRefresh)]
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

/// Contract 000's new access token.
#[derive(Serialize, ToSchema)]
#[schema(as = RootToken)]
pub struct TokenWire {
    pub token: String,
}

/// Contract 002's sign-up.
#[derive(Deserialize, ToSchema)]
#[schema(as = RootRegister)]
pub struct RegisterWire {
    #[schema(value_type = UsernameText, required)]
    #[serde(default)]
    username: RawField,
    #[schema(value_type = EmailText, required)]
    #[serde(default)]
    email: RawField,
    #[schema(value_type = PasswordText, required)]
    #[serde(default)]
    password: RawField,
}

impl RegisterWire {
    pub fn read(self, password_chars_min: usize) -> Result<SignUp, Failure> {
        let p = &mut Problems::default();
        let username = self.username.required("username", p, Username::parse);
        let email = self.email.required("email", p, Email::parse);
        let own: Vec<&str> =
            username.iter().map(Username::as_str).chain(email.iter().map(Email::as_str)).collect();
        let password = self.password.required("password", p, |text| {
            Password::chosen(text, Policy::House, password_chars_min, &own)
        });
        let new = email.zip(password).map(|(email, password)| SignUp {
            username,
            name: None,
            email,
            password,
        });
        Ok(std::mem::take(p).finish(new)?)
    }
}

/// Contract 002's response to a sign-up and to a login.
#[derive(Serialize, ToSchema)]
#[schema(as = RootAuthenticated)]
pub struct AuthenticatedWire {
    #[schema(example = "Authentication successful")]
    message: &'static str,
    user: UserWire,
    token: String,
}

/// Contract 002's user.
#[derive(Serialize, ToSchema)]
#[schema(as = RootUser)]
pub struct UserWire {
    id: Uuid,
    #[schema(example = "exampleuser")]
    username: String,
    #[schema(example = "exampleuser@example.com")]
    email: String,
}

impl From<Grant> for AuthenticatedWire {
    fn from(grant: Grant) -> AuthenticatedWire {
        AuthenticatedWire {
            message: "Authentication successful",
            user: UserWire {
                id: grant.user.uuid,
                username: grant.user.username,
                email: grant.user.email,
            },
            token: grant.access_token,
        }
    }
}

/// A message for people.
#[derive(Serialize, ToSchema)]
#[schema(as = RootMessage)]
pub struct MessageWire {
    pub message: &'static str,
}

/// An error: the same text in `detail` and `message`, and every invalid field.
#[derive(Serialize, ToSchema)]
#[schema(as = RootError)]
pub struct ErrorWire<'a> {
    #[schema(example = "Task not found")]
    pub detail: &'a str,
    #[schema(example = "Task not found")]
    pub message: &'a str,
    pub errors: Vec<FieldProblemWire<'a>>,
}
