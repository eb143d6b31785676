//! What a contract may call. `read` and `write` are the only doors to the store: they check the
//! session in the same transaction, and only they make a `Caller`.

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

/// Taskwell, running: the store, the keys, the hashing threads. Cheap to clone.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Parts>);

/// The rights of the operator: the command line and the work beside requests. Only [`App::open`]
/// makes one, so a contract, which receives an [`App`], has none.
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
    pub(crate) limits: Arc<Limits>,
}

impl Rules {
    /// The caller of a token, whose account then has one request less.
    fn admit(&self, tx: &mut ReadTx, bearer: &Bearer) -> Result<(Caller, Option<Stale>)> {
        let (caller, stale) = bearer::check(tx, &self.settings, bearer)?;
        // As long as it is only assumed that the session lives, its account pays for nothing.
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
    /// No secret is fit, or the store can't be opened.
    pub fn open(
        place: &DatabaseLocation,
        secrets: &[&[u8]],
        settings: Settings,
        clock: Clock,
    ) -> Result<(App, Operator, Migrated)> {
        App::open_among(place, secrets, settings, clock, None)
    }

    /// The same, as one of several instances that share counters.
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

    /// What jobs take with them: never the app itself, whose end waits for them.
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

    /// What a bearer token says, if it is ours and in time. The door then asks the store whether
    /// its session lives, and counts the request.
    pub fn verify(&self, token: &str, client: Option<Client>) -> Result<Bearer> {
        let now = self.0.clock.now();
        Bearer::read(token, client, &self.0.keys, now).map_err(|invalid| {
            let is_one_too_many = self.0.limits.invalid_token(client, now).err();
            is_one_too_many.unwrap_or(invalid)
        })
    }

    /// What a door came to. A token that does not live counts for the client that sent it, once for
    /// each request.
    pub(crate) fn admitted<T>(&self, bearer: &Bearer, outcome: Result<T>) -> Result<T> {
        if let Err(Error::Unauthenticated(AuthError::BadToken)) = outcome {
            let now = self.0.clock.now();
            bearer.count_once(|| self.0.limits.invalid_token(bearer.client(), now))?;
        }
        outcome
    }

    /// Reads as the token's user. `input` is what the request said: if it was wrong, that is told
    /// only to somebody whose session lives.
    pub async fn read<I, T, E, F>(&self, token: Bearer, input: Result<I, E>, f: F) -> Result<T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error>,
        F: Fn(&mut ReadTx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        self.read_in(Lane::Accounts, token, input, f).await
    }

    /// The same in a lane of its own choice.
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

    /// What others verify our tokens by; nothing where they are signed with a secret.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.0.keys.public()
    }

    /// What somebody is told whose input is `wrong`: that, where the token's session lives, or else
    /// what is wrong with it.
    pub async fn refuse<E: From<Error>>(&self, token: Bearer, wrong: E) -> E {
        let (parts, bearer) = (self.rules(), token.clone());
        let checked = self.0.db.read(move |tx| parts.admit(tx, &token).map(drop)).await;
        self.admitted(&bearer, checked).map_or_else(E::from, |()| wrong)
    }

    /// That the store answers.
    pub async fn ping(&self) -> Result<()> {
        self.0.db.read_in(Lane::Health, |tx| users::sql::find(tx, UserId(0)).map(drop)).await
    }
}
