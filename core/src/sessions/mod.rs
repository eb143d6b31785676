//! Use cases of sessions: open, check, refresh, end. The state is in the store, so the end of a
//! session takes effect at once on all instances.

mod model;
mod sql;
pub mod token;

use model::device_name;
pub use model::{Grant, LoginContext, RefreshToken, Session};
use token::{Claims, Keys};
use uuid::Uuid;

use crate::audit::{self, Action, Actor};
use crate::client::Client;
use crate::db::{ReadTx, WriteTx};
use crate::error::{AuthError, Error, Noun, Result};
use crate::id_or_uuid::IdOrUuid;
use crate::ids::UserId;
use crate::mail::{self, MailKind};
use crate::settings::{Mails, Settings};
use crate::time::Timestamp;
use crate::totp;
use crate::users::password::PasswordHash;
use crate::users::{self, Account, Caller, Scope, Scopes, User};

/// Maximum number of sessions per account. Another login ends the oldest.
pub const PER_USER_MAX: i64 = 500;
/// How long an expired session is kept, so that its refresh token can be distinguished from an
/// unknown one.
const KEPT_EXPIRED_S: i64 = 30 * 86_400;
/// How long after the sign-up a login sends no notice of a new device.
const NEW_USER_FOR_S: i64 = 600;
/// How long after its first use a refresh token returns the same successor again.
const REUSE_GRACE_S: i64 = 10;
/// How old the stored last use of a session must be before it is updated.
const LAST_USE_KEPT_FOR_S: i64 = 3600;

/// Returns the caller that a token names, if its session is live and its user active; and whether
/// the last use of the session should be updated.
pub(crate) fn check(
    tx: &mut ReadTx,
    settings: &Settings,
    claims: &Claims,
    client: Option<Client>,
) -> Result<(Caller, bool)> {
    // The token may have expired during a long request.
    if claims.expires_at <= tx.now() {
        return Err(Error::Unauthenticated(AuthError::BadToken));
    }
    let idle_since = idle_since(tx, settings);
    let live = sql::live(tx, claims, idle_since)?.filter(|live| live.uuid == claims.user_uuid);
    let live = live.ok_or(Error::Unauthenticated(AuthError::BadToken))?;
    let is_stale = live.last_used_at < tx.now().plus_seconds(-LAST_USE_KEPT_FOR_S);
    let caller = Caller {
        id: claims.user,
        uuid: live.uuid,
        role: live.role,
        session: Some(claims.session),
        scopes: Scopes::ALL,
        client,
        mails: settings.mailing(),
        epoch: live.epoch,
        idle_since,
    };
    Ok((caller, is_stale))
}

/// Sessions that were not used after this time have ended.
pub(crate) fn idle_since(tx: &ReadTx, settings: &Settings) -> Timestamp {
    tx.now().plus_seconds(-i64::from(settings.session_idle_days) * 86_400)
}

/// Updates the last use of a session.
pub(crate) fn touch(tx: &mut WriteTx, session: Uuid) -> Result<()> {
    sql::touch(tx, session)
}

/// Opens a session for a user whose password matched the hash `verified`. `better` replaces that
/// hash, if given.
///
/// # Errors
/// The account was deactivated or its password was changed meanwhile.
pub(crate) fn open_verified(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    (user, verified): (UserId, &PasswordHash),
    better: Option<&PasswordHash>,
    login_context: &LoginContext,
) -> Result<Grant> {
    let now = users::sql::credentials_held(tx, user)?;
    match now {
        Some(now) if now.user.is_active && now.password == *verified => {
            totp::require(tx, user, login_context.code.as_deref())?;
            let who =
                Actor { user: Some(user), client: login_context.client, mails: settings.mailing() };
            audit::record(tx, who, who.user, Action::LoggedIn, login_context.agent().as_deref())?;
            tell_of_new_device(tx, who, &now.user, login_context)?;
            if let Some(better) = better {
                users::sql::set_password(tx, user, better)?;
            }
            open(tx, keys, settings, now.user, login_context)
        }
        _ => Err(Error::Unauthenticated(AuthError::WrongPassword)),
    }
}

/// Notifies the user of a login from a combination of program and network that none of the user's
/// sessions has. The program's name alone proves nothing, because anybody can send it. Shortly
/// after the sign-up, no notice is sent.
fn tell_of_new_device(
    tx: &mut WriteTx,
    who: Actor,
    user: &User,
    login_context: &LoginContext,
) -> Result<()> {
    let is_new_user = user.created_at > tx.now().plus_seconds(-NEW_USER_FOR_S);
    let (agent, network) = (login_context.agent(), login_context.network());
    if who.mails == Mails::Off
        || is_new_user
        || sql::is_known(tx, user.id, agent.as_deref(), network.as_deref())?
    {
        return Ok(());
    }
    let device = mail::device(&device_name(agent.as_deref()), login_context.client);
    mail::queue(tx, who, MailKind::NewDevice, who.user, &user.email, Some(&device))
}

