//! Settings of sessions and their tokens.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use taskwell_core::settings::{Settings, Signing};

use super::invalid::invalid;
use super::number::Within as _;
use crate::secret::Secret;

#[derive(Args)]
pub struct TokenFlags {
    /// The secret that signs access tokens, at least 32 bytes. Older secrets, which still verify
    /// tokens, can follow on lines of their own. On SQLite, Taskwell generates a secret by default
    /// and stores it beside the database. On PostgreSQL, set this or `JWT_SECRET_FILE`.
    #[arg(long, env, hide_env_values = true)]
    jwt_secret: Option<Secret>,

    /// The file that holds the secret, instead of `JWT_SECRET`.
    #[arg(long, env, conflicts_with = "jwt_secret")]
    pub jwt_secret_file: Option<PathBuf>,

    /// Signature algorithm of access tokens. `HS256` signs with the secret. `EdDSA` signs with a
    /// key that is derived from the secret; its public key is at /.well-known/jwks.json.
    #[arg(long, env, value_enum, default_value = "HS256")]
    jwt_algorithm: JwtAlgorithm,

    /// Lifetime of an access token, in minutes.
    #[arg(long, env, default_value_t = 1440, within = 1..=525_600_u32)]
    access_token_expire_minutes: u32,

    /// Lifetime of an access token from /user/login or /user/refresh-token, whose clients can
    /// refresh, in minutes.
    #[arg(long, env, default_value_t = 15, within = 1..=525_600_u32)]
    short_access_token_expire_minutes: u32,

    /// Lifetime of a session and its refresh token, in days.
    #[arg(long, env, default_value_t = 30, within = 1..=365_u32)]
    refresh_token_expire_days: u32,

    /// How long an unused session stays valid, in days.
    #[arg(long, env, default_value_t = 14, within = 1..=365_u32)]
    session_idle_days: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum JwtAlgorithm {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "EdDSA")]
    EdDsa,
}

impl TokenFlags {
    /// The secrets from `JWT_SECRET` or from the file that `JWT_SECRET_FILE` names, if one is set.
    pub fn secret(&self) -> Result<Option<Secret>, String> {
        let secret = match (&self.jwt_secret, &self.jwt_secret_file) {
            (Some(secret), _) => secret.clone(),
            (None, Some(file)) => Secret::read(file).map_err(|e| {
                invalid("JWT_SECRET_FILE", &file.display().to_string(), &format!("the file {e}"))
            })?,
            (None, None) => return Ok(None),
        };
        secret.check().map_err(|e| format!("invalid JWT_SECRET: {e}"))?;
        Ok(Some(secret))
    }

    pub fn apply(&self, settings: &mut Settings) {
        settings.access_token_minutes = self.access_token_expire_minutes;
        settings.short_access_token_minutes = self.short_access_token_expire_minutes;
        settings.refresh_token_days = self.refresh_token_expire_days;
        settings.session_idle_days = self.session_idle_days;
        settings.signing = match self.jwt_algorithm {
            JwtAlgorithm::Hs256 => Signing::Hs256,
            JwtAlgorithm::EdDsa => Signing::EdDsa,
        };
    }
}
