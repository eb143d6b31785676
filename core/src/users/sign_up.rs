//! How accounts are created, and with which usernames.

use super::model::{AccountState, Draft, Email, User, Username};
use super::sql;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Conflict, Error, Result};

/// How many usernames are tried for an account that chose none. Each one after the first has one of
/// 10^8 suffixes.
const NAMES_TRIED_MAX: usize = 4;

/// Creates an account.
///
/// # Errors
/// The address or the username is taken.
pub fn register(tx: &mut WriteTx, draft: &Draft) -> Result<User> {
    let standing = AccountState::new(tx.now());
    make(tx, draft, &standing)
}

/// Imports an account from another back end. If its username is taken or could be mistaken for
/// another, a new one is derived from the address.
///
/// # Errors
/// The address is taken.
pub(crate) fn import(tx: &mut WriteTx, draft: &Draft, standing: &AccountState) -> Result<User> {
    require_free(tx, None, &draft.email)?;
    match &draft.username {
        Some(username) if !is_free(tx, username)? => {
            make(tx, &Draft { username: None, ..draft.clone() }, standing)
        }
        _ => make(tx, draft, standing),
    }
}

/// Returns whether a new account may have this username.
fn is_free(tx: &mut ReadTx, username: &Username) -> Result<bool> {
    match require_free_username(tx, username) {
        Err(Error::Conflict(_) | Error::Invalid(_)) => Ok(false),
        found => found.map(|()| true),
    }
}

fn make(tx: &mut WriteTx, draft: &Draft, standing: &AccountState) -> Result<User> {
    if let Some(username) = &draft.username {
        username.require_distinct()?;
        return match sql::insert_if_free(tx, draft, username, standing)? {
            Some(user) => Ok(user),
            None => Err(why_taken(tx, username, &draft.email)),
        };
    }
    if sql::email_exists(tx, &draft.email)? {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    let mut username = Username::from_email(&draft.email, None);
    for _ in 0..NAMES_TRIED_MAX {
        // The database gives the name to only one of several concurrent sign-ups.
        if let Some(user) = sql::insert_if_free(tx, draft, &username, standing)? {
            return Ok(user);
        }
        let [a, b, c, d, ..] = tx.new_secret()?;
        let suffix = u32::from_be_bytes([a, b, c, d]) % Username::SUFFIXES;
        username = Username::from_email(&draft.email, Some(suffix));
    }
    Err(why_taken(tx, &username, &draft.email))
}

/// Returns the conflict that prevented a new account. If neither address nor username conflicts
/// now, the username was lost to a concurrent sign-up.
fn why_taken(tx: &mut ReadTx, username: &Username, email: &Email) -> Error {
    let lost = Error::Conflict(Conflict::UsernameLooksTaken);
    require_free(tx, Some(username), email).err().unwrap_or(lost)
}

/// Checks that a sign-up can succeed, before its password is hashed. [`register`] decides.
pub fn require_free(tx: &mut ReadTx, username: Option<&Username>, email: &Email) -> Result<()> {
    if sql::email_exists(tx, email)? {
        return Err(Error::Conflict(Conflict::EmailTaken));
    }
    username.map_or(Ok(()), |username| require_free_username(tx, username))
}

fn require_free_username(tx: &mut ReadTx, username: &Username) -> Result<()> {
    username.require_distinct()?;
    if sql::username_exists(tx, username)? {
        return Err(Error::Conflict(Conflict::UsernameTaken));
    }
    if sql::skeleton_exists(tx, username)? {
        return Err(Error::Conflict(Conflict::UsernameLooksTaken));
    }
    Ok(())
}
