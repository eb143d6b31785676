//! Mail: the verification of addresses and the reset of forgotten passwords. The server process
//! sends it.

use super::App;
use crate::audit::{self, Action, Actor};
use crate::bearer::Bearer;
use crate::client::Client;
use crate::db::Tx;
use crate::error::{AuthError, Error, Result, Violation};
use crate::ids::{MailId, UserId};
use crate::mail::{self, MailKind, Next, Outgoing};
use crate::sessions::LoginContext;
use crate::users::password::{Password, Policy};
use crate::users::{self, Email, LoginName, TokensEnded, User};

impl App {
    fn require_mail(&self) -> Result<()> {
        if self.settings().mails { Ok(()) } else { Err(Error::MailOff) }
    }

    fn who(&self, user: Option<UserId>, client: Option<Client>) -> Actor {
        Actor { user, client, mails: self.settings().mailing() }
    }

    /// Mails a link for choosing a new password. The duration and the response are the same whether
    /// or not the account exists and the limits on mail allow the message.
    pub async fn forgot_password(&self, email: Email, login_context: LoginContext) -> Result<()> {
        self.require_mail()?;
        self.0.limits.refresh(login_context.client, self.0.clock.now()).await?;
        let who = self.who(None, login_context.client);
        let write = move |tx: &mut Tx| {
            let found = users::sql::credentials_by_login(tx, &LoginName::typed(email.as_str()))?
                .map(|found| found.user);
            let user = found.filter(|user| user.is_active);
            let id = user.as_ref().map(|user| user.id);
            audit::record(tx, who, id, Action::PasswordResetAsked, None)?;
            // The account of the address, if there is one, is looked up when the mail is sent, so
            // that the same data is stored for all addresses.
            mail::queue(tx, who, MailKind::Reset, None, &email.key(), None)
        };
        self.or_replay_anonymous(&login_context, self.write_anonymous(&login_context, write)).await
    }

    /// Sets a new password with the token of such a link, and ends every session, personal access
    /// token and other link. This also verifies the address.
    pub async fn reset_forgotten(
        &self,
        token: String,
        new: String,
        policy: Policy,
        login_context: LoginContext,
    ) -> Result<TokensEnded> {
        self.0.limits.refresh(login_context.client, self.0.clock.now()).await?;
        // A successful request has used up its token.
        self.or_replay_anonymous(&login_context, self.reset(token, new, policy, &login_context))
            .await
    }

    async fn reset(
        &self,
        token: String,
        new: String,
        policy: Policy,
        login_context: &LoginContext,
    ) -> Result<TokensEnded> {
        let asked = token.clone();
        let user = self.0.db.read(move |tx| whose(tx, &asked, MailKind::Reset)).await?.0;
        let own = [&*user.username, &*user.email, user.name.as_deref().unwrap_or("")];
        let chars_min = self.settings().password_chars_min;
        let new = Password::chosen(&new, policy, chars_min, &own)
            .map_err(|Violation(code, message)| Error::invalid("new_password", code, message))?;
        let hash = self.0.hasher.hash(new).await?;
        let who = self.who(Some(user.id), login_context.client);
        let write = move |tx: &mut Tx| {
            let (user, email) = whose_held(tx, &token, MailKind::Reset)?;
            let ended = users::reset_password(tx, who, user.id, &hash)?;
            if user.email == email {
                users::sql::set_verified(tx, user.id)?;
            }
            let told = mail::password_change(ended.0, false);
            mail::queue(tx, who, MailKind::PasswordChanged, who.user, &user.email, Some(&told))?;
            Ok(ended)
        };
        self.write_anonymous(login_context, write).await
    }

    /// Verifies an address with the token that was mailed to it.
    pub async fn verify_email(&self, token: String, login_context: LoginContext) -> Result<()> {
        self.0.limits.refresh(login_context.client, self.0.clock.now()).await?;
        let nobody = self.who(None, login_context.client);
        let write = move |tx: &mut Tx| {
            let (user, email) = whose_held(tx, &token, MailKind::Verify)?;
            let who = Actor { user: Some(user.id), ..nobody };
            mail::end_links(tx, user.id, MailKind::Verify)?;
            if user.email == email {
                users::sql::set_verified(tx, user.id)?;
                audit::record(tx, who, who.user, Action::EmailVerified, None)?;
            }
            Ok(())
        };
        self.or_replay_anonymous(&login_context, self.write_anonymous(&login_context, write)).await
    }

    /// Mails the caller another verification link, if its address is not verified yet.
    pub async fn send_verification(&self, token: Bearer) -> Result<()> {
        self.write(token, self.require_mail(), |tx, caller, ()| {
            caller.require_session()?;
            let me = users::me(tx, caller)?;
            if me.email_verified {
                return Ok(());
            }
            mail::queue(tx, caller.who(), MailKind::Verify, Some(me.id), &me.email, None)
        })
        .await
    }

    /// Returns the next mail to send, if there is any. Report its delivery with [`App::mail_sent`].
    pub async fn next_mail(&self) -> Result<Option<Outgoing>> {
        loop {
            let (base, mails) = (self.settings().public_url.clone(), self.settings().mailing());
            match self.0.db.write(move |tx| mail::next(tx, mails, &base)).await? {
                Next::Mail(mail) => return Ok(Some(mail)),
                Next::Dropped => {}
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// Records that a mail server has accepted the mail.
    pub async fn mail_sent(&self, id: MailId) -> Result<()> {
        self.0.db.write(move |tx| mail::sent(tx, id)).await
    }
}

/// Returns the user of a token, and the address that it was sent to.
fn whose(tx: &mut Tx, token: &str, purpose: MailKind) -> Result<(User, String)> {
    let (user, email) = mail::redeem(tx, token, purpose)?;
    let user = users::sql::find(tx, user)?.filter(|user| user.is_active);
    Ok((user.ok_or(Error::Unauthenticated(AuthError::BadRefreshToken))?, email))
}

/// Does what [`whose`] does, with the user's row locked, so that nothing ends the token before its
/// effect.
fn whose_held(tx: &mut Tx, token: &str, purpose: MailKind) -> Result<(User, String)> {
    let (user, _) = mail::redeem(tx, token, purpose)?;
    users::sql::find_for_update(tx, user)?;
    // The token may have ended during the wait for the lock.
    whose(tx, token, purpose)
}
