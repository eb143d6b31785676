//! Logins: the account, its password and code, and the record of failures.

use crate::app::App;
use crate::audit::{self, Action, Actor};
use crate::client::Client;
use crate::db::WriteTx;
use crate::error::{AuthError, Error, Result};
use crate::ids::UserId;
use crate::limits::Target;
use crate::sessions::{self, Grant, LoginContext, RefreshToken, Refreshed};
use crate::settings::Mails;
use crate::users::password::Password;
use crate::users::sql::Credentials;
use crate::users::{self, LoginName};

/// Opens a session for the account with that username or address. It takes the same time whether or
/// not the account exists, and whether or not it is active.
///
/// # Errors
/// The error distinguishes [`AuthError::UnknownUser`] and [`AuthError::WrongPassword`]. Most
/// contracts answer both alike.
pub async fn login(
    app: &App,
    login: String,
    password: Password,
    login_context: LoginContext,
) -> Result<Grant> {
    let limits = &app.0.limits;
    limits.login(login_context.client, app.0.clock.now()).await?;
    let name = LoginName::typed(&login);
    let asked = name.clone();
    let found = app.0.db.read(move |tx| users::sql::credentials_by_login(tx, &asked)).await?;
    let id = found.as_ref().map(|found| found.user.id);
    let target = match id {
        Some(id) => Target::Account { id, name: name.kind().as_str() },
        None => Target::Stranger { name: name.key() },
    };
    let guess = limits.guess(login_context.client, target, app.0.clock.now()).await?;
    let opened = open_session(app, found, password, &login_context).await;
    match opened {
        Ok(_) => limits.logged_in(guess, app.0.clock.now()).await,
        Err(Error::Unauthenticated(why)) => {
            if !why.is_wrong_guess() {
                limits.give_back(guess, app.0.clock.now()).await;
            }
            write_failed_login(app, id, why, login_context.client).await?;
        }
        // The store or the hashing threads were busy, so the response revealed nothing about the
        // password.
        Err(_) => limits.give_back(guess, app.0.clock.now()).await,
    }
    opened
}

/// Opens a session if the password, and the code if required, are right.
async fn open_session(
    app: &App,
    found: Option<Credentials>,
    password: Password,
    login_context: &LoginContext,
) -> Result<Grant> {
    let stored = found.as_ref().map(|found| found.password.clone());
    let is_right = app.0.hasher.verify(password.clone(), stored).await?;
    let known = found.ok_or(Error::Unauthenticated(AuthError::UnknownUser))?;
    // From here on, the right password of a deactivated account is treated like a wrong one.
    if !is_right || !known.user.is_active {
        return Err(Error::Unauthenticated(AuthError::WrongPassword));
    }
    if app.settings().verified_email_required && !known.user.email_verified {
        return Err(Error::Unauthenticated(AuthError::UnverifiedEmail));
    }
    let better = if app.0.hasher.is_outdated(&known.password) {
        // If there is no time for it now, another login does it.
        app.0.hasher.hash(password).await.ok()
    } else {
        None
    };
    let (parts, asked) = (app.rules(), login_context.clone());
    let (id, hash) = (known.user.id, known.password);
    let open = move |tx: &mut WriteTx| {
        sessions::open_verified(
            tx,
            &parts.keys,
            &parts.settings,
            (id, &hash),
            better.as_ref(),
            &asked,
        )
    };
    app.0.db.write(open).await
}

/// Records a failed login, whether or not the account is known, so that both take the same time.
async fn write_failed_login(
    app: &App,
    account: Option<UserId>,
    why: AuthError,
    client: Option<Client>,
) -> Result<()> {
    let who = Actor { user: None, client, mails: Mails::Off };
    // An unknown account, a deactivated one and a wrong password all get no detail.
    let detail = match why {
        AuthError::CodeNeeded => Some("code_needed"),
        AuthError::WrongCode => Some("wrong_code"),
        AuthError::UnverifiedEmail => Some("unverified_email"),
        _ => None,
    };
    app.0.db.write(move |tx| audit::record(tx, who, account, Action::LoginFailed, detail)).await
}

/// Records that a client with a valid session failed to prove that it owns the account.
pub(super) async fn write_failed_proof(
    app: &App,
    account: UserId,
    client: Option<Client>,
) -> Result<()> {
    let who = Actor { user: Some(account), client, mails: Mails::Off };
    app.0.db.write(move |tx| audit::record(tx, who, who.user, Action::ProofFailed, None)).await
}

/// Returns new tokens for a refresh token. A refresh token is valid for one use; a second use ends
/// its session.
pub async fn refresh(app: &App, token: RefreshToken, login_context: LoginContext) -> Result<Grant> {
    app.0.limits.refresh(login_context.client, app.0.clock.now()).await?;
    let parts = app.rules();
    let refreshed = app
        .0
        .db
        .write(move |tx| sessions::rotate(tx, &parts.keys, &parts.settings, &token, &login_context))
        .await?;
    granted(refreshed)
}

/// Returns a new access token for a refresh token, which stays valid (contract 000).
pub async fn renew(app: &App, token: RefreshToken, login_context: LoginContext) -> Result<String> {
    app.0.limits.refresh(login_context.client, app.0.clock.now()).await?;
    let parts = app.rules();
    let renewed = app
        .0
        .db
        .write(move |tx| sessions::renew(tx, &parts.keys, &parts.settings, &token, &login_context))
        .await?;
    granted(renewed)
}

/// Ends the session of a refresh token (contract 000).
pub async fn logout_by_refresh(
    app: &App,
    token: RefreshToken,
    login_context: &LoginContext,
) -> Result<()> {
    let end = app.write_anonymous(login_context, move |tx| sessions::end_by_refresh(tx, &token));
    app.or_replay_anonymous(login_context, end).await
}

fn granted<T>(refreshed: Refreshed<T>) -> Result<T> {
    match refreshed {
        Refreshed::Granted(grant) => Ok(grant),
        Refreshed::Reused => Err(Error::Unauthenticated(AuthError::BadRefreshToken)),
    }
}
