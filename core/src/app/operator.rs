//! What the operator may do: the command line, and the work beside requests.

use super::{App, Operator};
use crate::db::WriteTx;
use crate::error::Result;
use crate::ids::MailId;
use crate::mail::{Next, Outgoing};
use crate::{audit, idempotency, mail, sessions};

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
