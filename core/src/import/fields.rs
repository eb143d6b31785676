//! The fields of an account and of a task that an import reads, and the column names each is
//! recognized by. Names are compared without regard to case and underscores, so that
//! `hashedPassword` is `hashed_password`.

use Columns::{Any, AtMostOne, One, OneOrMore};

/// The meaning of another back end's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Id,
    Email,
    Password,
    Username,
    Name,
    Role,
    /// Whether the account is an admin, if no role says so.
    Admin,
    /// Whether the account may log in.
    Active,
    /// Whether the account may log in, as a word.
    AccountStatus,
    /// Whether the account is blocked, or since when.
    Disabled,
    /// Whether the row counts as deleted, or since when.
    Deleted,
    EmailVerified,
    Owner,
    Title,
    Description,
    Status,
    Completed,
    Priority,
    DueDate,
    CompletedAt,
    CreatedAt,
    UpdatedAt,
}

/// How many columns of one table can be read as one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// Without one, the table can't be read.
    One,
    AtMostOne,
    /// The same as `One`, but a row may have its value in any of them, and they must agree.
    OneOrMore,
    /// All of them count, so that no column about access or deletion is lost.
    Any,
}

/// The rules for finding a field in a table.
#[derive(Debug)]
pub struct Spec {
    pub field: Field,
    /// The name in `--map` and in the report.
    pub word: &'static str,
    pub columns: Columns,
    /// Names of its columns, the most specific first.
    pub guesses: &'static [&'static str],
    /// Names that are tried only if the table has none of the above.
    pub fallbacks: &'static [&'static str],
}

/// The kind of records in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    User,
    Task,
}

impl Noun {
    pub fn word(self) -> &'static str {
        match self {
            Noun::User => "user",
            Noun::Task => "task",
        }
    }

    /// Returns the usual names of the noun's table, the most specific first.
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Noun::User => &["users", "user"],
            Noun::Task => &["tasks", "task", "todos", "todo", "todo_items", "todo_item"],
        }
    }

    pub fn specs(self) -> &'static [Spec] {
        match self {
            Noun::User => USER,
            Noun::Task => TASK,
        }
    }

    pub fn spec(self, word: &str) -> Option<&'static Spec> {
        self.specs().iter().find(|spec| spec.word == word)
    }
}

/// Returns a name without case and underscores, so that two spellings of it are equal.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

const fn spec(
    field: Field,
    word: &'static str,
    columns: Columns,
    guesses: &'static [&'static str],
    fallbacks: &'static [&'static str],
) -> Spec {
    Spec { field, word, columns, guesses, fallbacks }
}

const DELETED: Spec = spec(
    Field::Deleted,
    "deleted",
    Any,
    &[
        "deleted",
        "is_deleted",
        "deleted_at",
        "deleted_on",
        "date_deleted",
        "soft_deleted",
        "removed",
        "is_removed",
        "removed_at",
    ],
    &[],
);

const CREATED_AT: Spec = spec(
    Field::CreatedAt,
    "created_at",
    AtMostOne,
    &[
        "created_at",
        "created_on",
        "created",
        "date_created",
        "creation_date",
        "create_time",
        "inserted_at",
    ],
    &["date_joined", "joined_at", "registered_at"],
);

const UPDATED_AT: Spec = spec(
    Field::UpdatedAt,
    "updated_at",
    AtMostOne,
    &[
        "updated_at",
        "updated_on",
        "updated",
        "date_updated",
        "update_time",
        "modified_at",
        "modified_on",
        "modified",
        "date_modified",
        "last_modified",
    ],
    &[],
);

/// Earlier fields take a column first.
const USER: &[Spec] = &[
    spec(Field::Id, "id", One, &["id", "user_id", "uid", "uuid"], &[]),
    spec(Field::Email, "email", One, &["email", "email_address", "mail"], &[]),
    spec(
        Field::Password,
        "password",
        One,
        &[
            "hashed_password",
            "password_hash",
            "password",
            "encrypted_password",
            "password_digest",
            "pwd_hash",
            "passwd_hash",
            "pass_hash",
            "pw_hash",
            "hash_password",
        ],
        &[],
    ),
    spec(Field::Username, "username", AtMostOne, &["username", "login", "handle"], &[]),
    spec(Field::Name, "name", AtMostOne, &["name", "full_name", "display_name"], &[]),
    spec(Field::Role, "role", AtMostOne, &["role", "user_role"], &[]),
    spec(
        Field::Admin,
        "admin",
        AtMostOne,
        &["is_superuser", "is_admin", "superuser", "admin"],
        &[],
    ),
    spec(
        Field::Active,
        "active",
        Any,
        &["is_active", "active", "is_enabled", "enabled", "is_approved", "approved"],
        &[],
    ),
    spec(
        Field::AccountStatus,
        "account_status",
        AtMostOne,
        &["account_status", "user_status", "status", "state"],
        &[],
    ),
    spec(
        Field::Disabled,
        "disabled",
        Any,
        &[
            "disabled",
            "is_disabled",
            "disabled_at",
            "inactive",
            "is_inactive",
            "deactivated",
            "is_deactivated",
            "deactivated_at",
            "blocked",
            "is_blocked",
            "blocked_at",
            "banned",
            "is_banned",
            "banned_at",
            "suspended",
            "is_suspended",
            "suspended_at",
            "locked",
            "is_locked",
            "locked_at",
            "frozen",
            "is_frozen",
            "frozen_at",
            "archived",
            "is_archived",
            "archived_at",
        ],
        &[],
    ),
    DELETED,
    spec(
        Field::EmailVerified,
        "email_verified",
        AtMostOne,
        &[
            "email_verified",
            "is_email_verified",
            "email_verified_at",
            "email_confirmed",
            "is_email_confirmed",
            "email_confirmed_at",
            "is_verified",
            "verified",
            "verified_at",
            "confirmed_at",
        ],
        &[],
    ),
    CREATED_AT,
    UPDATED_AT,
];

const TASK: &[Spec] = &[
    spec(Field::Id, "id", One, &["id", "task_id", "todo_id", "uuid"], &[]),
    spec(
        Field::Owner,
        "owner",
        OneOrMore,
        &["user_id", "owner_id"],
        &[
            "user",
            "owner",
            "author_id",
            "author",
            "creator_id",
            "creator",
            "created_by_id",
            "created_by",
        ],
    ),
    spec(
        Field::Title,
        "title",
        One,
        &["title"],
        &["name", "task", "todo", "summary", "subject", "text", "content"],
    ),
    spec(
        Field::Description,
        "description",
        AtMostOne,
        &["description", "details", "notes", "body", "content"],
        &[],
    ),
    spec(Field::Status, "status", AtMostOne, &["status", "state", "task_status"], &[]),
    spec(
        Field::Completed,
        "completed",
        AtMostOne,
        &[
            "completed",
            "is_completed",
            "complete",
            "is_complete",
            "done",
            "is_done",
            "finished",
            "is_finished",
            "checked",
            "is_checked",
        ],
        &[],
    ),
    spec(
        Field::CompletedAt,
        "completed_at",
        AtMostOne,
        &[
            "completed_at",
            "completed_on",
            "date_completed",
            "completion_date",
            "done_at",
            "finished_at",
        ],
        &[],
    ),
    DELETED,
    spec(Field::Priority, "priority", AtMostOne, &["priority"], &[]),
    spec(
        Field::DueDate,
        "due_date",
        AtMostOne,
        &["due_date", "due_at", "due_on", "due", "due_by", "deadline"],
        &[],
    ),
    CREATED_AT,
    UPDATED_AT,
];