/// Opens a session without verifying a password, as after a sign-up.
pub(crate) fn open(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    user: User,
    login_context: &LoginContext,
) -> Result<Grant> {
    sql::prune(tx, user.id, tx.now().plus_seconds(-KEPT_EXPIRED_S), PER_USER_MAX - 1)?;
    let expires_at = tx.now().plus_seconds(i64::from(settings.refresh_token_days) * 86_400);
    let (agent, network) = (login_context.agent(), login_context.network());
    let from = sql::From { user_agent: agent.as_deref(), network: network.as_deref() };
    let session = sql::insert(tx, user.id, from, !login_context.short, expires_at)?;
    grant(tx, keys, settings, user, session, login_context)
}

fn grant(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    user: User,
    session: Uuid,
    login_context: &LoginContext,
) -> Result<Grant> {
    let refresh_token = RefreshToken::new(&tx.new_secret()?);
    sql::insert_refresh(tx, &refresh_token.hash(), session)?;
    let (access_token, expires_in_s) =
        access_token(tx, keys, settings, &user, session, login_context)?;
    Ok(Grant { user, access_token, expires_in_s, refresh_token })
}

fn access_token(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    user: &User,
    session: Uuid,
    login_context: &LoginContext,
) -> Result<(String, i64)> {
    let minutes = if login_context.short {
        settings.short_access_token_minutes
    } else {
        settings.access_token_minutes
    };
    let expires_in_s = i64::from(minutes) * 60;
    let expires_at = tx.now().plus_seconds(expires_in_s);
    let secret = tx.new_secret()?;
    let token = keys.issue((user.id, user.uuid), session, &secret, tx.now(), expires_at)?;
    Ok((token, expires_in_s))
}

/// The result of using a refresh token. Reuse ends the session, and that must be committed, so it
/// is not an error here.
pub(crate) enum Refreshed<T> {
    Granted(T),
    Reused,
}

/// Exchanges a refresh token, which is valid for one use (RFC 9700, section 4.14.2), for new
/// tokens. A second use ends the session. Shortly after the first use, while the successor is
/// unused, a second use returns the same successor: the response may have been lost, or two tabs of
/// one browser refreshed at once. A token that does not rotate is returned unchanged.
pub(crate) fn rotate(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    token: &RefreshToken,
    login_context: &LoginContext,
) -> Result<Refreshed<Grant>> {
    let found = find_refresh(tx, token)?;
    let stays = found.rotates == Some(false);
    let Refreshed::Granted(redeemed) = redeem(tx, keys, settings, token, &found, login_context)?
    else {
        return Ok(Refreshed::Reused);
    };
    let Redeemed { user, session, successor, is_repeated } = redeemed;
    if !stays && !is_repeated {
        sql::use_refresh(tx, &token.hash())?;
        sql::insert_refresh(tx, &successor.hash(), session)?;
    }
    let refresh_token = if stays { token.clone() } else { successor };
    let (access_token, expires_in_s) =
        access_token(tx, keys, settings, &user, session, login_context)?;
    Ok(Refreshed::Granted(Grant { user, access_token, expires_in_s, refresh_token }))
}

/// Issues a new access token for a refresh token that does not rotate; contract 000 returns no new
/// refresh token. Refuses a token that rotates: it could be used without end, and its reuse would
/// go unnoticed. Accepts tokens of sessions that are older than this rule.
pub(crate) fn renew(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    token: &RefreshToken,
    login_context: &LoginContext,
) -> Result<Refreshed<String>> {
    let found = find_refresh(tx, token)?;
    if found.rotates == Some(true) {
        return Err(Error::Unauthenticated(AuthError::BadRefreshToken));
    }
    let redeemed = redeem(tx, keys, settings, token, &found, login_context)?;
    let Refreshed::Granted(Redeemed { user, session, .. }) = redeemed else {
        return Ok(Refreshed::Reused);
    };
    let (token, _) = access_token(tx, keys, settings, &user, session, login_context)?;
    Ok(Refreshed::Granted(token))
}

/// The session of a refresh token, and the token's successor.
struct Redeemed {
    user: User,
    session: Uuid,
    successor: RefreshToken,
    /// The token was used a moment ago, so the successor is already stored.
    is_repeated: bool,
}

