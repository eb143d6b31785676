//! Personal access tokens, which an owner gives to a program instead of a password. Only sessions
//! create and delete them, never tokens.

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

/// How old the stored last use of a token must be before it is updated.
const LAST_USE_KEPT_FOR_S: i64 = 3600;
/// Maximum number of tokens per account, expired ones included.
pub const PER_USER_MAX: usize = 100;

/// Returns the caller of a token, if the token is valid and its user active; and the token's UUID
/// if its last use should be updated.
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

/// Updates the last use of a token.
pub(crate) fn touch(tx: &mut WriteTx, token: Uuid) -> Result<()> {
    sql::touch(tx, token)
}

/// Creates a token. Its secret is returned only here.
///
/// # Errors
/// The account has the maximum number of tokens, the token has the scope `admin` and the caller is
/// not an admin, or the session has just ended.
pub fn create(
    tx: &mut WriteTx,
    caller: &Caller,
    new: &NewToken,
) -> Result<(PersonalToken, Secret)> {
    let session = caller.require_session()?;
    if new.scopes.has(Scope::Admin) {
        caller.require_admin()?;
    }
    // Locks the user, so that concurrent calls count each other's tokens.
    users::sql::find_for_update(tx, caller.id())?;
    // A password change may have ended the session and all tokens while this waited.
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

/// Lists the caller's tokens, newest first.
pub fn list(tx: &mut ReadTx, caller: &Caller) -> Result<Vec<PersonalToken>> {
    caller.require(Scope::AccountRead)?;
    sql::list(tx, caller.id(), i64::try_from(PER_USER_MAX).unwrap_or(i64::MAX))
}

/// Deletes one of the caller's tokens, which is refused from then on.
pub fn delete(tx: &mut WriteTx, caller: &Caller, token: Uuid) -> Result<()> {
    caller.require_session()?;
    if !sql::delete(tx, caller.id(), token)? {
        return Err(Error::Missing(Noun::Token));
    }
    audit::record(tx, caller.who(), Some(caller.id()), Action::TokenDeleted, None)
}
