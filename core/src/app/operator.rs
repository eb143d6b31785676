//! What the operator may do: the command line, and the work beside requests.

use super::{App, Operator, SignUp};
use crate::audit::Actor;
use crate::db::WriteTx;
use crate::error::Result;
use crate::ids::{MailId, UserId};
use crate::mail::{Next, Outgoing};
use crate::sessions::LoginContext;
use crate::users::password::Password;
use crate::users::{Role, TokensEnded, User};
use crate::{audit, idempotency, mail, sessions, users};

impl Operator {
    pub fn app(&self) -> &App {
        &self.0
    }

    /// Runs a transaction that no session authorizes.
    pub async fn write<T: Send + 'static>(
        &self,
        f: impl Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.0.0.db.write(f).await
    }

    /// Creates an account with any role.
    pub async fn create_user(&self, new: SignUp, role: Role) -> Result<User> {
        self.0.make(new, role, &LoginContext::default()).await
    }

    /// Sets a password without the old one. Ends every session, token and link of the account.
    pub async fn reset_password(&self, user: UserId, new: Password) -> Result<TokensEnded> {
        let hash = self.0.0.hasher.hash(new).await?;
        self.write(move |tx| users::reset_password(tx, Actor::default(), user, &hash)).await
    }

    /// Signs with the first of `secrets` from now on, and accepts what any of them signed.
    ///
    /// # Errors
    /// There is none, or one is shorter than 32 bytes. Nothing changes then.
    pub fn replace_secrets(&self, secrets: &[&[u8]]) -> Result<()> {
        self.0.0.keys.replace(secrets, self.0.settings().signing)
    }

    /// Deletes a batch of each kind of expired record: stored responses, audit entries, tokens of
    /// mail, sessions. Each kind has a transaction of its own. Returns whether there may be more;
    /// the caller then pauses and calls it again.
    pub async fn prune(&self) -> Result<bool> {
        let days = self.0.settings().audit_days;
        let mut is_more = self.write(idempotency::prune).await?;
        is_more |= self.write(move |tx| audit::prune(tx, days)).await?;
        is_more |= self.write(mail::prune).await?;
        is_more |= self.write(sessions::prune).await?;
        Ok(is_more)
    }

    /// The next mail that is due, if there is any. The caller reports it by
    /// [`Operator::mail_sent`].
    pub async fn next_mail(&self) -> Result<Option<Outgoing>> {
        loop {
            let settings = self.0.settings();
            let (base, mails) = (settings.public_url.clone(), settings.mailing());
            match self.write(move |tx| mail::next(tx, mails, &base)).await? {
                Next::Mail(mail) => return Ok(Some(mail)),
                Next::Dropped => {}
                Next::Nothing => return Ok(None),
            }
        }
    }

    /// Removes a mail from the queue, after a mail server accepted it.
    pub async fn mail_sent(&self, id: MailId) -> Result<()> {
        self.write(move |tx| mail::sent(tx, id)).await
    }
}
