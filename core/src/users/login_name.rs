//! Names that users type to log in, and their normalization.

use super::model::{Email, Username};
use crate::{names, text};

/// A name that a user typed to log in, normalized to the key that accounts are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginName {
    kind: LoginKind,
    key: String,
}

/// Whether a login name is a username or an address. An address contains `@`, which no username
/// does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    Username,
    Email,
}

impl LoginName {
    /// Accepts any text. A text that is longer than every name matches no account and is neither
    /// folded nor kept.
    pub fn typed(text: &str) -> LoginName {
        let text = text.trim();
        let (kind, chars_max) = if text.contains('@') {
            (LoginKind::Email, Email::CHARS_MAX)
        } else {
            (LoginKind::Username, Username::CHARS_MAX)
        };
        let text = text::nfc_up_to(text, chars_max);
        let is_too_long = text.chars().nth(chars_max).is_some();
        let key = match kind {
            _ if is_too_long => String::new(),
            LoginKind::Username => names::username_key(&text),
            LoginKind::Email => names::email_key(&text),
        };
        LoginName { kind, key }
    }

    pub fn kind(&self) -> LoginKind {
        self.kind
    }

    /// Returns the key; empty if no account can have such a name.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl LoginKind {
    pub fn as_str(self) -> &'static str {
        match self {
            LoginKind::Username => "username",
            LoginKind::Email => "email",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_spelling_and_one_too_long_is_nobodys() {
        assert_eq!(LoginName::typed("ADA@Example.org"), LoginName::typed("ada@example.ORG"));
        assert_eq!(LoginName::typed("Ada").kind(), LoginKind::Username);
        assert_eq!(LoginName::typed(&"a".repeat(64)).key(), "a".repeat(64));
        assert_eq!(LoginName::typed(&"a".repeat(65)).key(), "");
        // Two characters each, which NFC combines into one.
        assert_eq!(LoginName::typed(&"e\u{301}".repeat(64)).key(), "é".repeat(64));
        let address = |local: usize| LoginName::typed(&format!("{}@x.org", "a".repeat(local)));
        assert_eq!((address(248).key().len(), address(249).key()), (254, ""));
    }
}
