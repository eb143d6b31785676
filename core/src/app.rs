//! What a contract may call. `read` and `write` are the only doors to the store: they check the session in the same
//! transaction, and only they make a `Caller`.

mod account;
mod letters;
mod live;
mod once;
mod second_factor;

use std::sync::Arc;

use crate::audit::{self, Action, Who};
use crate::bearer::{self, Bearer, Proof};
use crate::client::Client;
use crate::clock::Clock;
use crate::db::{Db, Migrated, Place, Tx};
use crate::error::{Error, Result, Unproven};
use crate::hasher::Hasher;
use crate::limits::{Limits, Shared};
use crate::mail::{self, Kind};
use crate::sessions::token::{Keys, PublicKey};
use crate::sessions::{self, Door, Grant, RefreshToken, Refreshed};
use crate::settings::Settings;
use crate::users::password::Password;
use crate::users::sql::Credentials;
use crate::users::{self, Caller, Draft, Email, Name, Role, User, UserId, Username};

/// Taskwell, running: the store, the keys, the hashing threads. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

struct Parts {
    db: Db,
    hasher: Hasher,
    keys: Keys,
    settings: Arc<Settings>,
    limits: Limits,
    clock: Clock,
}

struct Rules {
    keys: Keys,
    settings: Arc<Settings>,
}

/// A sign-up that has been read and found well-formed.
pub struct SignUp {
    /// `None`: one is made from the address.
    pub username: Option<Username>,
    pub name: Option<Name>,
    pub email: Email,
    pub password: Password,
}

impl App {
    /// Opens the store and starts the threads.
    ///
    /// # Errors
    /// No secret is fit, or the store can't be opened.
    pub fn open(
        place: &Place,
        secrets: &[&[u8]],
        settings: Settings,
        clock: Clock,
    ) -> Result<(App, Migrated)> {
        App::open_among(place, secrets, settings, clock, None)
    }

    /// The same, as one of several instances that share counters.
    ///
    /// # Errors
    /// As [`App::open`].
    pub fn open_among(
        place: &Place,
        secrets: &[&[u8]],
        settings: Settings,
        clock: Clock,
        shared: Option<Arc<dyn Shared>>,
    ) -> Result<(App, Migrated)> {
        let keys = Keys::new(secrets, settings.signing)?;
        let (db, migrated) = Db::open(place, &settings, &clock)?;
        let hasher = Hasher::start(settings.hash_threads, settings.scheme)?;
        let limits = Limits::new(settings.rate_limits, shared);
        let parts = Parts { db, hasher, keys, settings: Arc::new(settings), limits, clock };
        Ok((App(Arc::new(parts)), migrated))
    }

