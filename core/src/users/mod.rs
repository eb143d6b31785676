//! What can be done with accounts. How one logs in is `sessions`.

pub(crate) mod advice;
mod model;
pub mod password;
mod scope;
pub(crate) mod sql;

use password::PasswordHash;

pub use scope::{Scope, Scopes};

pub use model::{Caller, Draft, Email, Name, Role, Standing, Update, User, UserId, Username};

use crate::audit::{self, Action, Entry, Who};
use crate::clock::hex;
use crate::db::Tx;
use crate::error::{Code, Conflict, Error, Flaw, Noun, Result};
use crate::key::Key;
use crate::mail::{self, Kind};
use crate::page::{Cursor, Limit, Page};
use crate::text::Words;

/// The tag of the users' only order in a cursor.
const BY_ID: u8 = 0x80;
/// How many rows one search looks at before it answers with what it has and a cursor.
const SCAN_MAX: usize = 5000;

/// Makes an account.
///
/// # Errors
/// The address or the username is taken.
pub fn register(tx: &mut Tx, draft: &Draft) -> Result<User> {
    let standing = Standing::new(tx.now());
    make(tx, draft, &standing)
}

/// Makes the account that somebody had in another back end; where its username is taken, one is made from the address.
///
/// # Errors
/// The address is taken.
pub(crate) fn adopt(tx: &mut Tx, draft: &Draft, standing: &Standing) -> Result<User> {
    require_free(tx, None, &draft.email)?;
    match &draft.username {
        Some(username) if sql::username_exists(tx, username)? => {
            make(tx, &Draft { username: None, ..draft.clone() }, standing)
        }
        _ => make(tx, draft, standing),
    }
}

