//! How often somebody may try. Which tries count, and for whom, is here; how many are allowed is `policy`; where a client's
//! address comes from is HTTP's.

mod counters;
mod policy;
mod table;

use std::sync::Arc;

pub use self::counters::{Charge, Shared, Verdict};
use self::counters::{Counters, Counting, Key, Taken, Try, key};
pub use self::policy::Policy;
use self::policy::{
    ACCOUNT_ANYWHERE, ACCOUNT_FROM_CLIENT, INVALID_TOKENS, LOGIN, NAME_ANYWHERE, NAME_FROM_CLIENT, REFRESH,
    REQUESTS, SIGN_UP,
};
use self::table::Table;
use crate::client::Client;
use crate::error::Result;
use crate::time::Timestamp;

/// All counters. Requests are counted here; what is rare is counted where all instances do, if there is such a place, and
/// here while it is away.
pub struct Limits {
    /// `None` where limits are off.
    all: Option<All>,
}

struct All {
    counting: Counting,
    login: Counters,
    sign_up: Counters,
    refresh: Counters,
    /// Only accounts that exist have entries here, so that no flood of made-up names can push one out.
    accounts: Guesses,
    strangers: Guesses,
    /// By the account.
    requests: Table<i64>,
    invalid_tokens: Table<Client>,
}

/// Wrong passwords and codes.
struct Guesses {
    name_from_client: Counters,
    name_anywhere: Counters,
    account_from_client: Counters,
    account_anywhere: Counters,
}

/// Whose password somebody tries at a login.
#[derive(Debug, Clone, Copy)]
pub enum Target<'t> {
    /// An account's that has this id; `name` says by which kind of its names it was found.
    Account { id: i64, name: &'static str },
    /// Nobody's: no account is found by this name.
    Stranger { name: &'t str },
}

/// A guess that was let through and counted as wrong ahead: whoever tries many passwords at once must not get ahead of the
/// count. Whoever drops it leaves it counted.
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

    /// A login, before anything is known of it. Its password is [`Limits::guess`].
    pub async fn login(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(|all| &all.login, client, now).await
    }

    /// A request of an account, whose session or token was found alive. It costs one count in memory.
    pub fn request(&self, account: i64, now: Timestamp) -> Result<()> {
        let Some(all) = &self.all else { return Ok(()) };
        all.requests.take(REQUESTS, account, now).map_err(|wait_us| REQUESTS.exceeded(wait_us))
    }

    /// A request with a token that is not valid, or not any more. Nobody's account pays for it.
    pub fn invalid_token(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        let (Some(all), Some(client)) = (&self.all, client) else { return Ok(()) };
        let taken = all.invalid_tokens.take(INVALID_TOKENS, client, now);
        taken.map_err(|wait_us| INVALID_TOKENS.exceeded(wait_us))
    }

    /// A try to log in. Nobody's name is counted like an account's, so that the time tells nothing.
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
        // The account as a whole refuses only where its owner's wrong proofs have used up the rest. That looks as if it were
        // the name.
        let tries = [
            guesses.name_from_client.try_of(&at(client, &name)),
            guesses.account_from_client.try_of(&at(client, &account)).shown_as(NAME_FROM_CLIENT),
            guesses.name_anywhere.try_of(&name).yielding_to_known(),
            guesses.account_anywhere.try_of(&account).shown_as(NAME_ANYWHERE).yielding_to_known(),
        ];
        let taken = all.counting.take(&tries, Some(who), now).await?;
        Ok(Guess { taken: Some(taken), who })
    }

    /// A try to prove with a living session, by the password or a code, that it is its owner's.
    pub async fn proof(&self, client: Option<Client>, id: i64, now: Timestamp) -> Result<Guess<'_>> {
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

    /// The guess was not wrong.
    pub async fn give_back(&self, guess: Guess<'_>, now: Timestamp) {
        if let (Some(all), Some(taken)) = (&self.all, guess.taken) {
            all.counting.give_back(taken, now).await;
        }
    }

    /// The guess opened a session: its client is known for the account from now on.
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
            (Some(all), Some(client)) => all.take_one(counters(all).try_of(&client.network()), now).await,
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

