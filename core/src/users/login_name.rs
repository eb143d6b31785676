//! What somebody types to log in, and how it is compared.

use super::model::{Email, Username};
use crate::{names, text};

/// A name that somebody typed to log in, in the one spelling that accounts are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginName {
    kind: LoginKind,
    key: String,
}

/// Which of an account's names it is. An address has an `@`, and no username has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginKind {
    Username,
    Email,
}

impl LoginName {
    /// Takes any text. What is longer than every name is nobody's: it is neither folded nor kept.
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

    /// Empty where nobody can have such a name.
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
        // Two characters each, which are one in NFC.
        assert_eq!(LoginName::typed(&"e\u{301}".repeat(64)).key(), "é".repeat(64));
        let address = |local: usize| LoginName::typed(&format!("{}@x.org", "a".repeat(local)));
        assert_eq!((address(248).key().len(), address(249).key()), (254, ""));
    }
}
