//! What an account decides about itself by its password.

use super::App;
use crate::audit::{self, Action};
use crate::bearer::Bearer;
use crate::db::Tx;
use crate::error::{Code, Error, Flaw, Result, Unproven};
use crate::mail::{self, Kind};
use crate::sessions;
use crate::users::password::{Password, PasswordHash, Policy};
use crate::users::sql::Credentials;
use crate::users::{self, UserId};

impl App {
    /// Sets the caller's password, if it knows the old one, and ends its other sessions.
    pub async fn change_password(&self, token: Bearer, old: Password, new: String) -> Result<()> {
        // The repeat of one that went well can't prove the old password any more.
        let doing = Box::pin(self.prove_and_change(token.clone(), old, new));
        self.settled(token, doing).await
    }

    async fn prove_and_change(&self, token: Bearer, old: Password, new: String) -> Result<()> {
        let me = self.credentials(&token).await?;
        let user = &me.user;
        let own = [&*user.username, &*user.email, user.name.as_deref().unwrap_or("")];
        let chars_min = self.0.settings.password_chars_min;
        let new = Password::chosen(&new, Policy::House, chars_min, &own)
            .map_err(|Flaw(code, message)| Error::invalid("new_password", code, message))?;
        let proven = self.prove(me, old, "current_password").await?;
        let hash = self.0.hasher.hash(new).await?;
        self.write(token, Ok((proven, hash)), |tx, caller, (proven, hash)| {
            require_same(tx, caller.id(), proven)?;
            users::sql::set_password(tx, caller.id(), hash)?;
            audit::record(tx, caller.who(), Some(caller.id().0), Action::PasswordChanged, None)?;
            let me = users::me(tx, caller)?;
            mail::queue(tx, caller.who(), Kind::PasswordChanged, Some(me.id.0), &me.email, None)?;
            sessions::end_others(tx, caller)
        })
        .await
    }

    /// Deletes the caller's account with all that is its, if it knows its password.
    pub async fn delete_me(&self, token: Bearer, password: Password) -> Result<()> {
        let me = self.credentials(&token).await?;
        let proven = self.prove(me, password, "password").await?;
        self.write(token, Ok(proven), |tx, caller, proven| {
            require_same(tx, caller.id(), proven)?;
            let me = users::me(tx, caller)?;
            users::remove(tx, caller.who(), &me)
        })
        .await
    }

    pub(super) async fn credentials(&self, token: &Bearer) -> Result<Credentials> {
        self.read(token.clone(), Ok::<_, Error>(()), |tx, caller, ()| {
            caller.require_session()?;
            users::sql::credentials(tx, caller.id())
        })
        .await?
        .ok_or(Error::Unauthenticated(Unproven::BadToken))
    }

    /// The account's hash, if `password` is what it was made from.
    pub(super) async fn prove(
        &self,
        me: Credentials,
        password: Password,
        field: &'static str,
    ) -> Result<PasswordHash> {
        self.0.limits.proof(me.user.id.0, self.0.clock.now()).await?;
        if self.0.hasher.verify(password, Some(me.password.clone())).await? {
            self.0.limits.proven(me.user.id.0).await;
            Ok(me.password)
        } else {
            Err(wrong_password(field))
        }
    }
}

/// The hash was looked at in another transaction; it must still be the one.
pub(super) fn require_same(tx: &mut Tx, user: UserId, proven: &PasswordHash) -> Result<()> {
    match users::sql::credentials_held(tx, user)? {
        Some(now) if now.password == *proven => Ok(()),
        _ => Err(wrong_password("password")),
    }
}

fn wrong_password(field: &'static str) -> Error {
    Error::invalid(field, Code::WrongPassword, "is not your password")
}
