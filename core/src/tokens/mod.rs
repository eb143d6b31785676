//! Personal access tokens: what an owner gives to a program instead of its password. They are made
//! and deleted by sessions alone, never by a token.

mod model;
mod sql;

use uuid::Uuid;

pub use model::{Days, NewToken, PersonalToken, Secret, TokenHash, TokenName};

use crate::audit::{self, Action};
use crate::client::Client;
use crate::db::{ReadTx, WriteTx};
use crate::error::{AuthError, Conflict, Error, Noun, Result};
use crate::settings::Mails;
use crate::time::Timestamp;
use crate::users::{self, Caller, Scope};

/// A token's last use is written down when the one in the store is older.
const LAST_USE_KEPT_FOR_S: i64 = 3600;
/// Tokens that one account may have, the expired ones among them.
pub const PER_USER_MAX: usize = 100;

/// Whose token it is, if it is one and its user is active; and whether its last use should be
/// written down.
pub(crate) fn check(
    tx: &mut ReadTx,
    hash: &TokenHash,
    client: Option<Client>,
    idle_since: Timestamp,
    mails: Mails,
) -> Result<(Caller, Option<Uuid>)> {
    let live = sql::live(tx, hash)?.ok_or(Error::Unauthenticated(AuthError::BadToken))?;
    let stale_at = tx.now().plus_seconds(-LAST_USE_KEPT_FOR_S);
    let is_stale = live.last_used_at.is_none_or(|last| last < stale_at);
    let caller = Caller {
        id: live.user,
        uuid: live.user_uuid,
        role: live.role,
        session: None,
        scopes: live.scopes,
        client,
        mails,
        epoch: live.epoch,
        idle_since,
    };
    Ok((caller, is_stale.then_some(live.uuid)))
}

/// Writes down that a token is used.
pub(crate) fn touch(tx: &mut WriteTx, token: Uuid) -> Result<()> {
    sql::touch(tx, token)
}

/// Makes a token; its secret is told this once.
///
/// # Errors
/// There are enough, or it is to be an admin's and the caller is none, or the session ends at this
/// moment.
pub fn create(
    tx: &mut WriteTx,
    caller: &Caller,
    new: &NewToken,
) -> Result<(PersonalToken, Secret)> {
    let session = caller.require_session()?;
    if new.scopes.has(Scope::Admin) {
        caller.require_admin()?;
    }
    // Held, so that of two at once the second counts the first.
    users::sql::find_for_update(tx, caller.id())?;
    // Another password may have ended the session, and all tokens, while this waited.
    if !users::sql::has_session(tx, caller.id(), session)? {
        return Err(Error::Unauthenticated(AuthError::BadToken));
    }
    if sql::list(tx, caller.id(), i64::try_from(PER_USER_MAX).unwrap_or(i64::MAX))?.len()
        >= PER_USER_MAX
    {
        return Err(Error::Conflict(Conflict::TooManyTokens));
    }
    let secret = Secret::new(&tx.new_secret()?);
    let hash =
        TokenHash::of(secret.as_str()).ok_or_else(|| Error::Internal("a token is none".into()))?;
    let token = PersonalToken {
        uuid: tx.new_uuid()?,
        name: new.name.as_str().to_owned(),
        scopes: new.scopes,
        created_at: tx.now(),
        last_used_at: None,
        expires_at: tx.now().plus_seconds(new.days.seconds()),
    };
    sql::insert(tx, caller.id(), &token, &hash)?;
    audit::record(
        tx,
        caller.who(),
        Some(caller.id()),
        Action::TokenCreated,
        Some(&token.scopes.to_string()),
    )?;
    Ok((token, secret))
}

/// The caller's tokens, newest first.
pub fn list(tx: &mut ReadTx, caller: &Caller) -> Result<Vec<PersonalToken>> {
    caller.require(Scope::AccountRead)?;
    sql::list(tx, caller.id(), i64::try_from(PER_USER_MAX).unwrap_or(i64::MAX))
}

/// Deletes a token of the caller's: it is refused from here on.
pub fn delete(tx: &mut WriteTx, caller: &Caller, token: Uuid) -> Result<()> {
    caller.require_session()?;
    if !sql::delete(tx, caller.id(), token)? {
        return Err(Error::Missing(Noun::Token));
    }
    audit::record(tx, caller.who(), Some(caller.id()), Action::TokenDeleted, None)
}
