//! How a path names a thing.

use uuid::Uuid;

use crate::error::{Code, Result, Violation};

/// Which task or user a path means: by the integer id or the UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdOrUuid {
    Id(i64),
    Uuid(Uuid),
}

impl IdOrUuid {
    /// A positive integer in decimal without leading zeros or signs, or a UUID in its hyphenated
    /// form.
    pub fn parse(text: &str) -> Result<IdOrUuid, Violation> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits && !text.starts_with('0') {
            // Larger than any id there can be: as missing as any other id that was never given.
            return Ok(IdOrUuid::Id(text.parse().unwrap_or(i64::MAX)));
        }
        IdOrUuid::parse_uuid(text)
            .map_err(|_| Violation::new(Code::Format, "must be a positive integer or a UUID"))
    }

    /// A UUID only, as contract 001 demands.
    pub fn parse_uuid(text: &str) -> Result<IdOrUuid, Violation> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(IdOrUuid::Uuid(uuid)),
            _ => Err(Violation::new(Code::Format, "must be a UUID")),
        }
    }
}
