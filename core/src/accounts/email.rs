//! Mail: the verification of addresses and the reset of forgotten passwords. The server process
//! sends it.

use super::password::choose;
use crate::app::App;
use crate::audit::{self, Action, Actor};
use crate::bearer::Bearer;
use crate::client::Client;
use crate::db::{ReadTx, WriteTx};
use crate::error::{AuthError, Error, Result};
use crate::ids::UserId;
use crate::mail::{self, MailKind};
use crate::sessions::LoginContext;
use crate::users::password::Policy;
use crate::users::{self, Email, LoginName, TokensEnded, User};

fn require_mail(app: &App) -> Result<()> {
    if app.settings().mails { Ok(()) } else { Err(Error::MailOff) }
}

fn who(app: &App, user: Option<UserId>, client: Option<Client>) -> Actor {
    Actor { user, client, mails: app.settings().mailing() }
}

/// Mails a link for choosing a new password. The duration and the response are the same whether or
/// not the account exists and the limits on mail allow the message.
pub async fn forgot_password(app: &App, email: Email, login_context: LoginContext) -> Result<()> {
    require_mail(app)?;
    app.0.limits.refresh(login_context.client, app.0.clock.now()).await?;
    let who = who(app, None, login_context.client);
    let write = move |tx: &mut WriteTx| {
        let found = users::sql::credentials_by_login(tx, &LoginName::typed(email.as_str()))?
            .map(|found| found.user);
        let user = found.filter(|user| user.is_active);
        let id = user.as_ref().map(|user| user.id);
        audit::record(tx, who, id, Action::PasswordResetAsked, None)?;
        // The account of the address, if there is one, is looked up when the mail is sent, so that
        // the same data is stored for all addresses.
        mail::queue(tx, who, MailKind::Reset, None, &email.key(), None)
    };
    app.or_replay_anonymous(&login_context, app.write_anonymous(&login_context, write)).await
}

/// Sets a new password with the token of such a link, and ends every session, personal access token
/// and other link. This also verifies the address.
pub async fn reset_forgotten(
    app: &App,
    token: String,
    new: String,
    policy: Policy,
    login_context: LoginContext,
) -> Result<TokensEnded> {
    app.0.limits.refresh(login_context.client, app.0.clock.now()).await?;
    // A successful request has used up its token.
    app.or_replay_anonymous(&login_context, reset(app, token, new, policy, &login_context)).await
}

async fn reset(
    app: &App,
    token: String,
    new: String,
    policy: Policy,
    login_context: &LoginContext,
) -> Result<TokensEnded> {
    let asked = token.clone();
    let user = app.0.db.read(move |tx| whose(tx, &asked, MailKind::Reset)).await?.0;
    let new = choose(app, &user, &new, policy)?;
    let hash = app.0.hasher.hash(new).await?;
    let who = who(app, Some(user.id), login_context.client);
    let write = move |tx: &mut WriteTx| {
        let (user, email) = whose_held(tx, &token, MailKind::Reset)?;
        let ended = users::reset_password(tx, who, user.id, &hash)?;
        if user.email == email {
            users::sql::set_verified(tx, user.id)?;
        }
        let told = mail::password_change(ended.0, false);
        mail::queue(tx, who, MailKind::PasswordChanged, who.user, &user.email, Some(&told))?;
        Ok(ended)
    };
    app.write_anonymous(login_context, write).await
}

/// Verifies an address with the token that was mailed to it.
pub async fn verify_email(app: &App, token: String, login_context: LoginContext) -> Result<()> {
    app.0.limits.refresh(login_context.client, app.0.clock.now()).await?;
    let nobody = who(app, None, login_context.client);
    let write = move |tx: &mut WriteTx| {
        let (user, email) = whose_held(tx, &token, MailKind::Verify)?;
        let who = Actor { user: Some(user.id), ..nobody };
        mail::end_links(tx, user.id, MailKind::Verify)?;
        if user.email == email {
            users::sql::set_verified(tx, user.id)?;
            audit::record(tx, who, who.user, Action::EmailVerified, None)?;
        }
        Ok(())
    };
    app.or_replay_anonymous(&login_context, app.write_anonymous(&login_context, write)).await
}

/// Mails the caller another verification link, if its address is not verified yet.
pub async fn send_verification(app: &App, token: Bearer) -> Result<()> {
    app.write(token, require_mail(app), |tx, caller, ()| {
        caller.require_session()?;
        let me = users::me(tx, caller)?;
        if me.email_verified {
            return Ok(());
        }
        mail::queue(tx, caller.who(), MailKind::Verify, Some(me.id), &me.email, None)
    })
    .await
}

/// Returns the user of a token, and the address that it was sent to.
fn whose(tx: &mut ReadTx, token: &str, purpose: MailKind) -> Result<(User, String)> {
    let (user, email) = mail::redeem(tx, token, purpose)?;
    let user = users::sql::find(tx, user)?.filter(|user| user.is_active);
    Ok((user.ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))?, email))
}

/// Does what [`whose`] does, with the user's row locked, so that nothing ends the token before its
/// effect.
fn whose_held(tx: &mut WriteTx, token: &str, purpose: MailKind) -> Result<(User, String)> {
    let (user, _) = mail::redeem(tx, token, purpose)?;
    users::sql::find_for_update(tx, user)?;
    // The token may have ended during the wait for the lock.
    whose(tx, token, purpose)
}
