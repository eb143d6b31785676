//! The entry points of the contracts. `read` and `write` are the only ways to the store: they check
//! the session in the same transaction, and only they create a `Caller`.

mod bookkeeping;
mod live;
mod once;
mod operator;
mod touches;

use std::sync::Arc;

use self::touches::Touches;
use crate::bearer::{self, Bearer, Stale};
use crate::client::Client;
use crate::clock::Clock;
use crate::db::{DatabaseLocation, Db, Migrated, ReadTx};
use crate::error::{AuthError, Error, Result};
use crate::hasher::Hasher;
use crate::ids::UserId;
use crate::limits::{Limits, Shared};
use crate::sessions::token::{Keys, PublicKey};
use crate::settings::Settings;
use crate::users::{self, Caller};

pub use crate::db::Lane;

/// A running Taskwell: the store, the keys and the hashing threads. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Parts>);

/// The rights of the operator, for the command line and for background work. Only [`App::open`]
/// creates one. A contract receives an [`App`] and so cannot use these rights.
#[derive(Clone)]
pub struct Operator(App);

pub(crate) struct Parts {
    pub(crate) db: Db,
    pub(crate) hasher: Hasher,
    pub(crate) keys: Keys,
    pub(crate) settings: Arc<Settings>,
    pub(crate) limits: Arc<Limits>,
    touches: Touches,
    pub(crate) clock: Clock,
}

pub(crate) struct Rules {
    pub(crate) keys: Keys,
    pub(crate) settings: Arc<Settings>,
    limits: Arc<Limits>,
}

impl Rules {
    /// Returns the caller of a token and counts the request against the limit of the account.
    fn admit(&self, tx: &mut ReadTx, bearer: &Bearer) -> Result<(Caller, Option<Stale>)> {
        let (caller, stale) = bearer::check(tx, &self.settings, bearer)?;
        // While the session is only a placeholder, the request does not count.
        if tx.is_certain() {
            bearer.count_once(|| self.limits.request(caller.id(), tx.now()))?;
        }
        Ok((caller, stale))
    }
}

impl App {
    /// Opens the store and starts the threads.
    ///
    /// # Errors
    /// No secret is long enough, or the store cannot be opened.
    pub fn open(
        place: &DatabaseLocation,
        secrets: &[&[u8]],
        settings: Settings,
        clock: Clock,
    ) -> Result<(App, Operator, Migrated)> {
        App::open_among(place, secrets, settings, clock, None)
    }

    /// Does the same for one of several instances that share the counters of limits.
    ///
    /// # Errors
    /// As [`App::open`].
    pub fn open_among(
        place: &DatabaseLocation,
        secrets: &[&[u8]],
        settings: Settings,
        clock: Clock,
        shared: Option<Arc<dyn Shared>>,
    ) -> Result<(App, Operator, Migrated)> {
        let keys = Keys::new(secrets, settings.signing)?;
        let (db, migrated) = Db::open(place, &settings, &clock)?;
        migrated.require_whole()?;
        let hasher = Hasher::start(settings.hash_threads, settings.scheme)?;
        let limits = Arc::new(Limits::new(settings.rate_limits, shared));
        let parts = Parts {
            db,
            hasher,
            keys,
            settings: Arc::new(settings),
            limits,
            touches: Touches::default(),
            clock,
        };
        let app = App(Arc::new(parts));
        Ok((app.clone(), Operator(app), migrated))
    }

    /// Returns what a job needs. A job must not own the app, because dropping the app waits for
    /// jobs.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            keys: self.0.keys.clone(),
            settings: self.0.settings.clone(),
            limits: self.0.limits.clone(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Verifies the signature and the expiry of a bearer token. [`App::read`] and [`App::write`]
    /// then check in the store that its session is active, and count the request.
    pub fn verify(&self, token: &str, client: Option<Client>) -> Result<Bearer> {
        let now = self.0.clock.now();
        Bearer::read(token, client, &self.0.keys, now).map_err(|invalid| {
            let is_one_too_many = self.0.limits.invalid_token(client, now).err();
            is_one_too_many.unwrap_or(invalid)
        })
    }

    /// Counts a request with an invalid token against the limit of its client, once per request.
    fn admitted<T>(&self, bearer: &Bearer, outcome: Result<T>) -> Result<T> {
        if let Err(Error::Unauthenticated(AuthError::BadToken)) = outcome {
            let now = self.0.clock.now();
            bearer.count_once(|| self.0.limits.invalid_token(bearer.client(), now))?;
        }
        outcome
    }

    /// Reads as the user of the token. `input` is the parsed request. If it is invalid, only a
    /// caller with an active session receives that error.
    pub async fn read<I, T, E, F>(&self, token: Bearer, input: Result<I, E>, f: F) -> Result<T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error>,
        F: Fn(&mut ReadTx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        self.read_in(Lane::Accounts, token, input, f).await
    }

    /// Does the same in the given lane.
    pub async fn read_in<I, T, E, F>(
        &self,
        lane: Lane,
        token: Bearer,
        input: Result<I, E>,
        f: F,
    ) -> Result<T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error>,
        F: Fn(&mut ReadTx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        match input {
            Ok(input) => {
                let (parts, bearer) = (self.rules(), token.clone());
                let read = move |tx: &mut ReadTx| {
                    let (caller, stale) = parts.admit(tx, &token)?;
                    Ok((f(tx, &caller, &input)?, stale))
                };
                let (found, stale) = self.admitted(&bearer, self.0.db.read_in(lane, read).await)?;
                if let Some(stale) = stale {
                    self.touch_later(stale);
                }
                Ok(found)
            }
            Err(wrong) => Err(self.refuse(token, wrong).await),
        }
    }

    /// Returns the keys that verify access tokens. There are none if a shared secret signs them.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.0.keys.public()
    }

    /// Returns the error for invalid input: `wrong` if the session of the token is active,
    /// otherwise the error of the token.
    pub async fn refuse<E: From<Error>>(&self, token: Bearer, wrong: E) -> E {
        let (parts, bearer) = (self.rules(), token.clone());
        let checked = self.0.db.read(move |tx| parts.admit(tx, &token).map(drop)).await;
        self.admitted(&bearer, checked).map_or_else(E::from, |()| wrong)
    }

    /// Checks that the store responds.
    pub async fn ping(&self) -> Result<()> {
        self.0.db.read_in(Lane::Health, |tx| users::sql::find(tx, UserId(0)).map(drop)).await
    }
}