    /// What jobs take with them: never the app itself, whose end waits for them.
    fn rules(&self) -> Rules {
        Rules { keys: self.0.keys.clone(), settings: self.0.settings.clone() }
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What a bearer token says, if it is ours and in time, and its user has not asked too often; the door then asks the store whether its session lives.
    pub fn verify(&self, token: &str, client: Option<Client>) -> Result<Bearer> {
        let now = self.0.clock.now();
        let bearer = Bearer::read(token, client, &self.0.keys, now)?;
        match bearer.proof {
            Proof::Personal(hash) => self.0.limits.request(hash, now)?,
            Proof::Access(ref claims) => self.0.limits.request(claims.user, now)?,
        }
        Ok(bearer)
    }

    /// Reads as the token's user. `input` is what the request said: if it was wrong, that is told only to somebody whose
    /// session lives.
    pub async fn read<I, T, E, F>(&self, token: Bearer, input: Result<I, E>, f: F) -> Result<T, E>
    where
        I: Send + 'static,
        T: Send + 'static,
        E: From<Error>,
        F: Fn(&mut Tx, &Caller, &I) -> Result<T> + Send + 'static,
    {
        match input {
            Ok(input) => {
                let parts = self.rules();
                let (found, stale) = self
                    .0
                    .db
                    .read(move |tx| {
                        let (caller, stale) = bearer::check(tx, &parts.settings, &token)?;
                        Ok((f(tx, &caller, &input)?, stale))
                    })
                    .await?;
                if let Some(stale) = stale {
                    self.0.db.write(move |tx| bearer::touch(tx, stale)).await?;
                }
                Ok(found)
            }
            Err(wrong) => Err(self.refuse(token, wrong).await),
        }
    }

    /// What others verify our tokens by; nothing where they are signed with a secret.
    pub fn public_keys(&self) -> &[PublicKey] {
        self.0.keys.public()
    }

    /// What somebody is told whose input is `wrong`: that, where the token's session lives, or else what is wrong with it.
    pub async fn refuse<E: From<Error>>(&self, token: Bearer, wrong: E) -> E {
        let parts = self.rules();
        let checked = self.0.db.read(move |tx| bearer::check(tx, &parts.settings, &token).map(drop)).await;
        checked.map_or_else(E::from, |()| wrong)
    }

    /// Makes an account with the role `user`.
    pub async fn register(&self, new: SignUp, door: &Door) -> Result<User> {
        self.0.limits.sign_up(door.client, self.0.clock.now()).await?;
        let making = Box::pin(self.make(new, Role::User, door));
        self.settled_at(door, making).await
    }

    /// Makes an account and opens its first session, both or neither.
    pub async fn sign_up(&self, new: SignUp, door: Door) -> Result<Grant> {
        if self.settings().verified_email_required {
            self.register(new, &door).await?;
            return Err(Error::Unauthenticated(Unproven::UnverifiedEmail));
        }
        self.0.limits.sign_up(door.client, self.0.clock.now()).await?;
        let draft = self.draft(new, Role::User).await?;
        let parts = self.rules();
        self.0
            .db
            .write(move |tx| {
                let user = users::register(tx, &draft)?;
                let who = Who { user: Some(user.id.0), client: door.client, mails: parts.settings.mails };
                signed_up(tx, who, &user)?;
                sessions::open(tx, &parts.keys, &parts.settings, user, &door)
            })
            .await
    }

    async fn draft(&self, new: SignUp, role: Role) -> Result<Draft> {
        let (username, email) = (new.username.clone(), new.email.clone());
        self.0.db.read(move |tx| users::require_free(tx, username.as_ref(), &email)).await?;
        Ok(Draft {
            username: new.username,
            name: new.name,
            email: new.email,
            password: self.0.hasher.hash(new.password).await?,
            role,
        })
    }

    /// Opens a session for the account of that username or address. It takes the same time whether there is one or not.
    ///
    /// # Errors
    /// Which of [`Unproven::UnknownUser`] and [`Unproven::WrongPassword`] it was is told; most contracts answer both alike.
    pub async fn login(&self, login: String, password: Password, door: Door) -> Result<Grant> {
        self.0.limits.login(door.client, &login, self.0.clock.now()).await?;
        let name = login.clone();
        let found = self.0.db.read(move |tx| users::sql::credentials_by_login(tx, &login)).await?;
        let stored = found.as_ref().map(|found| found.password.clone());
        let proven = self.0.hasher.verify(password.clone(), stored).await?;
        let known = match found {
            Some(known) if proven => known,
            found => return Err(self.refuse_login(found, &door).await),
        };
        if self.settings().verified_email_required && !known.user.email_verified {
            return Err(Error::Unauthenticated(Unproven::UnverifiedEmail));
        }
        let better = if self.0.hasher.is_outdated(&known.password) {
            // Where there is no time for it now, there is at another login.
            self.0.hasher.hash(password).await.ok()
        } else {
            None
        };
        let (parts, asked) = (self.rules(), door.clone());
        let (id, hash) = (known.user.id, known.password.clone());
        let open = move |tx: &mut Tx| {
            sessions::open_verified(tx, &parts.keys, &parts.settings, (id, &hash), better.as_ref(), &asked)
        };
        let opened = self.0.db.write(open).await;
        if let Err(Error::Unauthenticated(Unproven::WrongCode)) = opened {
            // It counts as a wrong password does.
            self.refuse_login(Some(known), &door).await;
        } else {
            self.0.limits.logged_in(door.client, &name, self.0.clock.now()).await;
        }
        opened
    }

    /// Writes down that a login failed, known user or not: so both take as long.
    async fn refuse_login(&self, found: Option<Credentials>, door: &Door) -> Error {
        let why = if found.is_some() { Unproven::WrongPassword } else { Unproven::UnknownUser };
        let who = Who { user: None, client: door.client, mails: false };
        let subject = found.map(|found| found.user.id.0);
        let write = move |tx: &mut Tx| audit::record(tx, who, subject, Action::LoginFailed, None);
        self.0.db.write(write).await.err().unwrap_or(Error::Unauthenticated(why))
    }

    /// New tokens for a refresh token, which is used up by it. Using one twice ends its session.
    pub async fn refresh(&self, token: RefreshToken, door: Door) -> Result<Grant> {
        self.0.limits.refresh(door.client, self.0.clock.now()).await?;
        let parts = self.rules();
        let refreshed = self
            .0
            .db
            .write(move |tx| sessions::rotate(tx, &parts.keys, &parts.settings, &token, &door))
            .await?;
        granted(refreshed)
    }

    /// A new access token for a refresh token that stays good (contract 000).
    pub async fn renew(&self, token: RefreshToken, door: Door) -> Result<String> {
        self.0.limits.refresh(door.client, self.0.clock.now()).await?;
        let parts = self.rules();
        let renewed = self
            .0
            .db
            .write(move |tx| sessions::renew(tx, &parts.keys, &parts.settings, &token, &door))
            .await?;
        granted(renewed)
    }

    /// Ends the session of a refresh token (contract 000).
    pub async fn logout_by_refresh(&self, token: RefreshToken, door: &Door) -> Result<()> {
        let end = self.write_at(door, move |tx| sessions::end_by_refresh(tx, &token));
        self.settled_at(door, end).await
    }

    /// Makes an account of any role: the operator's command line.
    pub async fn create_user(&self, new: SignUp, role: Role) -> Result<User> {
        self.make(new, role, &Door::default()).await
    }

    async fn make(&self, new: SignUp, role: Role, door: &Door) -> Result<User> {
        let client = door.client;
        let draft = self.draft(new, role).await?;
        let mails = self.settings().mails && role == Role::User;
        let write = move |tx: &mut Tx| {
            let user = users::register(tx, &draft)?;
            let who = Who { user: client.map(|_| user.id.0), client, mails };
            signed_up(tx, who, &user)?;
            Ok(user)
        };
        self.write_at(door, write).await
    }

    /// Sets a password without the old one and ends every session: the operator's command line.
    pub async fn reset_password(&self, user: UserId, new: Password) -> Result<()> {
        let hash = self.0.hasher.hash(new).await?;
        self.0.db.write(move |tx| users::reset_password(tx, Who::default(), user, &hash)).await
    }

    /// A transaction in nobody's name: the operator's command line and health checks. No contract may call it.
    pub async fn as_operator<T: Send + 'static>(
        &self,
        f: impl Fn(&mut Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.0.db.write(f).await
    }

    /// That the store answers.
    pub async fn ping(&self) -> Result<()> {
        self.0.db.read(|tx| users::sql::find(tx, UserId(0)).map(drop)).await
    }
}

/// What goes with a sign-up.
fn signed_up(tx: &mut Tx, who: Who, user: &User) -> Result<()> {
    let id = Some(user.id.0);
    audit::record(tx, who, id, Action::SignedUp, None)?;
    mail::queue(tx, who, Kind::Verify, id, &user.email, None)
}

fn granted<T>(refreshed: Refreshed<T>) -> Result<T> {
    match refreshed {
        Refreshed::Granted(grant) => Ok(grant),
        Refreshed::Reused => Err(Error::Unauthenticated(Unproven::BadRefreshToken)),
    }
}
