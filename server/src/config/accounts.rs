//! Settings of accounts: passwords, rate limits and the audit log.

use std::sync::Arc;

use clap::{ArgAction, Args, ValueEnum};
use taskwell_core::settings::{Scheme, Settings};

use super::invalid::invalid_url;
use super::number::Within as _;
use crate::redis_limits::Redis;

#[derive(Args)]
pub struct AccountFlags {
    /// Algorithm for new password hashes. Hashes of the other algorithm stay valid and are replaced
    /// at the next login.
    #[arg(long, env, value_enum, default_value = "bcrypt")]
    password_hash: PasswordHash,

    /// Cost of a bcrypt hash. Each step doubles the time that a hash takes.
    #[arg(long, env, default_value_t = 12, within = 4..=31_u32)]
    bcrypt_cost: u32,

    /// Minimum length of a new password, in characters.
    #[arg(long, env, default_value_t = 8, within = 1..=72_u8)]
    password_min_length: u8,

    /// Whether login requires a verified email address.
    #[arg(long, env, default_value_t = false, action = ArgAction::Set)]
    pub require_verified_email: bool,

    /// Whether to enforce rate limits. Use `off` only for tests and benchmarks.
    #[arg(long, env, value_enum, default_value = "on")]
    rate_limits: Switch,

    /// Redis for rate limits that instances share: `redis://USER:PASSWORD@HOST:PORT`. While Redis
    /// is unreachable, each instance counts on its own.
    #[arg(long, env, hide_env_values = true)]
    redis_url: Option<String>,

    /// How long to keep entries of the audit log, in days.
    #[arg(long, env, default_value_t = 365, within = 1..=3650_u32)]
    audit_days: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum PasswordHash {
    Bcrypt,
    Argon2id,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl AccountFlags {
    /// The client for `REDIS_URL`, which does not connect yet.
    pub fn redis(&self) -> Result<Option<Arc<Redis>>, String> {
        let open = |url: &str| {
            Redis::new(url).map(Arc::new).map_err(|e| invalid_url("REDIS_URL", url, &e))
        };
        self.redis_url.as_deref().map(open).transpose()
    }

    pub fn apply(&self, settings: &mut Settings) {
        settings.scheme = match self.password_hash {
            PasswordHash::Bcrypt => Scheme::Bcrypt(self.bcrypt_cost),
            PasswordHash::Argon2id => Scheme::Argon2id,
        };
        settings.password_chars_min = usize::from(self.password_min_length);
        settings.verified_email_required = self.require_verified_email;
        settings.rate_limits = self.rate_limits == Switch::On;
        settings.audit_days = self.audit_days;
    }
}
