//! Tests of the limits in combination.

use futures_util::FutureExt as _;

use super::*;
use crate::error::Error;

/// Returns the answer. Without a shared store, it never has to wait.
fn now_or_never<T>(answer: impl Future<Output = T>) -> T {
    answer.now_or_never().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000).plus_seconds(seconds)
}

fn client(address: &str) -> Option<Client> {
    address.parse().ok().map(Client::of)
}

const USERNAME: Target = Target::Account { id: UserId(1), name: "username" };
const EMAIL: Target = Target::Account { id: UserId(1), name: "email" };

/// Returns how many of 50 wrong guesses pass.
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
    let passed = |now| {
        (0..500).filter(|_| now_or_never(limits.sign_up(client("192.0.2.1"), now)).is_ok()).count()
    };
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
    let other = Target::Account { id: UserId(2), name: "username" };
    assert!(now_or_never(limits.guess(elsewhere, other, at(1))).is_ok());
    assert!(
        now_or_never(limits.guess(elsewhere, USERNAME, at(73))).is_ok(),
        "one more after a while"
    );
}

#[test]
fn a_login_that_was_not_completed_makes_no_client_known() {
    let limits = Limits::new(true, None);
    let attackers: Vec<_> = (0..30).map(|n| client(&format!("198.51.100.{n}"))).collect();
    for from in &attackers {
        // The right password without the required code.
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
    assert_eq!(
        refusal(&now_or_never(limits.proof(here, UserId(1), at(0)))),
        (ACCOUNT_FROM_CLIENT.name, 6)
    );
    // Conversely, proofs use up the tries of logins, whose refusal names the limit of the name.
    let limits = Limits::new(true, None);
    let proofs =
        (0..50).filter(|_| now_or_never(limits.proof(here, UserId(1), at(0))).is_ok()).count();
    assert_eq!(proofs, 10);
    assert_eq!(
        refusal(&now_or_never(limits.guess(here, EMAIL, at(0)))),
        (NAME_FROM_CLIENT.name, 6)
    );
    // Guesses from many clients: the total never exceeds the account's limit.
    let limits = Limits::new(true, None);
    let mut passed = 0;
    for n in 0..60 {
        let from = client(&format!("198.51.100.{n}"));
        passed += wrong(&limits, from, USERNAME, at(0)) + wrong(&limits, from, EMAIL, at(0));
        passed +=
            (0..20).filter(|_| now_or_never(limits.proof(from, UserId(1), at(0))).is_ok()).count();
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
        let target = Target::Account { id: UserId(1000 + i64::from(n)), name: "email" };
        assert!(now_or_never(limits.guess(from, target, at(0))).is_ok());
        limits.request(UserId(1000 + i64::from(n)), at(0)).unwrap();
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
    assert_eq!((0..7000).filter(|_| limits.request(UserId(1), at(0)).is_ok()).count(), 6000);
    assert!(limits.request(UserId(2), at(0)).is_ok());
}
