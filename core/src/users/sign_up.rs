//! How an account comes into being, and under which names.

use super::model::{AccountState, Draft, Email, User, Username};
use super::sql;
use crate::db::{ReadTx, WriteTx};
use crate::error::{Conflict, Error, Result};

/// How many usernames are tried for somebody who gave none. Each after the first is one of 10^8.
const NAMES_TRIED_MAX: usize = 4;

/// Makes an account.
///
/// # Errors
/// The address or the username is taken.
pub fn register(tx: &mut WriteTx, draft: &Draft) -> Result<User> {
    let standing = AccountState::new(tx.now());
    make(tx, draft, &standing)
}

/// Makes the account that somebody had in another back end; where its username is taken or can be
/// taken for another, one is made from the address.
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

/// Whether a username may be a new account's.
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
        // Of several who sign up at once, the database lets one have the name.
        if let Some(user) = sql::insert_if_free(tx, draft, &username, standing)? {
            return Ok(user);
        }
        let [a, b, c, d, ..] = tx.new_secret()?;
        let suffix = u32::from_be_bytes([a, b, c, d]) % Username::SUFFIXES;
        username = Username::from_email(&draft.email, Some(suffix));
    }
    Err(why_taken(tx, &username, &draft.email))
}

/// What keeps a new account from being made: a username that neither stands nor looks like another
/// was lost to somebody else meanwhile.
fn why_taken(tx: &mut ReadTx, username: &Username, email: &Email) -> Error {
    let lost = Error::Conflict(Conflict::UsernameLooksTaken);
    require_free(tx, Some(username), email).err().unwrap_or(lost)
}

/// That a sign-up has a chance, asked before its password is hashed; [`register`] decides.
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