fn make(tx: &mut Tx, draft: &Draft, standing: &Standing) -> Result<User> {
    if let Some(username) = &draft.username {
        return sql::insert(tx, draft, username, standing);
    }
    if sql::email_exists(tx, &draft.email)? {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    let mut username = Username::from_email(&draft.email, "");
    while sql::username_exists(tx, &username)? {
        let suffix = hex(&tx.new_secret()?[..4]);
        username = Username::from_email(&draft.email, &suffix);
    }
    sql::insert(tx, draft, &username, standing)
}

/// That a sign-up has a chance, asked before its password is hashed; [`register`] decides.
pub fn require_free(tx: &mut Tx, username: Option<&Username>, email: &Email) -> Result<()> {
    if sql::email_exists(tx, email)? {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    match username {
        Some(username) if sql::username_exists(tx, username)? => {
            Err(Error::Conflict(Conflict::UsernameTaken))
        }
        _ => Ok(()),
    }
}

/// The caller's own account.
pub fn me(tx: &mut Tx, caller: &Caller) -> Result<User> {
    caller.require(Scope::AccountRead)?;
    sql::find(tx, caller.id)?.ok_or(Error::Missing(Noun::User))
}

/// Changes the caller's own account; role and `is_active` are not its to change.
pub fn update_me(tx: &mut Tx, caller: &Caller, update: &Update) -> Result<User> {
    caller.require_session()?;
    let own = Update { role: None, is_active: None, ..update.clone() };
    update_user(tx, caller.who(), caller.id, &own)
}

/// One account, for admins.
pub fn one(tx: &mut Tx, caller: &Caller, user: Key) -> Result<User> {
    caller.require_admin()?;
    resolve(tx, user)
}

/// Changes an account, for admins.
pub fn update(tx: &mut Tx, caller: &Caller, user: Key, update: &Update) -> Result<User> {
    caller.require_admin()?;
    let user = resolve(tx, user)?;
    update_user(tx, caller.who(), user.id, update)
}

/// Deletes an account and all that is its, for admins.
pub fn delete(tx: &mut Tx, caller: &Caller, user: Key) -> Result<()> {
    caller.require_admin()?;
    let user = resolve(tx, user)?;
    remove(tx, caller.who(), &user)
}

/// A page of all accounts in the order of their ids, for admins; `words` looks into username, address and name.
pub fn list(
    tx: &mut Tx,
    caller: &Caller,
    words: &Words,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Page<User>> {
    caller.require_admin()?;
    page(tx, words, limit, after)
}

/// Reads a cursor of [`list`].
pub fn parse_cursor(text: &str) -> Result<Cursor, Flaw> {
    let cursor = Cursor::parse(text)?;
    if cursor.order == BY_ID && cursor.key.is_none() {
        Ok(cursor)
    } else {
        Err(Flaw::new(Code::Format, "a cursor of another list"))
    }
}

/// As [`list`], for the operator's command line, which needs no caller.
pub fn page(tx: &mut Tx, words: &Words, limit: Limit, after: Option<Cursor>) -> Result<Page<User>> {
    let mut last = after.map_or(0, |cursor| cursor.id);
    let mut items = Vec::new();
    let mut scanned = 0;
    loop {
        let wanted = if words.is_empty() { limit.get() + 1 } else { 500 };
        let rows = sql::list(tx, last, i64::try_from(wanted).unwrap_or(i64::MAX))?;
        let ended = rows.len() < wanted;
        scanned += rows.len();
        for user in rows {
            if items.len() == limit.get() {
                return Ok(Page { items, next: Some(cursor(last)) });
            }
            last = user.id.0;
            let name = user.name.as_deref().unwrap_or("");
            if words.match_any(&[&user.username, &user.email, name]) {
                items.push(user);
            }
        }
        if ended {
            return Ok(Page { items, next: None });
        }
        if scanned >= SCAN_MAX {
            return Ok(Page { items, next: Some(cursor(last)) });
        }
    }
}

fn cursor(id: i64) -> Cursor {
    Cursor { order: BY_ID, key: None, id }
}

/// The account of that username, address or id, for the operator's command line.
pub fn find_by_login(tx: &mut Tx, login: &str) -> Result<User> {
    if let Some(found) = sql::credentials_by_login(tx, login)? {
        return Ok(found.user);
    }
    match Key::parse(login) {
        Ok(user) => resolve(tx, user),
        Err(_) => Err(Error::Missing(Noun::User)),
    }
}

/// Changes an account by whoever was found to have the right.
///
/// # Errors
/// The new name or address is taken, or the last active admin would be gone.
pub fn update_user(tx: &mut Tx, who: Who, id: UserId, update: &Update) -> Result<User> {
    let old = sql::find_held(tx, id)?.ok_or(Error::Missing(Noun::User))?;
    let mut new = old.clone();
    if let Some(username) = &update.username {
        username.as_str().clone_into(&mut new.username);
    }
    if let Some(name) = &update.name {
        new.name = name.as_ref().map(|name| name.as_str().to_owned());
    }
    if let Some(email) = &update.email
        && email.as_str() != old.email
    {
        email.as_str().clone_into(&mut new.email);
        new.email_verified = false;
    }
    new.role = update.role.unwrap_or(old.role);
    new.is_active = update.is_active.unwrap_or(old.is_active);
    if new == old {
        return Ok(old);
    }
    if new.role != Role::Admin || !new.is_active {
        require_another_admin(tx, &old)?;
    }
    if !new.is_active {
        sql::end_sessions(tx, id)?;
    }
    audit::record(tx, who, Some(id.0), Action::AccountChanged, Some(&changes(&old, &new)))?;
    let new = sql::save(tx, &new)?;
    if new.email != old.email {
        mail::queue(tx, who, Kind::EmailChanged, Some(id.0), &old.email, None)?;
        mail::queue(tx, who, Kind::Verify, Some(id.0), &new.email, None)?;
    }
    Ok(new)
}

/// What changed, for the audit log: members, and what decides over rights.
fn changes(old: &User, new: &User) -> String {
    let mut changed = Vec::new();
    for (member, is_changed) in [
        ("username", old.username != new.username),
        ("name", old.name != new.name),
        ("email", old.email != new.email),
    ] {
        if is_changed {
            changed.push(member.to_owned());
        }
    }
    if old.role != new.role {
        changed.push(format!("role={}", new.role.as_str()));
    }
    if old.is_active != new.is_active {
        changed.push(format!("is_active={}", new.is_active));
    }
    changed.join(" ")
}

/// Sets a password without asking for the old one, and ends every session and token.
pub fn reset_password(tx: &mut Tx, who: Who, id: UserId, password: &PasswordHash) -> Result<()> {
    sql::set_password(tx, id, password)?;
    audit::record(tx, who, Some(id.0), Action::PasswordReset, None)?;
    sql::delete_tokens(tx, id)?;
    sql::end_sessions(tx, id)
}

pub(crate) fn remove(tx: &mut Tx, who: Who, user: &User) -> Result<()> {
    require_another_admin(tx, user)?;
    audit::record(tx, who, Some(user.id.0), Action::AccountDeleted, None)?;
    sql::delete(tx, user.id)
}

/// A page of the audit log, newest first: all of it for admins, for others what is about themselves.
pub fn audit_log(tx: &mut Tx, caller: &Caller, limit: Limit, after: Option<Cursor>) -> Result<Page<Entry>> {
    let subject = if caller.require_admin().is_ok() {
        None
    } else {
        caller.require(Scope::AccountRead)?;
        Some(caller.id.0)
    };
    audit::page(tx, subject, limit, after)
}

pub(crate) fn resolve(tx: &mut Tx, user: Key) -> Result<User> {
    let found = match user {
        Key::Id(id) => sql::find(tx, UserId(id))?,
        Key::Uuid(uuid) => sql::find_by_uuid(tx, uuid)?,
    };
    found.ok_or(Error::Missing(Noun::User))
}

/// The last active admin can't be demoted, deactivated or deleted: nobody could undo it over the API.
fn require_another_admin(tx: &mut Tx, user: &User) -> Result<()> {
    let is_one = user.role == Role::Admin && user.is_active;
    if is_one && !sql::another_admin_exists(tx, user.id)? {
        return Err(Error::Conflict(Conflict::LastAdmin));
    }
    Ok(())
}
