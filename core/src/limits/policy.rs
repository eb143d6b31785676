//! The rate limits, and the algorithm that counts tries: the generic cell rate algorithm (ITU-T
//! I.371), which needs one number per subject.

use crate::error::{Error, RateLimited};

const SECOND_US: i64 = 1_000_000;

/// A number of tries per window, all at once or spread out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub name: &'static str,
    pub tries: i64,
    pub window_s: i64,
}

/// Logins and sign-ups of one client.
pub const LOGIN: Policy = Policy { name: "login", tries: 200, window_s: 60 };
pub const SIGN_UP: Policy = Policy { name: "signup", tries: 200, window_s: 60 };
/// Refreshes of one client, and mailed tokens that it redeems.
pub const REFRESH: Policy = Policy { name: "refresh", tries: 300, window_s: 60 };
/// Wrong passwords and codes for an account from one client, by any of its names and at any
/// endpoint.
pub const ACCOUNT_FROM_CLIENT: Policy = Policy { name: "proof-failures", tries: 10, window_s: 60 };
/// The same from all clients. Clients from which the owner has logged in are exempt.
pub const ACCOUNT_ANYWHERE: Policy =
    Policy { name: "account-proof-failures", tries: 100, window_s: 3600 };
/// A login can use either of an account's two names. Each has half of the account's tries. This
/// bounds the sum, and no refusal reveals that two names belong to one account.
pub const NAME_FROM_CLIENT: Policy =
    Policy { name: "login-failures", tries: ACCOUNT_FROM_CLIENT.tries / 2, window_s: 60 };
pub const NAME_ANYWHERE: Policy =
    Policy { name: "account-login-failures", tries: ACCOUNT_ANYWHERE.tries / 2, window_s: 3600 };
/// Requests of one account, across all its sessions and tokens.
pub const REQUESTS: Policy = Policy { name: "requests", tries: 6000, window_s: 60 };
/// Requests of one client with invalid or expired tokens.
pub const INVALID_TOKENS: Policy = Policy { name: "invalid-tokens", tries: 6000, window_s: 60 };

impl Policy {
    /// Returns the cost of one try: the time after which it no longer counts.
    pub(super) fn cost_us(self) -> i64 {
        self.window_us() / self.tries
    }

    pub(super) fn window_us(self) -> i64 {
        self.window_s * SECOND_US
    }

    /// Takes a try. `worked_off_us` is the time at which the earlier tries no longer count. Returns
    /// this time with the new try.
    ///
    /// # Errors
    /// The limit is reached. The error is the wait in microseconds.
    pub(super) fn take(self, worked_off_us: i64, now_us: i64) -> Result<i64, i64> {
        let after = worked_off_us.max(now_us) + self.cost_us();
        let late_by = after - now_us - self.window_us();
        if late_by > 0 { Err(late_by) } else { Ok(after) }
    }

    pub(super) fn exceeded(self, wait_us: i64) -> Error {
        let seconds = (wait_us + SECOND_US - 1) / SECOND_US;
        self.exceeded_for(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }

    /// Returns the error for an exceeded limit, with the seconds to wait.
    pub fn exceeded_for(self, retry_after_s: u32) -> Error {
        let Policy { name, tries, window_s } = self;
        Error::TooMany(RateLimited { policy: name, tries, window_s, retry_after_s })
    }
}
