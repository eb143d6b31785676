//! Rules for passwords and stored hashes. The threads that hash passwords are in `hasher`.

use argon2::Params;
use argon2::password_hash::phc;

use crate::error::{Code, Result, Violation};
use crate::text;

/// bcrypt reads 72 bytes. Longer passwords are refused, never truncated.
pub const BYTES_MAX: usize = 72;

/// Commonly used passwords in lower case, sorted by bytes (the list that ships with Django,
/// collected by Royce Williams).
const COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Advice in the message about a refused password.
const ADVICE: &str = "Three or four unrelated words are easy to remember and hard to guess.";

/// Maximum length of an imported hash. A PHC string with the longest salt and hash is shorter.
const IMPORTED_BYTES_MAX: usize = 512;
/// The highest bcrypt cost of an imported hash. A login with cost 16 takes some seconds.
const IMPORTED_COST_MAX: u32 = 16;
/// Maximum memory that one login with an imported Argon2 hash may use: 256 MiB, as in libsodium's
/// `MODERATE` profile.
const IMPORTED_MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Maximum memory that such a login may fill over all passes: four passes over the above.
const IMPORTED_WORK_KIB_MAX: u64 = 4 * IMPORTED_MEMORY_KIB_MAX as u64;
/// Maximum number of lanes of an imported Argon2 hash.
const IMPORTED_LANES_MAX: u32 = 16;

/// A password in plain text, in NFC. It has no `Debug` and is never stored.
#[derive(Clone)]
pub struct Password(String);

/// The stored form of a password: bcrypt's notation, Argon2's PHC string, or a mark that no
/// password matches.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The rule for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Taskwell's rule: enough characters, at most 72 bytes, not common, different from the user's
    /// name and address.
    House,
    /// The same, and contract 001's rule: at least 8 characters, both cases, a digit and a special
    /// character.
    Mixed,
}

impl Password {
    /// Accepts what a user claims to be the password. It is compared, never stored.
    pub fn claimed(text: &str) -> Password {
        let text = text::nfc_up_to(text, BYTES_MAX);
        // One character over the limit still shows that the password is too long.
        Password(text.chars().take(BYTES_MAX + 1).collect())
    }

    /// Checks a new password against `policy`. `own` contains the user's names and address, which
    /// the password must differ from.
    pub fn chosen(
        text: &str,
        policy: Policy,
        chars_min: usize,
        own: &[&str],
    ) -> Result<Password, Violation> {
        let password = text::nfc_up_to(text, BYTES_MAX);
        let chars_min = match policy {
            Policy::House => chars_min,
            Policy::Mixed => chars_min.max(8),
        };
        let weak = |why: &str| Err(Violation::new(Code::WeakPassword, format!("{why} {ADVICE}")));
        if password.chars().count() < chars_min {
            return weak(&format!("Use at least {chars_min} characters."));
        }
        check_hashable(&password)?;
        if policy == Policy::Mixed && !is_mixed(&password) {
            let message =
                "needs an uppercase and a lowercase letter, a digit and a special character";
            return Err(Violation::new(Code::WeakPassword, message));
        }
        let folded = text::fold(&password);
        if is_common(&password.to_lowercase()) || is_common(&folded) {
            return weak("This password is commonly used, so attackers try it first.");
        }
        if own.iter().any(|name| text::fold(name) == folded) {
            return weak("A password must differ from your name and email address.");
        }
        Ok(Password(password.into_owned()))
    }