fn account(id: i64) -> String {
    format!("account {id}")
}

/// A subject, as one client tries it.
fn at(client: Option<Client>, subject: &str) -> String {
    format!("{} {subject}", client.map(|client| client.network()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::error::Error;

    /// Without a shared place nothing is waited for.
    fn now_or_never<T>(answer: impl Future<Output = T>) -> T {
        answer.now_or_never().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000).plus_seconds(seconds)
    }

    fn client(address: &str) -> Option<Client> {
        address.parse().ok().map(Client::of)
    }

    const USERNAME: Target = Target::Account { id: 1, name: "username" };
    const EMAIL: Target = Target::Account { id: 1, name: "email" };

    /// How many of many wrong guesses pass.
    fn wrong(limits: &Limits, from: Option<Client>, target: Target, now: Timestamp) -> usize {
        (0..50).filter(|_| now_or_never(limits.guess(from, target, now)).is_ok()).count()
    }

    fn log_in(limits: &Limits, from: Option<Client>, target: Target, now: Timestamp) {
        let guess = now_or_never(limits.guess(from, target, now)).ok().unwrap();
        now_or_never(limits.logged_in(guess, now));
    }

    fn refusal<T>(outcome: &Result<T>) -> (&'static str, u32) {
        match outcome {
            Err(Error::TooMany(exceeded)) => (exceeded.policy, exceeded.retry_after_s),
            _ => panic!("passed"),
        }
    }

    #[test]
    fn so_many_tries_pass_and_more_when_time_has_passed() {
        let limits = Limits::new(true, None);
        let passed =
            |now| (0..500).filter(|_| now_or_never(limits.sign_up(client("192.0.2.1"), now)).is_ok()).count();
        assert_eq!(passed(at(0)), 200);
        assert_eq!(passed(at(30)), 100);
        assert_eq!(passed(at(30)), 0);
        assert!(now_or_never(limits.sign_up(client("192.0.2.2"), at(30))).is_ok(), "another client");
        let refused = now_or_never(limits.sign_up(client("192.0.2.1"), at(30)));
        assert_eq!(refusal(&refused), (SIGN_UP.name, 1));
    }

    #[test]
    fn an_ipv6_client_is_its_network_and_a_mapped_address_is_ipv4() {
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }

    #[test]
    fn failures_slow_down_an_account_and_its_owner_is_let_in_where_known() {
        let limits = Limits::new(true, None);
        let home = client("192.0.2.1");
        log_in(&limits, home, USERNAME, at(0));
        for attacker in 0..20 {
            let from = client(&format!("198.51.100.{attacker}"));
            assert_eq!(wrong(&limits, from, USERNAME, at(1)), if attacker < 10 { 5 } else { 0 });
        }
        assert!(now_or_never(limits.guess(home, USERNAME, at(1))).is_ok());
        let elsewhere = client("203.0.113.1");
        assert_eq!(
            refusal(&now_or_never(limits.guess(elsewhere, USERNAME, at(1)))),
            (NAME_ANYWHERE.name, 72)
        );
        let other = Target::Account { id: 2, name: "username" };
        assert!(now_or_never(limits.guess(elsewhere, other, at(1))).is_ok());
        assert!(now_or_never(limits.guess(elsewhere, USERNAME, at(73))).is_ok(), "one more after a while");
    }

    #[test]
    fn a_login_that_was_not_completed_makes_no_client_known() {
        let limits = Limits::new(true, None);
        let attackers: Vec<_> = (0..30).map(|n| client(&format!("198.51.100.{n}"))).collect();
        for from in &attackers {
            // The right password, without the code that is asked for.
            let guess = now_or_never(limits.guess(*from, USERNAME, at(0))).ok().unwrap();
            now_or_never(limits.give_back(guess, at(0)));
        }
        let passed: usize = attackers.iter().map(|from| wrong(&limits, *from, USERNAME, at(0))).sum();
        assert_eq!(passed, 50);
    }

    #[test]
    fn each_name_has_half_and_the_sum_over_names_and_proofs_is_bounded() {
        let limits = Limits::new(true, None);
        let here = client("192.0.2.1");
        assert_eq!(wrong(&limits, here, USERNAME, at(0)), 5);
        assert_eq!(
            wrong(&limits, here, EMAIL, at(0)),
            5,
            "no refusal tells that the names are one account's"
        );
        assert_eq!(refusal(&now_or_never(limits.proof(here, 1, at(0)))), (ACCOUNT_FROM_CLIENT.name, 6));
        // The other way round: what proofs have used up, logins lack, and they call it by the name.
        let limits = Limits::new(true, None);
        let proofs = (0..50).filter(|_| now_or_never(limits.proof(here, 1, at(0))).is_ok()).count();
        assert_eq!(proofs, 10);
        assert_eq!(refusal(&now_or_never(limits.guess(here, EMAIL, at(0)))), (NAME_FROM_CLIENT.name, 6));
        // From everywhere, for hours: never more than there is in all.
        let limits = Limits::new(true, None);
        let mut passed = 0;
        for n in 0..60 {
            let from = client(&format!("198.51.100.{n}"));
            passed += wrong(&limits, from, USERNAME, at(0)) + wrong(&limits, from, EMAIL, at(0));
            passed += (0..20).filter(|_| now_or_never(limits.proof(from, 1, at(0))).is_ok()).count();
        }
        assert_eq!(passed, 100);
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_as_one_that_somebody_has() {
        let limits = Limits::new(true, None);
        let stranger = Target::Stranger { name: "nobody" };
        for seconds in [0, 10, 30, 4000] {
            for attacker in 0..30 {
                let from = client(&format!("198.51.100.{attacker}"));
                for _ in 0..8 {
                    let [known, unknown] = [USERNAME, stranger].map(|target| {
                        let outcome = now_or_never(limits.guess(from, target, at(seconds)));
                        outcome.map(|_| ()).map_err(|error| error.to_string())
                    });
                    assert_eq!(known, unknown);
                }
            }
        }
    }

    #[test]
    fn many_subjects_hold_up_nobody_else_and_free_no_guess() {
        let limits = Limits::new(true, None);
        assert_eq!(wrong(&limits, client("192.0.2.1"), USERNAME, at(0)), 5);
        for n in 0..30_000_u32 {
            let from = Some(Client::of(std::net::Ipv4Addr::from(0x0a00_0000 + n).into()));
            now_or_never(limits.refresh(from, at(0))).unwrap();
            drop(now_or_never(limits.guess(from, Target::Stranger { name: &n.to_string() }, at(0))));
        }
        for n in 0..300_u32 {
            let from = Some(Client::of(std::net::Ipv4Addr::from(0x0b00_0000 + n).into()));
            now_or_never(limits.sign_up(from, at(0))).unwrap();
            now_or_never(limits.refresh(from, at(0))).unwrap();
            now_or_never(limits.login(from, at(0))).unwrap();
            let target = Target::Account { id: 1000 + i64::from(n), name: "email" };
            assert!(now_or_never(limits.guess(from, target, at(0))).is_ok());
            limits.request(1000 + i64::from(n), at(0)).unwrap();
        }
        assert_eq!(wrong(&limits, client("192.0.2.1"), USERNAME, at(0)), 0);
    }

    #[test]
    fn requests_are_an_accounts_and_invalid_tokens_a_clients() {
        let limits = Limits::new(true, None);
        let (here, there) = (client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!((0..7000).filter(|_| limits.invalid_token(here, at(0)).is_ok()).count(), 6000);
        assert_eq!(refusal(&limits.invalid_token(here, at(0))), (INVALID_TOKENS.name, 1));
        assert!(limits.invalid_token(there, at(0)).is_ok());
        assert_eq!((0..7000).filter(|_| limits.request(1, at(0)).is_ok()).count(), 6000);
        assert!(limits.request(2, at(0)).is_ok());
    }
}
