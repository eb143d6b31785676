//! Personal access tokens and their format.

use ring::digest;
use uuid::Uuid;

use crate::clock::hex;
use crate::error::{Code, Result, Violation};
use crate::text;
use crate::time::Timestamp;
use crate::users::Scopes;

/// The prefix of each token, by which scanners of published code recognize it.
const PREFIX: &str = "twpat_";
const SECRET_CHARS: usize = 64;
const CHECK_CHARS: usize = 8;

/// A token as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalToken {
    pub uuid: Uuid,
    pub name: String,
    pub scopes: Scopes,
    pub created_at: Timestamp,
    /// To the hour.
    pub last_used_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub name: TokenName,
    pub scopes: Scopes,
    pub days: Days,
}

/// A name that the owner chooses: 1 to 100 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName(String);

impl TokenName {
    pub const CHARS_MAX: usize = 100;

    pub fn parse(text: &str) -> Result<TokenName, Violation> {
        text::line(text, 1, TokenName::CHARS_MAX).map(TokenName)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lifetime in days: 1 to 366.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(i64);

impl Days {
    pub const MAX: i64 = 366;

    pub fn new(days: i64) -> Result<Days, Violation> {
        if (1..=Days::MAX).contains(&days) {
            Ok(Days(days))
        } else {
            Err(Violation::new(Code::Range, format!("must be from 1 to {}", Days::MAX)))
        }
    }

    pub(super) fn seconds(self) -> i64 {
        self.0 * 86_400
    }
}

impl Default for Days {
    fn default() -> Days {
        Days(90)
    }
}

/// A token in plain text: the prefix, 256 random bits, and a checksum of four bytes that detects
/// typing errors. It has no `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub(super) fn new(random: &[u8; 32]) -> Secret {
        let secret = format!("{PREFIX}{}", hex(random));
        let check = check_of(&secret);
        Secret(secret + &check)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 of a token, which is stored and looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash of `text` if it has the format of a token.
    pub fn of(text: &str) -> Option<TokenHash> {
        let (secret, check) = text.split_at_checked(PREFIX.len() + SECRET_CHARS)?;
        let is_ours =
            secret.starts_with(PREFIX) && check.len() == CHECK_CHARS && check_of(secret) == check;
        is_ours.then(|| TokenHash(sha256(text)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn check_of(secret: &str) -> String {
    hex(&sha256(secret)[..CHECK_CHARS / 2])
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}
