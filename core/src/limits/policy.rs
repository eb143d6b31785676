//! How many tries there are of what, and the arithmetic that counts them: the generic cell rate
//! algorithm (ITU-T I.371), which needs one number for each subject.

use crate::error::{Error, RateLimited};

const SECOND_US: i64 = 1_000_000;

/// So many tries in so many seconds, all at once or one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub name: &'static str,
    pub tries: i64,
    pub window_s: i64,
}

/// Logins and sign-ups of one client.
pub const LOGIN: Policy = Policy { name: "login", tries: 200, window_s: 60 };
pub const SIGN_UP: Policy = Policy { name: "signup", tries: 200, window_s: 60 };
/// Refreshes of one client, and tokens of mail that it redeems.
pub const REFRESH: Policy = Policy { name: "refresh", tries: 300, window_s: 60 };
/// Wrong passwords and codes for an account from one client, through every name and every door
/// together.
pub const ACCOUNT_FROM_CLIENT: Policy = Policy { name: "proof-failures", tries: 10, window_s: 60 };
/// The same from everywhere. Clients where the owner has logged in are not held up by it.
pub const ACCOUNT_ANYWHERE: Policy =
    Policy { name: "account-proof-failures", tries: 100, window_s: 3600 };
/// An account has two names to log in by. Each has half of the account's tries: so the sum is
/// bounded, and no refusal tells that two names belong to one account.
pub const NAME_FROM_CLIENT: Policy =
    Policy { name: "login-failures", tries: ACCOUNT_FROM_CLIENT.tries / 2, window_s: 60 };
pub const NAME_ANYWHERE: Policy =
    Policy { name: "account-login-failures", tries: ACCOUNT_ANYWHERE.tries / 2, window_s: 3600 };
/// Requests of one account, whatever its sessions and tokens.
pub const REQUESTS: Policy = Policy { name: "requests", tries: 6000, window_s: 60 };
/// Requests of one client with tokens that are not valid, or not any more.
pub const INVALID_TOKENS: Policy = Policy { name: "invalid-tokens", tries: 6000, window_s: 60 };

impl Policy {
    /// What one try costs: the part of the window that it takes to work it off.
    pub(super) fn cost_us(self) -> i64 {
        self.window_us() / self.tries
    }

    pub(super) fn window_us(self) -> i64 {
        self.window_s * SECOND_US
    }

    /// When all tries will be worked off after one more, if they are at `worked_off_us` without it.
    ///
    /// # Errors
    /// It is one too many; for how many microseconds it must wait.
    pub(super) fn take(self, worked_off_us: i64, now_us: i64) -> Result<i64, i64> {
        let after = worked_off_us.max(now_us) + self.cost_us();
        let late_by = after - now_us - self.window_us();
        if late_by > 0 { Err(late_by) } else { Ok(after) }
    }

    pub(super) fn exceeded(self, wait_us: i64) -> Error {
        let seconds = (wait_us + SECOND_US - 1) / SECOND_US;
        self.exceeded_for(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }

    /// That there are no more tries, and for how many seconds.
    pub fn exceeded_for(self, retry_after_s: u32) -> Error {
        let Policy { name, tries, window_s } = self;
        Error::TooMany(RateLimited { policy: name, tries, window_s, retry_after_s })
    }
}
