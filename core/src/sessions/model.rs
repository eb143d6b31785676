//! What a session is, and what a login hands out.

use ring::digest;
use uuid::Uuid;

use crate::clock::hex;
use crate::time::Timestamp;
use crate::users::User;

/// What a login opened, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub uuid: Uuid,
    /// What the client called itself at login, at most 200 characters of it.
    pub user_agent: Option<String>,
    pub created_at: Timestamp,
    /// The last login or refresh.
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Who logs in where: it decides how long the access token is good.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Contract 000's: its clients know how to refresh, so its access tokens are short-lived.
    pub short: bool,
    pub user_agent: Option<String>,
}

/// What a login or a refresh gives: the tokens in the clear, this once.
pub struct Grant {
    pub user: User,
    pub access_token: String,
    /// How long the access token is good, in seconds.
    pub expires_in_s: i64,
    pub refresh_token: RefreshToken,
}

/// 256 bits that nobody can guess. Stored as their SHA-256 only; it has no `Debug`.
#[derive(Clone)]
pub struct RefreshToken(String);

impl RefreshToken {
    pub(super) fn new(secret: &[u8; 32]) -> RefreshToken {
        RefreshToken(hex(secret))
    }

    /// Any text may be tried; one that is no token of ours has no session.
    pub fn claimed(text: String) -> RefreshToken {
        RefreshToken(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref().to_vec()
    }
}
