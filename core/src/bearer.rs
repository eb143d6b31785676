//! A bearer token of either kind, and the caller that it makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::client::Client;
use crate::db::{ReadTx, WriteTx};
use crate::error::Result;
use crate::idempotency::IdempotentRequest;
use crate::sessions;
use crate::sessions::token::{Claims, Keys};
use crate::settings::Settings;
use crate::time::Timestamp;
use crate::tokens::{self, TokenHash};
use crate::users::Caller;

/// What came in the `Authorization` header, as far as it can be told without the store.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub(crate) proof: Proof,
    client: Option<Client>,
    /// As what the request is to have its effect once.
    pub(crate) once: Option<IdempotentRequest>,
    /// Whether the request has been counted. A request may come to a door several times.
    is_counted: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Proof {
    Access(Claims),
    Personal(TokenHash),
}

impl Bearer {
    /// # Errors
    /// It is none that we made, or its time is over.
    pub(crate) fn read(
        text: &str,
        client: Option<Client>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Bearer> {
        let proof = match TokenHash::of(text) {
            Some(hash) => Proof::Personal(hash),
            None => Proof::Access(keys.verify(text, now)?),
        };
        Ok(Bearer { proof, client, once: None, is_counted: Arc::default() })
    }

    /// The same, of a request that is to have its effect once.
    #[must_use]
    pub fn once(self, once: Option<IdempotentRequest>) -> Bearer {
        Bearer { once, ..self }
    }

    /// Where it came from.
    pub(crate) fn client(&self) -> Option<Client> {
        self.client
    }

    /// Counts the request, if that was not done so far.
    pub(crate) fn count_once(&self, count: impl FnOnce() -> Result<()>) -> Result<()> {
        if !self.is_counted.load(Ordering::Relaxed) {
            count()?;
            self.is_counted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Whose last use should be written down.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stale {
    Session(Uuid),
    Token(Uuid),
}

/// The caller, if the session or token lives.
pub(crate) fn check(
    tx: &mut ReadTx,
    settings: &Settings,
    bearer: &Bearer,
) -> Result<(Caller, Option<Stale>)> {
    match &bearer.proof {
        Proof::Access(claims) => {
            let (caller, is_stale) = sessions::check(tx, settings, claims, bearer.client)?;
            let session = caller.session().filter(|_| is_stale);
            Ok((caller, session.map(Stale::Session)))
        }
        Proof::Personal(hash) => {
            let idle_since = sessions::idle_since(tx, settings);
            let (caller, stale) =
                tokens::check(tx, hash, bearer.client, idle_since, settings.mailing())?;
            Ok((caller, stale.map(Stale::Token)))
        }
    }
}

/// Writes down that it was used.
pub(crate) fn touch(tx: &mut WriteTx, stale: Stale) -> Result<()> {
    match stale {
        Stale::Session(session) => sessions::touch(tx, session),
        Stale::Token(token) => tokens::touch(tx, token),
    }
}
