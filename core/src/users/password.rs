//! What a password must be, and what is stored in its place. The threads that hash are `hasher`.

use unicode_normalization::UnicodeNormalization as _;

use super::advice;
use crate::error::{Code, Flaw, Result};
use crate::text;

/// bcrypt looks at 72 bytes; what is longer is refused, never cut.
pub const BYTES_MAX: usize = 72;

/// Commonly used passwords, lower case, sorted by bytes (the list that ships with Django, collected by Royce Williams).
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// A password in the clear, in NFC. It has no `Debug` and is stored nowhere.
#[derive(Clone)]
pub struct Password(String);

/// bcrypt's own notation, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Which rule a new password has to meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The house rule: enough characters, at most 72 bytes, not common, not the user's own name or address.
    House,
    /// The house rule, and contract 001's: at least 8 characters, both cases, a digit and a special character.
    Mixed,
}

impl Password {
    /// What somebody claims to be the password: compared, never stored.
    pub fn claimed(text: &str) -> Password {
        Password(text.nfc().collect())
    }

    /// A new password that `policy` accepts. `own` are the user's names and address, which are no passwords.
    pub fn chosen(text: &str, policy: Policy, chars_min: usize, own: &[&str]) -> Result<Password, Flaw> {
        let password: String = text.nfc().collect();
        let chars_min = match policy {
            Policy::House => chars_min,
            Policy::Mixed => chars_min.max(8),
        };
        let weak =
            |why: &str| Err(Flaw::new(Code::WeakPassword, format!("{why}. {}", advice::on(&password, own))));
        let chars = password.chars().count();
        if chars < chars_min {
            return weak(&format!("{chars} characters, at least {chars_min} needed"));
        }
        if password.len() > BYTES_MAX {
            let message = format!("{} bytes, {BYTES_MAX} allowed", password.len());
            return Err(Flaw::new(Code::TooLong, message));
        }
        if password.contains('\0') {
            return Err(Flaw::new(Code::Control, "must not hold U+0000"));
        }
        if policy == Policy::Mixed && !is_mixed(&password) {
            let message = "needs an upper and a lower case letter, a digit and a special character";
            return Err(Flaw::new(Code::WeakPassword, message));
        }
        let folded = text::fold(&password);
        if is_common(&password.to_lowercase()) || is_common(&folded) {
            return weak("is one of the commonly used passwords");
        }
        if own.iter().any(|name| text::fold(name) == folded) {
            return weak("must not be your own name or email address");
        }
        Ok(Password(password))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Contract 001, "Input Validation": mixed case, numbers, special characters.
fn is_mixed(password: &str) -> bool {
    password.chars().any(char::is_uppercase)
        && password.chars().any(char::is_lowercase)
        && password.chars().any(char::is_numeric)
        && password.chars().any(|c| !c.is_alphanumeric())
}

fn is_common(lower: &str) -> bool {
    // The list is sorted, but its lines differ in length: look for the line by halves of the text.
    let list = COMMON.as_bytes();
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[..middle].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let end = list[middle..].iter().position(|b| *b == b'\n').map_or(list.len(), |at| middle + at);
        match list[start..end].cmp(lower.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

impl PasswordHash {
    pub(crate) fn stored(hash: String) -> PasswordHash {
        PasswordHash(hash)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_password_is_found_and_others_are_not() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| is_common(line)));
        assert!(!is_common("") && !is_common("correct horse battery") && !is_common("zzzzzzzzzzzzzzzzz"));
    }

    #[test]
    fn a_password_of_73_bytes_is_refused_and_one_of_72_is_not() {
        let chosen = |n| Password::chosen(&"é€x!".repeat(40)[..n], Policy::House, 8, &[]);
        assert!(chosen(70).is_ok());
        assert!(Password::chosen(&"a1".repeat(36), Policy::House, 8, &[]).is_ok());
        assert!(Password::chosen(&format!("{}c", "a1".repeat(36)), Policy::House, 8, &[]).is_err());
    }
}
