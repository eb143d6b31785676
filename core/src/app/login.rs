//! Logins: the account, its password and code, and the record of failures.

use super::App;
use crate::audit::{self, Action, Actor};
use crate::client::Client;
use crate::db::Tx;
use crate::error::{AuthError, Error, Result};
use crate::ids::UserId;
use crate::limits::Target;
use crate::sessions::{self, Grant, LoginContext};
use crate::settings::Mails;
use crate::users::password::Password;
use crate::users::sql::Credentials;
use crate::users::{self, LoginName};

impl App {
    /// Opens a session for the account with that username or address. It takes the same time
    /// whether or not the account exists, and whether or not it is active.
    ///
    /// # Errors
    /// The error distinguishes [`AuthError::UnknownUser`] and [`AuthError::WrongPassword`]. Most
    /// contracts answer both alike.
    pub async fn login(
        &self,
        login: String,
        password: Password,
        login_context: LoginContext,
    ) -> Result<Grant> {
        let limits = &self.0.limits;
        limits.login(login_context.client, self.0.clock.now()).await?;
        let name = LoginName::typed(&login);
        let asked = name.clone();
        let found = self.0.db.read(move |tx| users::sql::credentials_by_login(tx, &asked)).await?;
        let id = found.as_ref().map(|found| found.user.id);
        let target = match id {
            Some(id) => Target::Account { id, name: name.kind().as_str() },
            None => Target::Stranger { name: name.key() },
        };
        let guess = limits.guess(login_context.client, target, self.0.clock.now()).await?;
        let opened = self.open_session(found, password, &login_context).await;
        match opened {
            Ok(_) => limits.logged_in(guess, self.0.clock.now()).await,
            Err(Error::Unauthenticated(why)) => {
                if !why.is_wrong_guess() {
                    limits.give_back(guess, self.0.clock.now()).await;
                }
                self.write_failed_login(id, why, login_context.client).await?;
            }
            // The store or the hashing threads were busy, so the response revealed nothing about
            // the password.
            Err(_) => limits.give_back(guess, self.0.clock.now()).await,
        }
        opened
    }

    /// Opens a session if the password, and the code if required, are right.
    async fn open_session(
        &self,
        found: Option<Credentials>,
        password: Password,
        login_context: &LoginContext,
    ) -> Result<Grant> {
        let stored = found.as_ref().map(|found| found.password.clone());
        let is_right = self.0.hasher.verify(password.clone(), stored).await?;
        let known = found.ok_or(Error::Unauthenticated(AuthError::UnknownUser))?;
        // From here on, the right password of a deactivated account is treated like a wrong one.
        if !is_right || !known.user.is_active {
            return Err(Error::Unauthenticated(AuthError::WrongPassword));
        }
        if self.settings().verified_email_required && !known.user.email_verified {
            return Err(Error::Unauthenticated(AuthError::UnverifiedEmail));
        }
        let better = if self.0.hasher.is_outdated(&known.password) {
            // If there is no time for it now, another login does it.
            self.0.hasher.hash(password).await.ok()
        } else {
            None
        };
        let (parts, asked) = (self.rules(), login_context.clone());
        let (id, hash) = (known.user.id, known.password);
        let open = move |tx: &mut Tx| {
            sessions::open_verified(
                tx,
                &parts.keys,
                &parts.settings,
                (id, &hash),
                better.as_ref(),
                &asked,
            )
        };
        self.0.db.write(open).await
    }

    /// Records a failed login, whether or not the account is known, so that both take the same
    /// time.
    async fn write_failed_login(
        &self,
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
        self.0
            .db
            .write(move |tx| audit::record(tx, who, account, Action::LoginFailed, detail))
            .await
    }

    /// Records that a client with a valid session failed to prove that it owns the account.
    pub(super) async fn write_failed_proof(
        &self,
        account: UserId,
        client: Option<Client>,
    ) -> Result<()> {
        let who = Actor { user: Some(account), client, mails: Mails::Off };
        self.0.db.write(move |tx| audit::record(tx, who, who.user, Action::ProofFailed, None)).await
    }
}
