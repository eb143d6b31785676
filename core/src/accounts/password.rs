//! Changes to an account that require its password.

use super::login::write_failed_proof;
use crate::app::{App, Operator};
use crate::audit::{self, Action, Actor};
use crate::bearer::Bearer;
use crate::db::WriteTx;
use crate::error::{AuthError, Error, Result, Violation};
use crate::ids::UserId;
use crate::mail::{self, MailKind};
use crate::sessions;
use crate::users::password::{Password, PasswordHash, Policy};
use crate::users::sql::Credentials;
use crate::users::{self, Account, Change, TokensEnded, User};

/// Changes the caller's own account or, for admins, any account. A new address for the caller's own
/// account requires the password.
///
/// # Errors
/// As [`users::update`]. A wrong password is also an error.
pub async fn update<E>(
    app: &App,
    token: Bearer,
    input: Result<(Account, Change), E>,
) -> Result<User, E>
where
    E: From<Error> + Send + 'static,
{
    let asked = token.clone();
    let doing = Box::pin(async {
        let proof = match &input {
            Ok((account, change)) => prove_change(app, &token, *account, change).await?,
            Err(_) => None,
        };
        let input = input.map(|(account, change)| (account, change.update, proof));
        app.write(token, input, |tx, caller, (account, update, proof)| {
            users::update(tx, caller, *account, update, proof.as_ref())
        })
        .await
    });
    app.or_replay(asked, doing).await
}

/// Returns the caller's hash, if the change needs a proof and contains a valid one. The transaction
/// that makes the change detects a missing proof.
async fn prove_change(
    app: &App,
    token: &Bearer,
    account: Account,
    change: &Change,
) -> Result<Option<PasswordHash>> {
    let (Some(_), Some(password)) = (&change.update.email, &change.current_password) else {
        return Ok(None);
    };
    let own = app.read(token.clone(), Ok::<_, Error>(account), |tx, caller, account| {
        let id = users::decide_over(tx, caller, *account)?;
        if id == caller.id() { users::sql::credentials(tx, id) } else { Ok(None) }
    });
    match own.await? {
        Some(me) if users::needs_proof(&me.user, &change.update) => {
            prove(app, token, me, password.clone(), "current_password").await.map(Some)
        }
        _ => Ok(None),
    }
}

/// Sets the caller's password if the old one is correct. Ends the account's other sessions, and its
/// personal access tokens unless the caller keeps them.
pub async fn change_password(
    app: &App,
    token: Bearer,
    old: Password,
    new: String,
    keeps_tokens: bool,
) -> Result<TokensEnded> {
    // A repetition of a successful request can no longer prove the old password.
    let doing = Box::pin(prove_and_change(app, token.clone(), old, new, keeps_tokens));
    app.or_replay(token, doing).await
}

async fn prove_and_change(
    app: &App,
    token: Bearer,
    old: Password,
    new: String,
    keeps_tokens: bool,
) -> Result<TokensEnded> {
    let me = credentials(app, &token).await?;
    let new = choose(app, &me.user, &new, Policy::House)?;
    let proven = prove(app, &token, me, old, "current_password").await?;
    let hash = app.0.hasher.hash(new).await?;
    app.write(token, Ok((proven, hash)), move |tx, caller, (proven, hash)| {
        require_same(tx, caller.id(), proven)?;
        let ended = users::replace_password(tx, caller.id(), hash, keeps_tokens)?;
        audit::record(tx, caller.who(), Some(caller.id()), Action::PasswordChanged, None)?;
        let me = users::me(tx, caller)?;
        let told = mail::password_change(ended.0, keeps_tokens);
        mail::queue(
            tx,
            caller.who(),
            MailKind::PasswordChanged,
            Some(me.id),
            &me.email,
            Some(&told),
        )?;
        sessions::end_others(tx, caller)?;
        Ok(ended)
    })
    .await
}

/// Deletes the caller's account and all its data, if the password is correct.
pub async fn delete(app: &App, token: Bearer, password: Password) -> Result<()> {
    let me = credentials(app, &token).await?;
    let proven = prove(app, &token, me, password, "password").await?;
    app.write(token, Ok(proven), |tx, caller, proven| {
        require_same(tx, caller.id(), proven)?;
        let me = users::me(tx, caller)?;
        users::remove(tx, caller.who(), &me)
    })
    .await
}

/// Checks a user's new password. A problem names the field `new_password`.
pub(super) fn choose(app: &App, user: &User, new: &str, policy: Policy) -> Result<Password> {
    let own = [&*user.username, &*user.email, user.name.as_deref().unwrap_or("")];
    Password::chosen(new, policy, app.settings().password_chars_min, &own)
        .map_err(|Violation(code, message)| Error::invalid("new_password", code, message))
}

pub(super) async fn credentials(app: &App, token: &Bearer) -> Result<Credentials> {
    app.read(token.clone(), Ok::<_, Error>(()), |tx, caller, ()| {
        caller.require_session()?;
        users::sql::credentials(tx, caller.id())
    })
    .await?
    .ok_or(Error::Unauthenticated(AuthError::BadToken))
}

/// Returns the account's hash, if it matches `password`.
pub(super) async fn prove(
    app: &App,
    token: &Bearer,
    me: Credentials,
    password: Password,
    field: &'static str,
) -> Result<PasswordHash> {
    let (limits, client) = (&app.0.limits, token.client());
    let guess = limits.proof(client, me.user.id, app.0.clock.now()).await?;
    let is_right = app.0.hasher.verify(password, Some(me.password.clone())).await;
    if let Ok(false) = is_right {
        write_failed_proof(app, me.user.id, client).await?;
        return Err(Error::wrong_password(field));
    }
    limits.give_back(guess, app.0.clock.now()).await;
    is_right.map(|_| me.password)
}

/// Checks that the hash, which another transaction read, is unchanged.
pub(super) fn require_same(tx: &mut WriteTx, user: UserId, proven: &PasswordHash) -> Result<()> {
    match users::sql::credentials_held(tx, user)? {
        Some(now) if now.password == *proven => Ok(()),
        _ => Err(Error::wrong_password("password")),
    }
}

/// Sets a password without the old one, for the operator. Ends every session, token and link of the
/// account.
pub async fn reset_password(
    operator: &Operator,
    user: UserId,
    new: Password,
) -> Result<TokensEnded> {
    let hash = operator.app().0.hasher.hash(new).await?;
    operator.write(move |tx| users::reset_password(tx, Actor::default(), user, &hash)).await
}
