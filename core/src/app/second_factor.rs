//! The second factor of the caller's own account. Turning it on or off requires the password.

use super::App;
use super::account::require_same;
use crate::audit::{self, Action};
use crate::bearer::Bearer;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::totp::{self, Enrolment, State};
use crate::users::Caller;
use crate::users::password::Password;

impl App {
    /// Returns the state of the caller's second factor.
    pub async fn totp_state(&self, token: Bearer) -> Result<State> {
        self.read(token, Ok::<_, Error>(()), |tx, caller, ()| {
            caller.require_session()?;
            totp::state(tx, caller.id())
        })
        .await
    }

    /// Creates a secret for an authenticator. Logins do not require it until [`App::confirm_totp`].
    pub async fn enrol_totp(&self, token: Bearer, password: Password) -> Result<Enrolment> {
        let me = self.credentials(&token).await?;
        let account = me.user.email.clone();
        let proven = self.prove(&token, me, password, "password").await?;
        self.write_without_replay(
            token,
            Ok::<_, Error>((proven, account)),
            |tx, caller, (proven, account)| {
                require_same(tx, caller.id(), proven)?;
                totp::enrol(tx, caller.id(), account)
            },
        )
        .await
    }

    /// Turns the second factor on with a first code, and returns the recovery codes, which are
    /// never shown again. Wrong codes count like wrong passwords.
    pub async fn confirm_totp<E: From<Error>>(
        &self,
        token: Bearer,
        code: Result<String, E>,
    ) -> Result<Vec<String>, E> {
        match code {
            Ok(code) => Ok(self.confirm_code(token, code).await?),
            Err(wrong) => Err(self.refuse(token, wrong).await),
        }
    }

    async fn confirm_code(&self, token: Bearer, code: String) -> Result<Vec<String>> {
        let (me, client) = (self.credentials(&token).await?.user.id, token.client());
        let guess = self.0.limits.proof(client, me, self.0.clock.now()).await?;
        let confirm = |tx: &mut Tx, caller: &Caller, code: &String| {
            caller.require_session()?;
            let codes = totp::confirm(tx, caller.id(), code)?;
            audit::record(tx, caller.who(), Some(caller.id()), Action::TwoFactorOn, None)?;
            Ok(codes)
        };
        let confirmed = self.write_without_replay(token, Ok::<_, Error>(code), confirm).await;
        if let Err(Error::Invalid(_)) = confirmed {
            self.write_failed_proof(me, client).await?;
        } else {
            self.0.limits.give_back(guess, self.0.clock.now()).await;
        }
        confirmed
    }

    /// Turns the second factor off.
    pub async fn remove_totp(&self, token: Bearer, password: Password) -> Result<()> {
        let me = self.credentials(&token).await?;
        let proven = self.prove(&token, me, password, "password").await?;
        self.write(token, Ok::<_, Error>(proven), |tx, caller, proven| {
            require_same(tx, caller.id(), proven)?;
            totp::remove(tx, caller.id())?;
            audit::record(tx, caller.who(), Some(caller.id()), Action::TwoFactorOff, None)
        })
        .await
    }
}