    /// Checks that the hash represents this password alone. bcrypt stops after 72 bytes. Below
    /// that, it repeats the password with a zero byte after it, so `P` and `P U+0000 P` have one
    /// hash. No scheme hashes or compares such texts.
    pub(crate) fn check_hashable(&self) -> Result<(), Violation> {
        check_hashable(&self.0)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn check_hashable(text: &str) -> Result<(), Violation> {
    if text.len() > BYTES_MAX {
        return Err(Violation::new(
            Code::TooLong,
            format!("must have at most {BYTES_MAX} bytes, but has {}", text.len()),
        ));
    }
    if text.contains('\0') {
        return Err(Violation::new(Code::Control, "must not contain U+0000"));
    }
    Ok(())
}

/// Contract 001, "Input Validation": mixed case, numbers, special characters.
fn is_mixed(password: &str) -> bool {
    password.chars().any(char::is_uppercase)
        && password.chars().any(char::is_lowercase)
        && password.chars().any(char::is_numeric)
        && password.chars().any(|c| !c.is_alphanumeric())
}

fn is_common(lower: &str) -> bool {
    // The list is sorted, but its lines differ in length, so this bisects by byte position.
    let list = COMMON.as_bytes();
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = list[..middle].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let end =
            list[middle..].iter().position(|b| *b == b'\n').map_or(list.len(), |at| middle + at);
        match list[start..end].cmp(lower.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

impl PasswordHash {
    /// No scheme writes this, so it cannot be mistaken for a hash.
    const UNUSABLE: &str = "!";

    /// Returns the mark of an account without a password. Its owner logs in after a password reset.
    pub(crate) fn unusable() -> PasswordHash {
        PasswordHash(PasswordHash::UNUSABLE.to_owned())
    }

    /// Returns whether no password matches.
    pub(crate) fn is_unusable(&self) -> bool {
        self.0 == PasswordHash::UNUSABLE
    }

    /// Accepts a hash from another program if a login can verify it at a bounded cost: bcrypt
    /// (`2a`, `2b`, `2y`) or Argon2.
    pub(crate) fn imported(text: &str) -> Result<PasswordHash, Violation> {
        if text.len() > IMPORTED_BYTES_MAX {
            return Err(Violation::new(Code::TooLong, "is longer than any hash"));
        }
        let check = if text.starts_with("$argon2") { check_argon2 } else { check_bcrypt };
        check(text)?;
        Ok(PasswordHash(text.to_owned()))
    }

    /// Returns how much memory a login with this Argon2id hash fills over all passes, in KiB;
    /// `None` for any other hash.
    pub(crate) fn argon2id_work_kib(&self) -> Option<u64> {
        let params = self.0.starts_with("$argon2id$").then(|| argon2_params(&self.0)).flatten()?;
        Some(work_kib(&params))
    }

    pub(crate) fn stored(hash: String) -> PasswordHash {
        PasswordHash(hash)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a bcrypt hash: `$2b$12$`, then 53 characters of salt and hash. `2a` and `2y` denote the
/// same algorithm.
fn check_bcrypt(text: &str) -> Result<(), Violation> {
    let fields: Vec<&str> = text.split('$').collect();
    let is_base64 =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'/');
    match fields[..] {
        ["", "2a" | "2b" | "2y", cost, rest] if rest.len() == 53 && is_base64(rest) => {
            match cost.parse::<u32>() {
                Ok(4..=IMPORTED_COST_MAX) if cost.len() == 2 => Ok(()),
                _ => Err(Violation::new(
                    Code::Range,
                    format!("bcrypt's cost must be 04 to {IMPORTED_COST_MAX}"),
                )),
            }
        }
        _ => Err(Violation::new(Code::Format, "is neither a bcrypt nor an Argon2 hash")),
    }
}

fn check_argon2(text: &str) -> Result<(), Violation> {
    let params = argon2_params(text)
        .ok_or_else(|| Violation::new(Code::Format, "is not a readable Argon2 hash"))?;
    let is_bounded = params.m_cost() <= IMPORTED_MEMORY_KIB_MAX
        && params.p_cost() <= IMPORTED_LANES_MAX
        && work_kib(&params) <= IMPORTED_WORK_KIB_MAX;
    if is_bounded {
        return Ok(());
    }
    let message = format!(
        "Argon2 may use at most m={IMPORTED_MEMORY_KIB_MAX}, p={IMPORTED_LANES_MAX} and \
         m*t={IMPORTED_WORK_KIB_MAX}"
    );
    Err(Violation::new(Code::Range, message))
}

/// Returns the parameters of a complete Argon2 hash, one with its salt and output.
fn argon2_params(text: &str) -> Option<Params> {
    let hash = phc::PasswordHash::new(text).ok()?;
    argon2::Algorithm::try_from(hash.algorithm.as_str()).ok()?;
    hash.version.map_or(Ok(argon2::Version::default()), argon2::Version::try_from).ok()?;
    hash.salt.as_ref().and(hash.hash.as_ref())?;
    Params::try_from(&hash).ok()
}

fn work_kib(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
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
        assert!(
            !is_common("")
                && !is_common("correct horse battery")
                && !is_common("zzzzzzzzzzzzzzzzz")
        );
    }

    #[test]
    fn of_a_password_longer_than_any_so_much_is_kept_as_tells_it() {
        let claimed = Password::claimed(&"e\u{301}".repeat(5000));
        assert!(
            claimed.as_bytes().len() > BYTES_MAX && claimed.as_bytes().len() <= 4 * (BYTES_MAX + 1)
        );
        assert_eq!(Password::claimed(&"e\u{301}".repeat(36)).as_bytes(), "é".repeat(36).as_bytes());
        assert!(Password::chosen(&"e\u{301}".repeat(5000), Policy::House, 8, &[]).is_err());
    }

    #[test]
    fn a_text_with_a_zero_byte_is_never_hashed() {
        assert!(Password::claimed("analytical engine").check_hashable().is_ok());
        assert!(Password::claimed("analytical\0engine").check_hashable().is_err());
        assert!(Password::claimed("\0").check_hashable().is_err());
    }

    #[test]
    fn a_password_of_73_bytes_is_refused_and_one_of_72_is_not() {
        let chosen = |n| Password::chosen(&"é€x!".repeat(40)[..n], Policy::House, 8, &[]);
        assert!(chosen(70).is_ok());
        assert!(Password::chosen(&"a1".repeat(36), Policy::House, 8, &[]).is_ok());
        assert!(Password::chosen(&format!("{}c", "a1".repeat(36)), Policy::House, 8, &[]).is_err());
    }

    #[test]
    fn an_imported_hash_costs_a_login_no_more_than_its_bounds() {
        let argon2 =
            |cost: &str| format!("$argon2id$v=19${cost}$c2FsdHNhbHRzYWx0c2FsdA${}", "A".repeat(43));
        let bcrypt = |cost: &str| format!("$2b${cost}${}", "a".repeat(53));
        let imported = |text: &str| PasswordHash::imported(text).is_ok();
        assert!(imported(&argon2("m=65536,t=3,p=4")) && imported(&argon2("m=262144,t=4,p=16")));
        for cost in [
            "m=262145,t=1,p=1",
            "m=262144,t=5,p=1",
            "m=1024,t=1025,p=1",
            "m=1024,t=1,p=17",
            "m=4,t=1,p=1",
        ] {
            assert!(!imported(&argon2(cost)), "{cost}");
        }
        assert!(imported(&bcrypt("04")) && imported(&bcrypt("16")));
        for text in [
            &bcrypt("17"),
            &bcrypt("4"),
            &bcrypt("03"),
            "",
            "!",
            "secret",
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdA",
        ] {
            assert!(!imported(text), "{text}");
        }
        assert!(!imported(&argon2("m=64,t=1,p=1").replace("argon2id", "argon2x")));
        assert!(!imported(&argon2("m=64,t=1,p=1").replace("v=19", "v=20")));
        assert!(!imported(&format!("$argon2id{}", "$".repeat(1_000_000))));
    }
}
