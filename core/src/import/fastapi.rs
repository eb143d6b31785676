//! The tables that `FastAPI` back ends of contracts 003 and 004 have ("Database Schema"): `users` and `tasks`, or `user` and
//! `task`, as `SQLModel` names them, with the columns of either document in any of their spellings.

use super::{Account, Person, Remark, refused};
use crate::db::{Foreign, Texts};
use crate::error::{Code, Error, Flaw, Result};
use crate::tasks::{Adopted, Description, NewTask, Patch, Priority, StateChange, Status, Title};
use crate::text;
use crate::time::Timestamp;
use crate::users::password::PasswordHash;
use crate::users::{Draft, Email, Name, Role, Standing, Username};

/// Where a column of a user is in a row.
mod user {
    pub const ID: usize = 0;
    pub const EMAIL: usize = 1;
    pub const PASSWORD: usize = 2;
    pub const USERNAME: usize = 3;
    pub const NAME: usize = 4;
    pub const ROLE: usize = 5;
    pub const IS_ADMIN: usize = 6;
    pub const IS_ACTIVE: usize = 7;
    pub const EMAIL_VERIFIED: usize = 8;
    pub const CREATED_AT: usize = 9;
    pub const UPDATED_AT: usize = 10;
    pub const COUNT: usize = 11;
    /// How many of them every back end has.
    pub const NEEDED: usize = 3;
}

/// Where a column of a task is in a row.
mod task {
    pub const ID: usize = 0;
    pub const OWNER: usize = 1;
    pub const TITLE: usize = 2;
    pub const DESCRIPTION: usize = 3;
    pub const STATUS: usize = 4;
    pub const COMPLETED: usize = 5;
    pub const PRIORITY: usize = 6;
    pub const DUE_DATE: usize = 7;
    pub const COMPLETED_AT: usize = 8;
    pub const CREATED_AT: usize = 9;
    pub const UPDATED_AT: usize = 10;
    pub const COUNT: usize = 11;
    /// How many of them every back end has.
    pub const NEEDED: usize = 3;
}

/// The spellings of each column.
const USER: [&[&str]; user::COUNT] = [
    &["id"],
    &["email"],
    &["hashed_password", "password_hash", "password"],
    &["username"],
    &["name", "full_name"],
    &["role"],
    &["is_superuser", "is_admin"],
    &["is_active"],
    &["email_verified", "is_verified"],
    &["created_at"],
    &["updated_at"],
];

const TASK: [&[&str]; task::COUNT] = [
    &["id"],
    &["user_id", "owner_id"],
    &["title"],
    &["description"],
    &["status"],
    &["completed", "is_completed"],
    &["priority"],
    &["due_date"],
    &["completed_at"],
    &["created_at"],
    &["updated_at"],
];

/// bcrypt's costs that a login may be made to wait for; 16 is some seconds.
const COST_MAX: u32 = 16;

/// The tables as they were found.
pub struct Tables {
    user: Table,
    task: Table,
}

struct Table {
    name: &'static str,
    /// The spelling that each column has, if it is there.
    columns: Vec<Option<&'static str>>,
}

/// One row's values of one table.
struct Values<'r>(&'r [Option<String>]);

impl Tables {
    pub async fn find(from: &Foreign) -> Result<Tables> {
        if !from.columns("schema_migrations").await?.is_empty() && !from.columns("counters").await?.is_empty()
        {
            return Err(Error::Internal("this is a store of Taskwell's: `taskwell copy` moves it".into()));
        }
        Ok(Tables {
            user: Table::find(from, &["users", "user"], &USER, user::NEEDED).await?,
            task: Table::find(from, &["tasks", "task"], &TASK, task::NEEDED).await?,
        })
    }

    /// All users, each with its tasks in their order.
    pub fn people(&self) -> String {
        let (user, task) = (self.user.list("u"), self.task.list("t"));
        let (users, tasks, owner) = (self.user.name, self.task.name, self.task.spelling(task::OWNER));
        format!(
            "SELECT {user}, {task} FROM \"{users}\" u LEFT JOIN \"{tasks}\" t ON t.{owner} = u.id \
             ORDER BY u.id, t.id"
        )
    }

