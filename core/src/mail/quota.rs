//! How much mail goes to one address, for one account, and because of one client. What was let
//! through is written down in the store, so that a restart forgets nothing and all instances count
//! together.

use crate::client::Client;
use crate::db::WriteTx;
use crate::error::{Error, Result};
use crate::idempotency::digest;
use crate::ids::UserId;
use crate::limits::Policy;
use crate::names;
use crate::time::Timestamp;

use super::sql;

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 86_400;
/// What was let through longer ago counts nowhere.
pub const COUNTED_FOR_S: i64 = DAY_S;

const ADDRESS: Policy = Policy { name: "mail-address", tries: 5, window_s: HOUR_S };
const ACCOUNT: Policy = Policy { name: "mail-account", tries: 20, window_s: DAY_S };
const CLIENT: Policy = Policy { name: "mail-client", tries: 30, window_s: HOUR_S };
/// What strangers may ask for: a part of the above, so that a flood of it takes no place from a
/// security notice.
const ADDRESS_BY_STRANGERS: Policy =
    Policy { name: "mail-address-anonymous", tries: 3, window_s: HOUR_S };
const ACCOUNT_BY_STRANGERS: Policy =
    Policy { name: "mail-account-anonymous", tries: 12, window_s: DAY_S };
/// Notices of new logins, which anybody causes who has the password. They are dropped beyond it:
/// the notice of another password must not have to wait behind them.
const ADDRESS_BY_LOGINS: Policy =
    Policy { name: "mail-address-logins", tries: 3, window_s: HOUR_S };
const ACCOUNT_BY_LOGINS: Policy =
    Policy { name: "mail-account-logins", tries: 10, window_s: DAY_S };

/// One limit, for one subject.
pub struct Quota {
    policy: Policy,
    /// A hash: an address does not stay in the store for having got mail.
    subject: [u8; 32],
}

impl Quota {
    pub fn of_address(address: &str) -> Quota {
        Quota::new(ADDRESS, &names::email_key(address))
    }

    pub fn of_address_by_strangers(address: &str) -> Quota {
        Quota::new(ADDRESS_BY_STRANGERS, &names::email_key(address))
    }

    pub fn of_account(user: UserId) -> Quota {
        Quota::new(ACCOUNT, &user.to_string())
    }

    pub fn of_account_by_strangers(user: UserId) -> Quota {
        Quota::new(ACCOUNT_BY_STRANGERS, &user.to_string())
    }

    pub fn of_address_by_logins(address: &str) -> Quota {
        Quota::new(ADDRESS_BY_LOGINS, &names::email_key(address))
    }

    pub fn of_account_by_logins(user: UserId) -> Quota {
        Quota::new(ACCOUNT_BY_LOGINS, &user.to_string())
    }

    pub fn of_client(client: Client) -> Quota {
        Quota::new(CLIENT, &client.network())
    }

    fn new(policy: Policy, subject: &str) -> Quota {
        Quota { policy, subject: digest(&[policy.name.as_bytes(), subject.as_bytes()]) }
    }
}

/// What happens to a mail that has no place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Nothing is sent, and nobody learns of it.
    Drop,
    /// The request is refused; the error says when to try again.
    Refuse,
    /// It is sent when there is a place, if that is within a day.
    Defer,
    /// The same, but the request is refused if no place comes free within a day.
    DeferOrRefuse,
}

/// Takes a place under each of the limits: when the mail may go out, if it may.
///
/// The order of `quotas` is the order of their locks: address, account, client.
///
/// # Errors
/// [`Error::TooMany`] if there is no place, as `full` says.
pub fn take(tx: &mut WriteTx, quotas: &[Quota], full: WhenFull) -> Result<Option<Timestamp>> {
    for quota in quotas {
        // Of two instances that count at once, one waits here for the other.
        sql::lock_sent(tx, &quota.subject)?;
    }
    let now = tx.now();
    let counted: Vec<(&[u8], i64)> =
        quotas.iter().map(|quota| (quota.subject.as_slice(), quota.policy.tries - 1)).collect();
    let last = sql::nth_newest_sent(tx, &counted)?;
    // With its place taken then, no window of any length holds more than it may.
    let free_at = |quota: &Quota, last: Option<Timestamp>| {
        last.map(|at| at.plus_seconds(quota.policy.window_s))
    };
    let waits = quotas
        .iter()
        .zip(last)
        .filter_map(|(quota, last)| Some((free_at(quota, last)?, quota.policy)));
    let (at, why) = match waits.filter(|(at, _)| *at > now).max_by_key(|(at, _)| *at) {
        Some((at, policy)) => (at, Some(policy)),
        None => (now, None),
    };
    let is_soon = at <= now.plus_seconds(DAY_S);
    match (why, full) {
        (None, _) => {}
        (Some(_), WhenFull::Defer | WhenFull::DeferOrRefuse) if is_soon => {}
        (Some(_), WhenFull::Drop | WhenFull::Defer) => return Ok(None),
        (Some(policy), WhenFull::Refuse | WhenFull::DeferOrRefuse) => {
            return Err(exceeded(policy, now, at));
        }
    }
    for quota in quotas {
        sql::insert_sent(tx, &quota.subject, at)?;
    }
    Ok(Some(at))
}

fn exceeded(policy: Policy, now: Timestamp, free_at: Timestamp) -> Error {
    let wait_us = free_at.as_micros() - now.as_micros();
    let seconds = wait_us.div_euclid(1_000_000) + 1;
    policy.exceeded_for(u32::try_from(seconds).unwrap_or(u32::MAX))
}