fn find_refresh(tx: &mut WriteTx, token: &RefreshToken) -> Result<sql::Refresh> {
    sql::find_refresh(tx, &token.hash())?.ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))
}

fn redeem(
    tx: &mut WriteTx,
    keys: &Keys,
    settings: &Settings,
    token: &RefreshToken,
    found: &sql::Refresh,
    login_context: &LoginContext,
) -> Result<Refreshed<Redeemed>> {
    let bad = Error::Unauthenticated(AuthError::BadRefreshToken);
    let successor = RefreshToken::new(&keys.successor(token.as_str()));
    if let Some(used_at) = found.used_at {
        let is_recent = tx.now() <= used_at.plus_seconds(REUSE_GRACE_S);
        if !is_recent || !sql::is_unused(tx, &successor.hash(), found.session)? {
            audit::record(
                tx,
                Actor { user: None, client: login_context.client, mails: Mails::Off },
                Some(found.user),
                Action::RefreshTokenReused,
                None,
            )?;
            sql::delete(tx, found.user, found.session)?;
            return Ok(Refreshed::Reused);
        }
    }
    if found.expires_at <= tx.now() || found.last_used_at <= idle_since(tx, settings) {
        return Err(Error::Unauthenticated(AuthError::RefreshTokenExpired));
    }
    let user = users::sql::find(tx, found.user)?.filter(|user| user.is_active).ok_or(bad)?;
    sql::touch(tx, found.session)?;
    let is_repeated = found.used_at.is_some();
    Ok(Refreshed::Granted(Redeemed { user, session: found.session, successor, is_repeated }))
}

/// Ends the session of a refresh token, as contract 000's logout does.
///
/// # Errors
/// The token is unknown or used, or its session has expired.
pub fn end_by_refresh(tx: &mut WriteTx, token: &RefreshToken) -> Result<()> {
    let found = sql::find_refresh(tx, &token.hash())?
        .filter(|found| found.used_at.is_none())
        .ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))?;
    if found.expires_at <= tx.now() {
        return Err(Error::Unauthenticated(AuthError::RefreshTokenExpired));
    }
    let who = Actor { user: Some(found.user), client: None, mails: Mails::Off };
    audit::record(tx, who, who.user, Action::LoggedOut, None)?;
    sql::delete(tx, found.user, found.session).map(drop)
}

/// Deletes a batch of sessions that expired long ago. Returns whether there may be more.
pub(crate) fn prune(tx: &mut WriteTx) -> Result<bool> {
    let before = tx.now().plus_seconds(-KEPT_EXPIRED_S);
    sql::prune_expired(tx, before)
}

/// Ends the caller's session and invalidates its access and refresh tokens.
pub fn end(tx: &mut WriteTx, caller: &Caller) -> Result<()> {
    let session = caller.require_session()?;
    audit::record(tx, caller.who(), Some(caller.id()), Action::LoggedOut, None)?;
    sql::delete(tx, caller.id(), session).map(drop)
}

/// Ends one session of the caller or, for admins, of any user.
pub fn end_one(tx: &mut WriteTx, caller: &Caller, account: Account, session: Uuid) -> Result<()> {
    let user = users::decide_over(tx, caller, account)?;
    audit::record(tx, caller.who(), Some(user), Action::SessionsEnded, Some("one"))?;
    if sql::delete(tx, user, session)? { Ok(()) } else { Err(Error::Missing(Noun::Session)) }
}

/// Ends all sessions of the caller, the current one included, or, for admins, of any user.
pub fn end_all(tx: &mut WriteTx, caller: &Caller, account: Account) -> Result<()> {
    let user = users::decide_over(tx, caller, account)?;
    audit::record(tx, caller.who(), Some(user), Action::SessionsEnded, Some("all"))?;
    users::sql::end_sessions(tx, user)
}

pub(crate) fn end_others(tx: &mut WriteTx, caller: &Caller) -> Result<()> {
    sql::delete_others(tx, caller.id(), caller.require_session()?)
}

/// Lists the caller's live sessions, newest first.
pub fn list(tx: &mut ReadTx, caller: &Caller) -> Result<Vec<Session>> {
    caller.require(Scope::AccountRead)?;
    sql::list(tx, caller.id(), caller.idle_since, PER_USER_MAX)
}

/// Lists the live sessions of a user, newest first, for admins.
pub fn list_of(tx: &mut ReadTx, caller: &Caller, user: IdOrUuid) -> Result<Vec<Session>> {
    caller.require_admin()?;
    let user = users::resolve(tx, user)?;
    sql::list(tx, user.id, caller.idle_since, PER_USER_MAX)
}