    /// The ids of tasks whose user is not there.
    pub fn orphans(&self) -> String {
        let (users, tasks, owner) = (self.user.name, self.task.name, self.task.spelling(task::OWNER));
        format!(
            "SELECT CAST(t.id AS TEXT) FROM \"{tasks}\" t \
             WHERE NOT EXISTS (SELECT 1 FROM \"{users}\" u WHERE u.id = t.{owner}) ORDER BY t.id"
        )
    }

    /// A row of [`Tables::orphans`].
    pub fn orphan(&self, row: Texts) -> Remark {
        let id = row.into_iter().flatten().next().unwrap_or_default();
        refused(
            "task",
            &id,
            self.task.spelling(task::OWNER),
            &Flaw::new(Code::Required, "there is no such user"),
        )
    }

    /// The user of a row.
    pub fn person(&self, row: &Texts, now: Timestamp) -> Person {
        let values = user_values(row);
        let id = user_id(row);
        let account =
            account(&values, now).map_err(|(at, flaw)| refused("user", id, self.user.spelling(at), &flaw));
        Person { id: id.to_owned(), account }
    }

    /// The task of a row, if there is one.
    pub fn task(&self, row: &Texts, now: Timestamp) -> Option<Result<Adopted, Remark>> {
        let values = Values(&row[user::COUNT..]);
        let id = values.get(task::ID)?;
        Some(read_task(&values, now).map_err(|(at, flaw)| refused("task", id, self.task.spelling(at), &flaw)))
    }
}

