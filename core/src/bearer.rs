//! Bearer tokens of both kinds, and the callers that they authenticate.

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

/// A token from the `Authorization` header, checked as far as possible without the store.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub(crate) proof: Proof,
    client: Option<Client>,
    /// The idempotency key of the request, if it has one.
    pub(crate) once: Option<IdempotentRequest>,
    /// Whether the request was counted. A request may be authenticated several times.
    is_counted: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
pub(crate) enum Proof {
    Access(Claims),
    Personal(TokenHash),
}

impl Bearer {
    /// # Errors
    /// The token is malformed, forged or expired.
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

    /// Returns the same token with the idempotency key of its request.
    #[must_use]
    pub fn once(self, once: Option<IdempotentRequest>) -> Bearer {
        Bearer { once, ..self }
    }

    /// Returns the client that sent the request.
    pub(crate) fn client(&self) -> Option<Client> {
        self.client
    }

    /// Counts the request unless it was counted already.
    pub(crate) fn count_once(&self, count: impl FnOnce() -> Result<()>) -> Result<()> {
        if !self.is_counted.load(Ordering::Relaxed) {
            count()?;
            self.is_counted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A session or token whose last use should be updated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stale {
    Session(Uuid),
    Token(Uuid),
}

/// Returns the caller if the session or token is live.
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

/// Updates the last use.
pub(crate) fn touch(tx: &mut WriteTx, stale: Stale) -> Result<()> {
    match stale {
        Stale::Session(session) => sessions::touch(tx, session),
        Stale::Token(token) => tokens::touch(tx, token),
    }
}
