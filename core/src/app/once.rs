//! The entry points for writes. The outcome of an idempotent request is looked up before it runs,
//! stored in the transaction that runs it, and looked up again if it was refused, because another
//! instance may have run it meanwhile.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::App;
use crate::bearer::{self, Bearer};
use crate::db::{ReadTx, WriteTx};
use crate::error::{Error, Result};
use crate::idempotency::{self, IdempotentRequest, KeyScope, OutcomeKey};
use crate::sessions::LoginContext;
use crate::sessions::token::Keys;
use crate::users::Caller;

impl App {
    /// Writes as the token's user, in one transaction. Returns once the commit is safe on the disk.
    /// For `input`, see [`App::read`]. A repeated idempotent request gets the earlier outcome
    /// again.
    pub async fn write<I, T, E, F>(&self, token: Bearer, input: Result<I, E>, f: F) -> Result<T, E>
    where
        I: Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<Error>,
        F: Fn(&mut WriteTx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        let Some(once) = token.once.clone() else {
            return self.write_without_replay(token, input, f).await;
        };
        let keys = self.0.keys.clone();
        let run_once = move |tx: &mut WriteTx, caller: &Caller, input: &I| {
            let key = key_of(caller, &once, &keys);
            idempotency::run_once(tx, &key, |tx| f(tx, caller, input))
        };
        let asked = token.clone();
        match self.write_without_replay(token, input, run_once).await {
            Ok(written) => Ok(written),
            Err(refused) => again(self.replayed(asked).await, refused),
        }
    }

    /// Writes like [`App::write`], but for an outcome with a secret, which is returned only once
    /// and never stored for replay.
    pub async fn write_without_replay<I, T, E, F>(
        &self,
        token: Bearer,
        input: Result<I, E>,
        f: F,
    ) -> Result<T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error>,
        F: Fn(&mut WriteTx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        match input {
            Ok(input) => {
                let (parts, bearer) = (self.rules(), token.clone());
                let write = move |tx: &mut WriteTx| {
                    let (caller, stale) = parts.admit(tx, &token)?;
                    let written = f(tx, &caller, &input)?;
                    if let Some(stale) = stale {
                        bearer::touch(tx, stale)?;
                    }
                    Ok(written)
                };
                Ok(self.admitted(&bearer, self.0.db.write(write).await)?)
            }
            Err(wrong) => Err(self.refuse(token, wrong).await),
        }
    }

    /// Returns the earlier outcome of the token's request. Without one, returns the outcome of
    /// `doing`, which ends in an [`App::write`].
    pub(crate) async fn or_replay<T, E>(
        &self,
        token: Bearer,
        doing: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E>
    where
        T: DeserializeOwned + Send + 'static,
        E: From<Error>,
    {
        if let Some(outcome) = self.replayed(token.clone()).await? {
            return Ok(outcome);
        }
        match doing.await {
            Ok(done) => Ok(done),
            Err(refused) => again(self.replayed(token).await, refused),
        }
    }

    async fn replayed<T: DeserializeOwned + Send + 'static>(
        &self,
        token: Bearer,
    ) -> Result<Option<T>> {
        let Some(once) = token.once.clone() else {
            return Ok(None);
        };
        let keys = self.0.keys.clone();
        let look = move |tx: &mut ReadTx, caller: &Caller, (): &()| {
            idempotency::find(tx, &key_of(caller, &once, &keys))
        };
        self.read(token, Ok::<_, Error>(()), look).await
    }

    /// Does what [`App::or_replay`] does, for a client without a session. `doing` ends in an
    /// [`App::write_anonymous`].
    pub(crate) async fn or_replay_anonymous<T>(
        &self,
        login_context: &LoginContext,
        doing: impl Future<Output = Result<T>>,
    ) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        if let Some(outcome) = self.kept_at(login_context).await? {
            return Ok(outcome);
        }
        match doing.await {
            Ok(done) => Ok(done),
            Err(refused) => again(self.kept_at(login_context).await, refused),
        }
    }

    async fn kept_at<T: DeserializeOwned + Send + 'static>(
        &self,
        login_context: &LoginContext,
    ) -> Result<Option<T>> {
        match self.slot_at(login_context) {
            Some(key) => self.0.db.read(move |tx| idempotency::find(tx, &key)).await,
            None => Ok(None),
        }
    }

    /// Writes without a user.
    pub(crate) async fn write_anonymous<T>(
        &self,
        login_context: &LoginContext,
        f: impl Fn(&mut WriteTx) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        match self.slot_at(login_context) {
            Some(key) => self.0.db.write(move |tx| idempotency::run_once(tx, &key, &f)).await,
            None => self.0.db.write(f).await,
        }
    }

    fn slot_at(&self, login_context: &LoginContext) -> Option<OutcomeKey> {
        let once = login_context.once.as_ref()?;
        Some(once.key(&KeyScope::Client(login_context.client), |text| self.0.keys.macs(text)))
    }
}

fn key_of(caller: &Caller, once: &IdempotentRequest, keys: &Keys) -> OutcomeKey {
    let whose =
        KeyScope::User { id: caller.id(), rights: caller.rights(), role: caller.role().as_str() };
    once.key(&whose, |text| keys.macs(text))
}

/// Returns the error of a refused request, or its outcome if it ran meanwhile.
fn again<T, E: From<Error>>(replayed: Result<Option<T>>, refused: E) -> Result<T, E> {
    match replayed {
        Ok(Some(outcome)) => Ok(outcome),
        Err(error @ Error::KeyReused) => Err(error.into()),
        Ok(None) | Err(_) => Err(refused),
    }
}
