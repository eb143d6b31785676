//! Identifiers in paths.

use uuid::Uuid;

use crate::error::{Code, Result, Violation};

/// A task or user in a path, by integer id or by UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdOrUuid {
    Id(i64),
    Uuid(Uuid),
}

impl IdOrUuid {
    /// Parses a positive decimal integer without leading zeros or signs, or a UUID in its
    /// hyphenated form.
    pub fn parse(text: &str) -> Result<IdOrUuid, Violation> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if digits && !text.starts_with('0') {
            // No row has an id this large, so the lookup finds nothing.
            return Ok(IdOrUuid::Id(text.parse().unwrap_or(i64::MAX)));
        }
        IdOrUuid::parse_uuid(text)
            .map_err(|_| Violation::new(Code::Format, "must be a positive integer or a UUID"))
    }

    /// Parses only a UUID, as contract 001 requires.
    pub fn parse_uuid(text: &str) -> Result<IdOrUuid, Violation> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(IdOrUuid::Uuid(uuid)),
            _ => Err(Violation::new(Code::Format, "must be a UUID")),
        }
    }
}
