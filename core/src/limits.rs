//! How often somebody may try: the generic cell rate algorithm (ITU-T I.371), which needs one number for each subject. Which
//! tries count, for whom, and how many are allowed, is all here; where a client's address comes from is HTTP's.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};

use crate::client::Client;
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

/// All counters of this process. `None` where limits are off.
pub struct Limits(Option<Tables>);

struct Tables {
    hasher: RandomState,
    /// When each subject's tries will have been worked off, in microseconds since 1970.
    cells: Box<[AtomicI64]>,
    /// Until when an account is known at an address.
    known: Box<[AtomicI64]>,
}

impl Limits {
    pub fn new(on: bool) -> Limits {
        let table = || (0..CELLS).map(|_| AtomicI64::new(0)).collect();
        Limits(on.then(|| Tables { hasher: RandomState::new(), cells: table(), known: table() }))
    }

    pub fn sign_up(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(SIGN_UP, client, now)
    }

    pub fn refresh(&self, client: Option<Client>, now: Timestamp) -> Result<()> {
        self.by_client(REFRESH, client, now)
    }

    pub fn reset(&self, client: Option<Client>, email: &str, now: Timestamp) -> Result<()> {
        self.by_client(RESET, client, now)?;
        let address = text::fold(email);
        self.0.as_ref().map_or(Ok(()), |tables| tables.take(RESET_ADDRESS, &address, now))
    }

    /// A request of a user, by its id or by the token that it comes with.
    pub fn request(&self, from: impl std::hash::Hash, now: Timestamp) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |tables| tables.take(REQUESTS, &from, now))
    }

    /// Takes a try to log in, and a failure ahead: whoever tries many passwords at once must not get ahead of the count.
    /// [`Limits::logged_in`] gives it back.
    pub fn login(&self, client: Option<Client>, login: &str, now: Timestamp) -> Result<()> {
        let Some(tables) = &self.0 else {
            return Ok(());
        };
        self.by_client(LOGIN, client, now)?;
        let account = text::fold(&text::nfc(login));
        tables.take(FAILURES, &(client, &account), now)?;
        let is_known =
            tables.known[tables.place(&(client, &account))].load(Ordering::Relaxed) > now.as_micros();
        let anywhere = tables.take(FAILURES_ANYWHERE, &account, now);
        if is_known { Ok(()) } else { anywhere }
    }

    /// The password was right.
    pub fn logged_in(&self, client: Option<Client>, login: &str, now: Timestamp) {
        if let Some(tables) = &self.0 {
            let account = text::fold(&text::nfc(login));
            tables.give_back(FAILURES, &(client, &account));
            tables.give_back(FAILURES_ANYWHERE, &account);
            let until = now.plus_seconds(KNOWN_FOR_S).as_micros();
            tables.known[tables.place(&(client, &account))].store(until, Ordering::Relaxed);
        }
    }

    /// Takes a try to prove who one is by the password, with a living session.
    pub fn proof(&self, user: i64, now: Timestamp) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |tables| tables.take(FAILURES, &user, now))
    }

    /// The password was right.
    pub fn proven(&self, user: i64) {
        if let Some(tables) = &self.0 {
            tables.give_back(FAILURES, &user);
        }
    }

    fn by_client(&self, policy: Policy, client: Option<Client>, now: Timestamp) -> Result<()> {
        match (&self.0, client) {
            (Some(tables), Some(client)) => tables.take(policy, &client, now),
            _ => Ok(()),
        }
    }
}

impl Policy {
    /// What one try costs: so much of the window it takes to be worked off.
    fn cost_us(self) -> i64 {
        self.window_s * SECOND_US / self.tries
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
        let window_us = policy.window_s * SECOND_US;
        let next = |worked_off: i64| worked_off.max(now) + policy.cost_us();
        let taken =
            self.cell(policy, subject).fetch_update(Ordering::Relaxed, Ordering::Relaxed, |worked_off| {
                Some(next(worked_off)).filter(|next| next - now <= window_us)
            });
        taken.map(drop).map_err(|worked_off| {
            let late_by = next(worked_off) - window_us - now;
            let seconds = (late_by + SECOND_US - 1) / SECOND_US;
            let retry_after_s = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
            Error::TooMany(Exceeded { policy, retry_after_s })
        })
    }

    fn give_back(&self, policy: Policy, subject: &impl std::hash::Hash) {
        self.cell(policy, subject).fetch_sub(policy.cost_us(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000 * SECOND_US).plus_seconds(seconds)
    }

    fn client(address: &str) -> Option<Client> {
        Some(Client::of(address.parse().unwrap()))
    }

    #[test]
    fn so_many_tries_pass_and_more_when_time_has_passed() {
        let limits = Limits::new(true);
        let passed = |now| (0..500).filter(|_| limits.sign_up(client("192.0.2.1"), now).is_ok()).count();
        assert_eq!(passed(at(0)), 200);
        assert_eq!(passed(at(30)), 100);
        assert_eq!(passed(at(30)), 0);
        assert!(limits.sign_up(client("192.0.2.2"), at(30)).is_ok(), "another client");
        let Err(Error::TooMany(exceeded)) = limits.sign_up(client("192.0.2.1"), at(30)) else {
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
        let limits = Limits::new(true);
        let home = client("192.0.2.1");
        limits.login(home, "Ada", at(0)).unwrap();
        limits.logged_in(home, "Ada", at(0));
        for attacker in 0..20 {
            let from = client(&format!("198.51.100.{attacker}"));
            let tried = (0..50).filter(|_| limits.login(from, "ada", at(1)).is_ok()).count();
            assert_eq!(tried, if attacker < 10 { 10 } else { 0 });
        }
        assert!(limits.login(home, "ada", at(1)).is_ok());
        assert!(limits.login(client("203.0.113.1"), "ada", at(1)).is_err());
        assert!(limits.login(client("203.0.113.1"), "bob", at(1)).is_ok());
        assert!(limits.login(client("203.0.113.1"), "ada", at(40)).is_ok(), "one more after a while");
    }
}
