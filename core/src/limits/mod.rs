//! Rate limits: which tries count, and against which subject. The module `policy` defines how many
//! are allowed. The HTTP layer determines a client's address.

mod counters;
mod policy;
mod table;

use std::sync::Arc;

pub use self::counters::{Charge, Shared, Verdict};
use self::counters::{Counters, Counting, Key, Taken, Try, key};
pub use self::policy::Policy;
use self::policy::{
    ACCOUNT_ANYWHERE, ACCOUNT_FROM_CLIENT, INVALID_TOKENS, LOGIN, NAME_ANYWHERE, NAME_FROM_CLIENT,
    REFRESH, REQUESTS, SIGN_UP,
};
use self::table::Table;
use crate::client::Client;
use crate::error::Result;
use crate::ids::UserId;
use crate::time::Timestamp;

/// All counters. Requests are counted in this process. Rarer events are counted in a store that all
/// instances share, or in this process if there is none or it is unreachable.
pub struct Limits {
    /// `None` if limits are off.
    all: Option<All>,
}

struct All {
    counting: Counting,
    login: Counters,
    sign_up: Counters,
    refresh: Counters,
    /// Contains only accounts that exist, so that no flood of invented names can evict one.
    accounts: Guesses,
    strangers: Guesses,
    /// By account.
    requests: Table<UserId>,
    invalid_tokens: Table<Client>,
}

/// Counters of wrong passwords and codes.
struct Guesses {
    name_from_client: Counters,
    name_anywhere: Counters,
    account_from_client: Counters,
    account_anywhere: Counters,
}

/// The account whose password a login tries.
#[derive(Debug, Clone, Copy)]
pub enum Target<'t> {
    /// The account with this id; `name` is the kind of name that a login found it by.
    Account { id: UserId, name: &'static str },
    /// No account has this name.
    Stranger { name: &'t str },
}

/// A permitted guess. It is counted as wrong in advance, so that parallel guesses cannot exceed the
/// limit. Dropping it leaves it counted.
pub struct Guess<'l> {
    taken: Option<Taken<'l>>,
    who: Key,
}

impl Limits {
    pub fn new(on: bool, shared: Option<Arc<dyn Shared>>) -> Limits {
        Limits { all: on.then(|| All::new(shared)) }
    }

    pub async fn sign_up(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(|all| &all.sign_up, client, now).await
    }

    pub async fn refresh(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(|all| &all.refresh, client, now).await
    }

    /// Counts a login before its account is known. [`Limits::guess`] counts its password.
    pub async fn login(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(|all| &all.login, client, now).await
    }

    /// Counts a request with a valid session or token of an account. It costs one count in memory.
    pub fn request(&self, account: UserId, now: Timestamp) -> Result<()> {
        let Some(all) = &self.all else { return Ok(()) };
        all.requests.take(REQUESTS, account, now).map_err(|wait_us| REQUESTS.exceeded(wait_us))
    }

    /// Counts a request with an invalid or expired token, against the client and not an account.
    pub fn invalid_token(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        let (Some(all), Some(client)) = (&self.all, client) else { return Ok(()) };
        let taken = all.invalid_tokens.take(INVALID_TOKENS, client, now);
        taken.map_err(|wait_us| INVALID_TOKENS.exceeded(wait_us))
    }

    /// Counts a try to log in. Unknown names are counted like accounts, so that the response time
    /// reveals nothing.
    pub async fn guess(
        &self,
        client: Option<Client>,
        target: Target<'_>,
        now: Timestamp,
    ) -> Result<Guess<'_>> {
        let (account, name) = match target {
            Target::Account { id, name } => (account(id), format!("{} {name}", account(id))),
            Target::Stranger { name } => (format!("name {name}"), format!("name {name}")),
        };
        let who = key(&at(client, &account));
        let Some(all) = &self.all else { return Ok(Guess { taken: None, who }) };
        let guesses = match target {
            Target::Account { .. } => &all.accounts,
            Target::Stranger { .. } => &all.strangers,
        };
        // The account's own limit refuses only if wrong proofs in its sessions have used up the
        // rest. The refusal then looks like that of the name.
        let tries = [
            guesses.name_from_client.try_of(&at(client, &name)),
            guesses.account_from_client.try_of(&at(client, &account)).shown_as(NAME_FROM_CLIENT),
            guesses.name_anywhere.try_of(&name).yielding_to_known(),
            guesses.account_anywhere.try_of(&account).shown_as(NAME_ANYWHERE).yielding_to_known(),
        ];
        let taken = all.counting.take(&tries, Some(who), now).await?;
        Ok(Guess { taken: Some(taken), who })
    }

    /// Counts a try to prove, by password or code, that a valid session belongs to its owner.
    pub async fn proof(
        &self,
        client: Option<Client>,
        id: UserId,
        now: Timestamp,
    ) -> Result<Guess<'_>> {
        let account = account(id);
        let who = key(&at(client, &account));
        let Some(all) = &self.all else { return Ok(Guess { taken: None, who }) };
        let tries = [
            all.accounts.account_from_client.try_of(&at(client, &account)),
            all.accounts.account_anywhere.try_of(&account).yielding_to_known(),
        ];
        let taken = all.counting.take(&tries, Some(who), now).await?;
        Ok(Guess { taken: Some(taken), who })
    }

    /// Gives back a guess that was not wrong.
    pub async fn give_back(&self, guess: Guess<'_>, now: Timestamp) {
        if let (Some(all), Some(taken)) = (&self.all, guess.taken) {
            all.counting.give_back(taken, now).await;
        }
    }

    /// Gives back a guess that opened a session. Its client is known to the account from now on.
    pub async fn logged_in(&self, guess: Guess<'_>, now: Timestamp) {
        if let Some(all) = &self.all {
            all.counting.remember(guess.who, now).await;
        }
        self.give_back(guess, now).await;
    }

    async fn by_client(
        &self,
        counters: impl Fn(&All) -> &Counters,
        client: Option<Client>,
        now: Timestamp,
    ) -> Result<()> {
        match (&self.all, client) {
            (Some(all), Some(client)) => {
                all.take_one(counters(all).try_of(&client.network()), now).await
            }
            _ => Ok(()),
        }
    }
}

impl All {
    fn new(shared: Option<Arc<dyn Shared>>) -> All {
        All {
            counting: Counting::new(shared),
            login: Counters::new(LOGIN),
            sign_up: Counters::new(SIGN_UP),
            refresh: Counters::new(REFRESH),
            accounts: Guesses::new(),
            strangers: Guesses::new(),
            requests: Table::new(),
            invalid_tokens: Table::new(),
        }
    }

    async fn take_one(&self, one: Try<'_>, now: Timestamp) -> Result<()> {
        self.counting.take(&[one], None, now).await.map(drop)
    }
}

impl Guesses {
    fn new() -> Guesses {
        Guesses {
            name_from_client: Counters::new(NAME_FROM_CLIENT),
            name_anywhere: Counters::new(NAME_ANYWHERE),
            account_from_client: Counters::new(ACCOUNT_FROM_CLIENT),
            account_anywhere: Counters::new(ACCOUNT_ANYWHERE),
        }
    }
}

fn account(id: UserId) -> String {
    format!("account {id}")
}

/// Returns the subject as tried by one client.
fn at(client: Option<Client>, subject: &str) -> String {
    format!("{} {subject}", client.map(|client| client.network()).unwrap_or_default())
}

#[cfg(test)]
mod tests;
