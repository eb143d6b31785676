//! Use cases of accounts. Logins are in `sessions`.

mod login_name;
mod model;
pub mod password;
mod scope;
mod sign_up;
pub(crate) mod sql;

use password::PasswordHash;
use sql::Credentials;

pub use login_name::{LoginKind, LoginName};
pub(crate) use sign_up::import;
pub use sign_up::{register, require_free};
pub use sql::Shadowed;

pub use scope::{Scope, Scopes};

pub use model::{
    Account, AccountState, Caller, Change, Draft, Email, Name, Role, TokensEnded, Update, User,
    Username,
};

use crate::audit::{self, Action, Actor, Entry};
use crate::db::{ReadTx, WriteTx};
use crate::error::{Code, Conflict, Error, Noun, Result, Violation};
use crate::id_or_uuid::IdOrUuid;
use crate::ids::UserId;
use crate::mail::{self, MailKind};
use crate::page::{Cursor, Limit, Offset, Page};
use crate::text::{self, Words};

/// The tag of the users' only order in a cursor.
const BY_ID: u8 = 0x80;
/// How many rows a search reads per round trip. Then it returns what it has found, with a cursor.
const SCAN_MAX: usize = 256;

/// Returns the caller's own account.
pub fn me(tx: &mut ReadTx, caller: &Caller) -> Result<User> {
    caller.require(Scope::AccountRead)?;
    sql::find(tx, caller.id)?.ok_or(Error::Missing(Noun::User))
}

/// Returns one account, for admins.
pub fn one(tx: &mut ReadTx, caller: &Caller, user: IdOrUuid) -> Result<User> {
    caller.require_admin()?;
    resolve(tx, user)
}

/// Returns the account that the caller may manage: its own, which requires a session, or, for
/// admins, any account. An admin's personal access token cannot manage its owner's account by id
/// either: the effects would outlast every remedy for a stolen token.
pub(crate) fn decide_over(tx: &mut ReadTx, caller: &Caller, account: Account) -> Result<UserId> {
    let id = match account {
        Account::Own => caller.id,
        Account::Of(key) => {
            caller.require_admin()?;
            resolve(tx, key)?.id
        }
    };
    if id == caller.id {
        caller.require_session()?;
    }
    Ok(id)
}

/// Changes an account. `proof` is the hash that the caller's password matched, if it was verified.
/// For [`Account::Own`], the role and `is_active` stay unchanged.
///
/// # Errors
/// The change requires a proof and has none, or as [`update_user`].
pub fn update(
    tx: &mut WriteTx,
    caller: &Caller,
    account: Account,
    update: &Update,
    proof: Option<&PasswordHash>,
) -> Result<User> {
    let id = decide_over(tx, caller, account)?;
    if id == caller.id && update.email.is_some() {
        let me = sql::credentials_held(tx, id)?.ok_or(Error::Missing(Noun::User))?;
        require_proof(&me, update, proof)?;
    }
    let own = match account {
        Account::Own => Update { role: None, is_active: None, ..update.clone() },
        Account::Of(_) => update.clone(),
    };
    update_user(tx, caller.who(), id, &own)
}

/// Checks that the password was verified if a change of the caller's own account requires it.
fn require_proof(me: &Credentials, update: &Update, proof: Option<&PasswordHash>) -> Result<()> {
    match proof {
        _ if !needs_proof(&me.user, update) => Ok(()),
        None => {
            let message = "is required to change the email address";
            Err(Error::invalid("current_password", Code::Required, message))
        }
        Some(proof) if me.password == *proof => Ok(()),
        Some(_) => Err(Error::wrong_password("current_password")),
    }
}

/// Returns whether a change of the caller's own account requires the password. Any change of the
/// address does, however small: mail to that address contains the links that reset the password, so
/// a stolen session must not be enough (ASVS 5.0, 7.5.1).
pub(crate) fn needs_proof(me: &User, update: &Update) -> bool {
    update.email.as_ref().is_some_and(|email| email.as_str() != me.email)
}

