//! How a path names a thing.

use uuid::Uuid;

use crate::error::{Code, Flaw, Result};

/// Which task or user a path means: by the integer id or the UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Id(i64),
    Uuid(Uuid),
}

impl Key {
    /// A positive integer in decimal without leading zeros or signs, or a UUID in its hyphenated form.
    pub fn parse(text: &str) -> Result<Key, Flaw> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits && !text.starts_with('0') {
            // Larger than any id there can be: as missing as any other id that was never given.
            return Ok(Key::Id(text.parse().unwrap_or(i64::MAX)));
        }
        Key::parse_uuid(text).map_err(|_| Flaw::new(Code::Format, "must be a positive integer or a UUID"))
    }

    /// A UUID only, as contract 001 demands.
    pub fn parse_uuid(text: &str) -> Result<Key, Flaw> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Key::Uuid(uuid)),
            _ => Err(Flaw::new(Code::Format, "must be a UUID")),
        }
    }
}
