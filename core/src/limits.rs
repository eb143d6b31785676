//! How often somebody may try: the generic cell rate algorithm (ITU-T I.371), which needs one number for each subject. Which
//! tries count, for whom, and how many are allowed, is all here; where a client's address comes from is HTTP's.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;
use ring::digest;

use crate::client::Client;
use crate::clock::hex;
use crate::error::{Error, Result};
use crate::text;
use crate::time::Timestamp;

/// Numbers that are kept. Two subjects that meet in one share it, which is rare and harmless; and nobody can fill the memory
/// by being many.
const CELLS: usize = 1 << 18;
const SECOND_US: i64 = 1_000_000;
/// How long somebody who logged in from an address is known there.
const KNOWN_FOR_S: i64 = 30 * 86_400;

/// So many tries in so many seconds, all at once or one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub name: &'static str,
    pub tries: i64,
    pub window_s: i64,
}

/// Log-ins and sign-ups of one client.
const LOGIN: Policy = Policy { name: "login", tries: 200, window_s: 60 };
const SIGN_UP: Policy = Policy { name: "signup", tries: 200, window_s: 60 };
const REFRESH: Policy = Policy { name: "refresh", tries: 300, window_s: 60 };
/// Wrong passwords for one account from one client.
const FAILURES: Policy = Policy { name: "login-failures", tries: 10, window_s: 60 };
/// Wrong passwords for one account from everywhere; who has logged in from where it asks is not held up by it.
const FAILURES_ANYWHERE: Policy = Policy { name: "account-login-failures", tries: 100, window_s: 3600 };
/// Mail for forgotten passwords: of one client, and to one address.
const RESET: Policy = Policy { name: "reset", tries: 30, window_s: 3600 };
const RESET_ADDRESS: Policy = Policy { name: "reset-address", tries: 5, window_s: 3600 };
/// Requests of one account.
const REQUESTS: Policy = Policy { name: "requests", tries: 6000, window_s: 60 };

/// A try that was one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    pub policy: Policy,
    pub retry_after_s: u32,
}

/// Counters that several instances share.
pub trait Shared: Send + Sync {
    /// Takes a try of `cost_us` out of `window_us`: 0, or for how many microseconds it must wait. `None` where nobody answers.
    fn take<'s>(&'s self, key: &'s str, cost_us: i64, window_us: i64) -> BoxFuture<'s, Option<i64>>;
    /// Gives a try back.
    fn give_back<'s>(&'s self, key: &'s str, cost_us: i64) -> BoxFuture<'s, ()>;
    /// Keeps a mark for so many seconds.
    fn mark<'s>(&'s self, key: &'s str, seconds: i64) -> BoxFuture<'s, ()>;
    /// Whether there is such a mark. `None` where nobody answers.
    fn is_marked<'s>(&'s self, key: &'s str) -> BoxFuture<'s, Option<bool>>;
}

/// All counters. Requests are counted here; what is rare is counted where all instances do, if there is such a place, and
/// here while it is away.
pub struct Limits {
    /// `None` where limits are off.
    tables: Option<Tables>,
    shared: Option<Arc<dyn Shared>>,
}

struct Tables {
    hasher: RandomState,
    /// When each subject's tries will have been worked off, in microseconds since 1970.
    cells: Box<[AtomicI64]>,
    /// Until when an account is known at an address.
    known: Box<[AtomicI64]>,
}

impl Limits {
    pub fn new(on: bool, shared: Option<Arc<dyn Shared>>) -> Limits {
        let table = || (0..CELLS).map(|_| AtomicI64::new(0)).collect();
        let tables = on.then(|| Tables { hasher: RandomState::new(), cells: table(), known: table() });
        Limits { tables, shared }
    }

    pub async fn sign_up(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(SIGN_UP, client, now).await
    }

    pub async fn refresh(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(REFRESH, client, now).await
    }

    pub async fn reset(&self, client: Option<Client>, email: &str, now: Timestamp) -> Result<()> {
        self.by_client(RESET, client, now).await?;
        self.take(RESET_ADDRESS, &text::fold(email), now).await
    }

    /// A request of a user, by its id or by the token that it comes with.
    pub fn request(&self, from: impl std::hash::Hash, now: Timestamp) -> Result<()> {
        self.tables.as_ref().map_or(Ok(()), |tables| tables.take(REQUESTS, &from, now))
    }

    /// Takes a try to log in, and a failure ahead: whoever tries many passwords at once must not get ahead of the count.
    /// [`Limits::logged_in`] gives it back.
    pub async fn login(&self, client: Option<Client>, login: &str, now: Timestamp) -> Result<()> {
        if self.tables.is_none() {
            return Ok(());
        }
        self.by_client(LOGIN, client, now).await?;
        let account = text::fold(&text::nfc(login));
        let here = at(client, &account);
        self.take(FAILURES, &here, now).await?;
        let is_known = self.is_known(&here, now).await;
        let anywhere = self.take(FAILURES_ANYWHERE, &account, now).await;
        if is_known { Ok(()) } else { anywhere }
    }

    /// The password was right.
    pub async fn logged_in(&self, client: Option<Client>, login: &str, now: Timestamp) {
        let account = text::fold(&text::nfc(login));
        let here = at(client, &account);
        self.give_back(FAILURES, &here).await;
        self.give_back(FAILURES_ANYWHERE, &account).await;
        if let Some(tables) = &self.tables {
            let key = key("known", &here);
            let until = now.plus_seconds(KNOWN_FOR_S).as_micros();
            tables.known[tables.place(&key)].store(until, Ordering::Relaxed);
            if let Some(shared) = &self.shared {
                shared.mark(&key, KNOWN_FOR_S).await;
            }
        }
    }

