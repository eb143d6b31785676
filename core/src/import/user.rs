//! Reads an account of another back end. If its data is unclear, the account gets fewer rights,
//! never more.

use super::fields::Field;
use super::values::{Note, Reading, Values, flag, from_bytes, is_set, member, time};
use crate::error::Result;
use crate::time::Timestamp;
use crate::users::password::PasswordHash;
use crate::users::{AccountState, Draft, Email, LoginName, Name, Role, Username};

/// Maximum number of characters of an unknown word in the report.
const SHOWN_CHARS_MAX: usize = 40;

pub struct Account {
    pub draft: Draft,
    pub standing: AccountState,
    /// The username in the other back end, with its column.
    pub username: Option<Note>,
}

/// Reads a user. `now` replaces times that the other back end does not have.
pub fn read(values: &Values, now: Timestamp) -> Reading<Account> {
    if let Some(note) = values.deleted().or_else(|| deleted_by_status(values)) {
        return Reading::LeftOut(note);
    }
    let mut notes = Vec::new();
    match account(values, now, &mut notes) {
        Ok(account) => Reading::Comes(account, notes),
        Err(note) => Reading::Refused(note),
    }
}

fn account(values: &Values, now: Timestamp, notes: &mut Vec<Note>) -> Result<Account, Note> {
    let (column, email) = values.needed(Field::Email)?;
    let email = Email::parse(email.trim()).map_err(|flaw| Note::flaw(column, &flaw))?;
    let username = values.find(Field::Username).map(|(column, name)| (column, name.trim()));
    // If the username is the address, the account logs in with the address.
    let username = username.filter(|(_, name)| LoginName::typed(name).key() != email.key());
    let (created_at, updated_at) = values.times(now)?;
    Ok(Account {
        draft: Draft {
            username: username.and_then(|(_, name)| Username::parse(name).ok()),
            name: values.read(Field::Name, Name::parse)?,
            email,
            password: password(values, notes),
            role: role(values, notes),
        },
        standing: AccountState {
            is_active: is_active(values, notes),
            email_verified: is_verified(values, notes),
            created_at,
            updated_at,
        },
        username: username.map(|(column, name)| Note::new(column, name)),
    })
}

/// Returns the hash, if a login can verify it. Otherwise the account gets a password that nobody
/// can enter.
fn password(values: &Values, notes: &mut Vec<Note>) -> PasswordHash {
    let (column, message) = match values.find(Field::Password) {
        None => {
            let column = values.all(Field::Password).next().map_or("", |(column, _)| column);
            (column, "is empty".into())
        }
        Some((column, value)) => {
            let decoded = from_bytes(value);
            match PasswordHash::imported(decoded.as_deref().unwrap_or(value).trim()) {
                Ok(hash) => return hash,
                Err(flaw) => (column, flaw.1),
            }
        }
    };
    notes.push(Note::new(column, format!("{message}; the account needs a password reset")));
    PasswordHash::unusable()
}

fn role(values: &Values, notes: &mut Vec<Note>) -> Role {
    let admin = values.find(Field::Admin);
    let is_admin = admin.is_some_and(|(_, value)| flag(value) == Some(true));
    let Some((column, word)) = values.find(Field::Role) else {
        if let Some((column, value)) = admin.filter(|(_, value)| flag(value).is_none()) {
            notes.push(Note::new(
                column,
                format!("{} is neither true nor false; the role becomes user", shown(value)),
            ));
        }
        return if is_admin { Role::Admin } else { Role::User };
    };
    let Ok(role) = Role::parse(&member(word)) else {
        notes.push(Note::new(
            column,
            format!("{} is not a role of Taskwell; the role becomes user", shown(word)),
        ));
        return Role::User;
    };
    if let Some((column, _)) = admin.filter(|_| is_admin && role == Role::User) {
        notes.push(Note::new(column, "is true, but the role is user, which takes precedence"));
    }
    role
}

/// Whether every column activates the account. An empty one does not, because the program that
/// wrote it treats NULL as false.
fn is_active(values: &Values, notes: &mut Vec<Note>) -> bool {
    let mut is_active = true;
    for (column, value) in values.all(Field::Active) {
        match value.map(flag) {
            Some(Some(active)) => is_active &= active,
            unclear => {
                let what = if unclear.is_some() { "is neither true nor false" } else { "is empty" };
                notes.push(Note::new(column, format!("{what}; the account becomes deactivated")));
                is_active = false;
            }
        }
    }
    for (_, value) in values.all(Field::Disabled) {
        is_active &= !value.is_some_and(is_set);
    }
    for (column, value) in values.all(Field::AccountStatus) {
        match value.map(member).as_deref() {
            Some("active" | "enabled" | "approved" | "verified" | "confirmed") => {}
            Some(
                "inactive" | "disabled" | "deactivated" | "blocked" | "banned" | "suspended"
                | "locked" | "frozen" | "archived" | "pending" | "unverified",
            ) => is_active = false,
            word => {
                let what = word.map_or("is empty".into(), |word| {
                    format!("{} is not a known word for an active account", shown(word))
                });
                notes.push(Note::new(column, format!("{what}; the account becomes deactivated")));
                is_active = false;
            }
        }
    }
    is_active
}

fn deleted_by_status(values: &Values) -> Option<Note> {
    let is_deleted =
        |value: Option<&str>| matches!(value.map(member).as_deref(), Some("deleted" | "removed"));
    let (column, _) = values.all(Field::AccountStatus).find(|(_, value)| is_deleted(*value))?;
    Some(Note::new(column, "counts as deleted there"))
}

/// Reads a boolean, or the time since which it is true.
fn is_verified(values: &Values, notes: &mut Vec<Note>) -> bool {
    let Some((column, value)) = values.find(Field::EmailVerified) else { return false };
    let is_verified = flag(value).or_else(|| time(value).ok().map(|_| true));
    is_verified.unwrap_or_else(|| {
        notes.push(Note::new(
            column,
            "is neither true, false nor a time; the address becomes unverified",
        ));
        false
    })
}

fn shown(word: &str) -> String {
    let cut: String = word.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{cut:?}")
}
