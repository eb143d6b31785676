//! Limits on mail per address, account and client. The counts are in the store, so they survive a
//! restart and all instances share them.

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
/// No limit counts mail that is older than this.
pub const COUNTED_FOR_S: i64 = DAY_S;

const ADDRESS: Policy = Policy { name: "mail-address", tries: 5, window_s: HOUR_S };
const ACCOUNT: Policy = Policy { name: "mail-account", tries: 20, window_s: DAY_S };
const CLIENT: Policy = Policy { name: "mail-client", tries: 30, window_s: HOUR_S };
/// Mail that strangers request. It counts against the limits above too, but a flood of it leaves
/// room for security notices.
const ADDRESS_BY_STRANGERS: Policy =
    Policy { name: "mail-address-anonymous", tries: 3, window_s: HOUR_S };
const ACCOUNT_BY_STRANGERS: Policy =
    Policy { name: "mail-account-anonymous", tries: 12, window_s: DAY_S };
/// Notices of new logins, which anybody with the password can cause. Over the limit they are
/// dropped, so that they do not delay the notice of a password change.
const ADDRESS_BY_LOGINS: Policy =
    Policy { name: "mail-address-logins", tries: 3, window_s: HOUR_S };
const ACCOUNT_BY_LOGINS: Policy =
    Policy { name: "mail-account-logins", tries: 10, window_s: DAY_S };

/// One limit, for one subject.
pub struct Quota {
    policy: Policy,
    /// A hash, so that the store does not retain an address only because it received mail.
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

/// What to do with a message that is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// Send nothing, without an error.
    Drop,
    /// Refuse the request. The error says when to try again.
    Refuse,
    /// Send the message once the limits allow it, if that is within a day. Otherwise, drop it.
    Defer,
    /// The same, but refuse the request if the delay would exceed a day.
    DeferOrRefuse,
}

/// Charges all limits. Returns when the message may be sent, or `None` if it must be dropped.
///
/// The limits are locked in the order of `quotas`: address, account, client.
///
/// # Errors
/// [`Error::TooMany`] if a limit is exceeded and `full` says to refuse the request.
pub fn take(tx: &mut WriteTx, quotas: &[Quota], full: WhenFull) -> Result<Option<Timestamp>> {
    for quota in quotas {
        // Concurrent transactions that charge this limit wait here for each other.
        sql::lock_sent(tx, &quota.subject)?;
    }
    let now = tx.now();
    let counted: Vec<(&[u8], i64)> =
        quotas.iter().map(|quota| (quota.subject.as_slice(), quota.policy.tries - 1)).collect();
    let last = sql::nth_newest_sent(tx, &counted)?;
    // A message sent at this time keeps every window within its limit.
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