impl Table {
    async fn find(
        from: &Foreign,
        names: &[&'static str],
        spellings: &[&[&'static str]],
        needed: usize,
    ) -> Result<Table> {
        for name in names {
            let there = from.columns(name).await?;
            if there.is_empty() {
                continue;
            }
            let spelling = |spellings: &&[&'static str]| {
                spellings.iter().copied().find(|spelling| there.iter().any(|column| column == spelling))
            };
            let columns: Vec<_> = spellings.iter().map(spelling).collect();
            if let Some(missing) = columns[..needed].iter().position(Option::is_none) {
                return Err(Error::Internal(format!(
                    "table {name} has no column {}; it has {}",
                    spellings[missing].join(" or "),
                    there.join(", ")
                )));
            }
            return Ok(Table { name, columns });
        }
        Err(Error::Internal(format!("there is no table {}", names.join(" or "))))
    }

    fn spelling(&self, at: usize) -> &'static str {
        self.columns[at].unwrap_or("")
    }

    fn list(&self, alias: &str) -> String {
        let text = |column: Option<&str>| match column {
            Some(name) => format!("CAST({alias}.{name} AS TEXT)"),
            None => "CAST(NULL AS TEXT)".to_owned(),
        };
        self.columns.iter().copied().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// Whose row of [`Tables::people`] it is: the user's id there.
pub fn user_id(row: &Texts) -> &str {
    user_values(row).get(user::ID).unwrap_or("")
}

fn user_values(row: &Texts) -> Values<'_> {
    Values(&row[..user::COUNT])
}

type Flawed = (usize, Flaw);

impl<'r> Values<'r> {
    fn get(&self, at: usize) -> Option<&'r str> {
        self.0[at].as_deref()
    }

    fn needed(&self, at: usize) -> Result<&'r str, Flawed> {
        self.get(at).ok_or_else(|| (at, Flaw::new(Code::Required, "is NULL")))
    }

    fn read<T>(&self, at: usize, parse: impl FnOnce(&str) -> Result<T, Flaw>) -> Result<Option<T>, Flawed> {
        self.get(at).map(parse).transpose().map_err(|flaw| (at, flaw))
    }

    fn time(&self, at: usize) -> Result<Option<Timestamp>, Flawed> {
        self.read(at, time)
    }

    fn flag(&self, at: usize) -> Result<Option<bool>, Flawed> {
        self.read(at, flag)
    }
}

fn account(values: &Values, now: Timestamp) -> Result<Account, Flawed> {
    let email = Email::parse(values.needed(user::EMAIL)?.trim()).map_err(|flaw| (user::EMAIL, flaw))?;
    let password = bcrypt_hash(values.needed(user::PASSWORD)?).map_err(|flaw| (user::PASSWORD, flaw))?;
    let username = values.get(user::USERNAME).map(str::trim).filter(|name| !name.is_empty());
    let fit = username.and_then(|name| Username::parse(name).ok());
    // Who logged in there by the address does so here.
    let is_address = username.is_some_and(|name| text::fold(name) == text::fold(email.as_str()));
    let unfit = username.filter(|_| fit.is_none() && !is_address).map(str::to_owned);
    let name = values.get(user::NAME).filter(|name| !name.trim().is_empty());
    let role = match values.read(user::ROLE, |word| Role::parse(&member(word)))? {
        Some(role) => role,
        None if values.flag(user::IS_ADMIN)? == Some(true) => Role::Admin,
        None => Role::User,
    };
    let created_at = values.time(user::CREATED_AT)?;
    let updated_at = values.time(user::UPDATED_AT)?;
    let created_at = created_at.or(updated_at).unwrap_or(now);
    Ok(Account {
        draft: Draft {
            username: fit,
            name: name.map(Name::parse).transpose().map_err(|flaw| (user::NAME, flaw))?,
            email,
            password,
            role,
        },
        standing: Standing {
            is_active: values.flag(user::IS_ACTIVE)?.unwrap_or(true),
            email_verified: values.flag(user::EMAIL_VERIFIED)?.unwrap_or(false),
            created_at,
            updated_at: updated_at.unwrap_or(created_at).max(created_at),
        },
        unfit,
    })
}

fn read_task(values: &Values, now: Timestamp) -> Result<Adopted, Flawed> {
    let title = Title::parse(values.needed(task::TITLE)?).map_err(|flaw| (task::TITLE, flaw))?;
    let description = values.read(task::DESCRIPTION, Description::parse)?;
    let status = values.read(task::STATUS, |word| {
        let unknown = || Flaw::new(Code::UnknownWord, "must be one of pending, in_progress, completed");
        Status::parse_spoken(&member(word)).ok_or_else(unknown)
    })?;
    let completed = values.flag(task::COMPLETED)?;
    let priority = values.read(task::PRIORITY, |word| Priority::parse(&member(word)))?;
    let (due_date, completed_at) = (values.time(task::DUE_DATE)?, values.time(task::COMPLETED_AT)?);
    let (created_at, updated_at) = (values.time(task::CREATED_AT)?, values.time(task::UPDATED_AT)?);
    let created_at = created_at.or(updated_at).unwrap_or(now);
    Ok(Adopted {
        task: NewTask {
            title,
            description,
            priority,
            due_date,
            state: StateChange {
                status,
                completed: completed.or(Some(false)).filter(|_| status.is_none()),
                completed_at: completed_at.map_or(Patch::Keep, Patch::Set),
            },
        },
        created_at,
        updated_at: updated_at.unwrap_or(created_at).max(created_at),
    })
}

/// A member of a Python `Enum`, which `SQLAlchemy` stores by its name, and others as `Class.NAME`.
fn member(word: &str) -> String {
    word.rsplit('.').next().unwrap_or(word).to_lowercase()
}

/// Both databases' ways to print one.
fn flag(text: &str) -> Result<bool, Flaw> {
    match text {
        "1" | "t" | "true" | "True" => Ok(true),
        "0" | "f" | "false" | "False" => Ok(false),
        _ => Err(Flaw::new(Code::Type, "must be true or false")),
    }
}

/// As databases print one: `2026-01-02 03:04:05.678901+00`; without a zone it is taken as UTC.
fn time(text: &str) -> Result<Timestamp, Flaw> {
    let zone = text.get(10..).and_then(|rest| rest.rfind(['+', '-'])).map(|at| at + 10);
    match zone {
        Some(zone) if text.len() == zone + 3 => Timestamp::parse(&format!("{text}:00")),
        _ => Timestamp::parse(text),
    }
}

/// `$2b$12$` and 53 characters of salt and hash; `2a` and `2y` are other names of the same.
fn bcrypt_hash(text: &str) -> Result<PasswordHash, Flaw> {
    let fields: Vec<&str> = text.split('$').collect();
    let is_base64 = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    match fields[..] {
        ["", "2a" | "2b" | "2y", cost, rest] if rest.len() == 53 && is_base64(rest) => {
            match cost.parse::<u32>() {
                Ok(4..=COST_MAX) if cost.len() == 2 => Ok(PasswordHash::stored(text.to_owned())),
                _ => Err(Flaw::new(Code::Range, format!("bcrypt's cost must be 04 to {COST_MAX}"))),
            }
        }
        _ => Err(Flaw::new(Code::Format, "is no bcrypt hash, so nobody could log in with it")),
    }
}