    /// Takes a try to prove who one is by the password, with a living session.
    pub async fn proof(&self, user: i64, now: Timestamp) -> Result<()> {
        self.take(FAILURES, &user.to_string(), now).await
    }

    /// The password was right.
    pub async fn proven(&self, user: i64) {
        self.give_back(FAILURES, &user.to_string()).await;
    }

    async fn by_client(&self, policy: Policy, client: Option<Client>, now: Timestamp) -> Result<()> {
        match client {
            Some(client) => self.take(policy, &client.network(), now).await,
            None => Ok(()),
        }
    }

    async fn take(&self, policy: Policy, subject: &str, now: Timestamp) -> Result<()> {
        let Some(tables) = &self.tables else {
            return Ok(());
        };
        let key = key(policy.name, subject);
        if let Some(shared) = &self.shared
            && let Some(wait_us) = shared.take(&key, policy.cost_us(), policy.window_us()).await
        {
            return if wait_us <= 0 { Ok(()) } else { Err(policy.exceeded(wait_us)) };
        }
        tables.take(policy, &key, now)
    }

    async fn give_back(&self, policy: Policy, subject: &str) {
        if let Some(tables) = &self.tables {
            let key = key(policy.name, subject);
            match &self.shared {
                Some(shared) => shared.give_back(&key, policy.cost_us()).await,
                None => tables.give_back(policy, &key),
            }
        }
    }

    async fn is_known(&self, here: &str, now: Timestamp) -> bool {
        let key = key("known", here);
        if let Some(shared) = &self.shared
            && let Some(is_marked) = shared.is_marked(&key).await
        {
            return is_marked;
        }
        let until = |tables: &Tables| tables.known[tables.place(&key)].load(Ordering::Relaxed);
        self.tables.as_ref().is_some_and(|tables| until(tables) > now.as_micros())
    }
}

/// An account, as one client tries it.
fn at(client: Option<Client>, account: &str) -> String {
    format!("{} {account}", client.map(|client| client.network()).unwrap_or_default())
}

/// What a counter is called; whom it is about can't be read from it.
fn key(name: &str, subject: &str) -> String {
    let digest = digest::digest(&digest::SHA256, subject.as_bytes());
    format!("{name}:{}", hex(&digest.as_ref()[..16]))
}

impl Policy {
    /// What one try costs: so much of the window it takes to be worked off.
    fn cost_us(self) -> i64 {
        self.window_us() / self.tries
    }

    fn window_us(self) -> i64 {
        self.window_s * SECOND_US
    }

    fn exceeded(self, wait_us: i64) -> Error {
        let seconds = (wait_us + SECOND_US - 1) / SECOND_US;
        let retry_after_s = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
        Error::TooMany(Exceeded { policy: self, retry_after_s })
    }
}

impl Tables {
    fn place(&self, subject: &impl std::hash::Hash) -> usize {
        usize::try_from(self.hasher.hash_one(subject) % CELLS as u64).unwrap_or(0)
    }

    fn cell(&self, policy: Policy, subject: &impl std::hash::Hash) -> &AtomicI64 {
        &self.cells[self.place(&(policy.name, subject))]
    }

    fn take(&self, policy: Policy, subject: &impl std::hash::Hash, now: Timestamp) -> Result<()> {
        let now = now.as_micros();
        let next = |worked_off: i64| worked_off.max(now) + policy.cost_us();
        let taken =
            self.cell(policy, subject).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |worked_off| {
                Some(next(worked_off)).filter(|next| next - now <= policy.window_us())
            });
        taken.map(drop).map_err(|worked_off| policy.exceeded(next(worked_off) - policy.window_us() - now))
    }

    fn give_back(&self, policy: Policy, subject: &impl std::hash::Hash) {
        self.cell(policy, subject).fetch_sub(policy.cost_us(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    /// Without a shared place nothing is waited for.
    fn now_or_never<T>(answer: impl Future<Output = T>) -> T {
        answer.now_or_never().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000 * SECOND_US).plus_seconds(seconds)
    }

    fn client(address: &str) -> Option<Client> {
        address.parse().ok().map(Client::of)
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
        let Err(Error::TooMany(exceeded)) = now_or_never(limits.sign_up(client("192.0.2.1"), at(30))) else {
            panic!("passed");
        };
        assert_eq!((exceeded.policy, exceeded.retry_after_s), (SIGN_UP, 1));
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
        now_or_never(limits.login(home, "Ada", at(0))).unwrap();
        now_or_never(limits.logged_in(home, "Ada", at(0)));
        for attacker in 0..20 {
            let from = client(&format!("198.51.100.{attacker}"));
            let tried = (0..50).filter(|_| now_or_never(limits.login(from, "ada", at(1))).is_ok()).count();
            assert_eq!(tried, if attacker < 10 { 10 } else { 0 });
        }
        assert!(now_or_never(limits.login(home, "ada", at(1))).is_ok());
        assert!(now_or_never(limits.login(client("203.0.113.1"), "ada", at(1))).is_err());
        assert!(now_or_never(limits.login(client("203.0.113.1"), "bob", at(1))).is_ok());
        assert!(
            now_or_never(limits.login(client("203.0.113.1"), "ada", at(40))).is_ok(),
            "one more after a while"
        );
    }
}