/// Deletes an account and all its data, for admins.
pub fn delete(tx: &mut WriteTx, caller: &Caller, user: IdOrUuid) -> Result<()> {
    let id = decide_over(tx, caller, Account::Of(user))?;
    let user = sql::find(tx, id)?.ok_or(Error::Missing(Noun::User))?;
    remove(tx, caller.who(), &user)
}

/// Lists at most `count` accounts ordered by id, for admins. `words` are searched in username,
/// address and name. A call reads a bounded number of rows. If there may be more, the page has a
/// cursor, even with fewer than `count` items.
pub fn list(
    tx: &mut ReadTx,
    caller: &Caller,
    words: &Words,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<User>> {
    caller.require_admin()?;
    page(tx, words, count, after)
}

/// Parses a cursor of [`list`].
pub fn parse_cursor(text: &str) -> Result<Cursor, Violation> {
    let cursor = Cursor::parse(text)?;
    if cursor.order == BY_ID && cursor.key.is_none() {
        Ok(cursor)
    } else {
        Err(Violation::new(Code::Format, "must be a cursor of this list"))
    }
}

/// As [`list`], for the operator's command line, which has no caller.
pub fn page(
    tx: &mut ReadTx,
    words: &Words,
    count: usize,
    after: Option<Cursor>,
) -> Result<Page<User>> {
    let mut last = UserId(after.map_or(0, |cursor| cursor.id));
    // One more row than requested shows whether there is a next page.
    let wanted = if words.is_empty() { count + 1 } else { SCAN_MAX };
    let mut skip = after.map_or(0, |cursor| cursor.skip);
    // With words, only matching rows count as skipped.
    let skipped_rows = if words.is_empty() { std::mem::take(&mut skip) } else { 0 };
    let rows = sql::list(tx, last, i64::try_from(wanted).unwrap_or(i64::MAX), skipped_rows.into())?;
    let is_end = rows.len() < wanted;
    let mut items = Vec::new();
    for user in rows {
        if items.len() == count {
            return Ok(Page { items, next: Some(cursor(last)) });
        }
        last = user.id;
        let name = user.name.as_deref().unwrap_or("");
        if words.match_any(&[&user.username, &user.email, name]) {
            match skip {
                0 => items.push(user),
                _ => skip -= 1,
            }
        }
    }
    Ok(Page { items, next: (!is_end).then(|| Cursor { skip, ..cursor(last) }) })
}

/// Returns the position at which [`list`] begins after skipping `offset` accounts.
pub fn cursor_of(offset: Offset) -> Cursor {
    cursor(UserId(0)).skipping(offset)
}

/// Lists accounts after an id that are not found by their username or their address, ordered by id,
/// for the operator's command line.
pub fn shadowed(tx: &mut ReadTx, after: UserId) -> Result<Vec<Shadowed>> {
    sql::shadowed(tx, after, i64::from(Limit::MAX))
}

fn cursor(id: UserId) -> Cursor {
    Cursor { order: BY_ID, key: None, id: id.0, skip: 0 }
}

/// Finds an account by id, username or address, for the operator's command line. An id takes
/// precedence, because a username may look like one.
pub fn find_by_login(tx: &mut ReadTx, login: &str) -> Result<User> {
    if let Ok(key) = IdOrUuid::parse(login) {
        match resolve(tx, key) {
            Err(Error::Missing(_)) => {}
            found => return found,
        }
    }
    let found = sql::credentials_by_login(tx, &LoginName::typed(login))?;
    found.map(|found| found.user).ok_or(Error::Missing(Noun::User))
}

/// Changes an account on behalf of `who`, whose permission has been checked.
///
/// # Errors
/// The new name or address is taken, or no active admin would remain.
pub fn update_user(tx: &mut WriteTx, who: Actor, id: UserId, update: &Update) -> Result<User> {
    let old = sql::find_for_update(tx, id)?.ok_or(Error::Missing(Noun::User))?;
    let mut new = old.clone();
    if let Some(username) = &update.username
        && username.as_str() != text::nfc(&old.username)
    {
        username.require_distinct()?;
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
    audit::record(tx, who, Some(id), Action::AccountChanged, Some(&changes(&old, &new)))?;
    // Must precede the change of the address, which identifies queued links.
    if new.email != old.email {
        mail::end_links(tx, id, MailKind::Verify)?;
    }
    if new.email != old.email || new.is_active != old.is_active {
        mail::end_links(tx, id, MailKind::Reset)?;
    }
    let new = sql::save(tx, &new)?;
    if new.email != old.email {
        mail::queue(tx, who, MailKind::EmailChanged, Some(id), &old.email, None)?;
        mail::queue(tx, who, MailKind::Verify, Some(id), &new.email, None)?;
    }
    Ok(new)
}

/// Describes a change for the audit log: the names of changed members, and the new values of those
/// that determine permissions.
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

/// Sets a password without asking for the old one, and ends all sessions and personal access
/// tokens.
pub fn reset_password(
    tx: &mut WriteTx,
    who: Actor,
    id: UserId,
    password: &PasswordHash,
) -> Result<TokensEnded> {
    let ended = replace_password(tx, id, password, false)?;
    audit::record(tx, who, Some(id), Action::PasswordReset, None)?;
    sql::end_sessions(tx, id)?;
    Ok(ended)
}

/// Sets a new password. Ends all links that reset the password, sent or queued, and the personal
/// access tokens unless the account keeps them. Ending sessions is up to the caller.
pub(crate) fn replace_password(
    tx: &mut WriteTx,
    id: UserId,
    password: &PasswordHash,
    keeps_tokens: bool,
) -> Result<TokensEnded> {
    // First, because this locks the account: no link is created for it meanwhile.
    sql::set_password(tx, id, password)?;
    mail::end_links(tx, id, MailKind::Reset)?;
    if keeps_tokens { Ok(TokensEnded(0)) } else { sql::end_tokens(tx, id).map(TokensEnded) }
}

pub(crate) fn remove(tx: &mut WriteTx, who: Actor, user: &User) -> Result<()> {
    // Lock the counter first: a transaction that writes a task locks the counter and then needs the
    // account's row.
    sql::hold_counter(tx, user.id)?;
    require_another_admin(tx, user)?;
    audit::record(tx, who, Some(user.id), Action::AccountDeleted, None)?;
    sql::delete(tx, user.id)
}

/// Returns a page of the audit log, newest first: the whole log for admins, for others the entries
/// about themselves.
pub fn audit_log(
    tx: &mut ReadTx,
    caller: &Caller,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Page<Entry>> {
    let subject = if caller.require_admin().is_ok() {
        None
    } else {
        caller.require(Scope::AccountRead)?;
        Some(caller.id)
    };
    let mut page = audit::page(tx, subject, limit, after)?;
    if let Some(subject) = subject {
        // The address of somebody else is hidden from the subject.
        page.items.iter_mut().for_each(|entry| entry.hide_client_of_others(subject));
    }
    Ok(page)
}

pub(crate) fn resolve(tx: &mut ReadTx, user: IdOrUuid) -> Result<User> {
    let found = match user {
        IdOrUuid::Id(id) => sql::find(tx, UserId(id))?,
        IdOrUuid::Uuid(uuid) => sql::find_by_uuid(tx, uuid)?,
    };
    found.ok_or(Error::Missing(Noun::User))
}

/// Checks that `user` is not the last active admin. That one cannot be demoted, deactivated or
/// deleted, because nobody could undo it through the API.
fn require_another_admin(tx: &mut WriteTx, user: &User) -> Result<()> {
    let is_one = user.role == Role::Admin && user.is_active;
    if is_one && !sql::another_admin_exists(tx, user.id)? {
        return Err(Error::Conflict(Conflict::LastAdmin));
    }
    Ok(())
}
