//! Time-based one-time passwords (RFC 6238, RFC 4226), as pure functions.

use data_encoding::BASE32_NOPAD;
use ring::{digest, hmac};
use subtle::ConstantTimeEq as _;

use crate::clock::hex;
use crate::time::Timestamp;

pub const SECRET_BYTES: usize = 20;
/// Duration of a time step, in seconds.
const STEP_S: i64 = 30;
/// Clocks differ, so the previous and the next step are accepted too (RFC 6238, section 5.2).
const STEPS_OFF: i64 = 1;
const DIGITS: usize = 6;
/// Maximum length of a code. A recovery code with spaces and dashes in any place fits.
const CODE_CHARS_MAX: usize = 64;
/// Number of recovery codes for users who have lost their device.
pub const RECOVERY_CODES: usize = 10;

/// Whether logins require the second factor, and how many recovery codes are left.
#[derive(Debug, Clone, Copy)]
pub struct State {
    pub enabled: bool,
    pub recovery_codes_left: i64,
}

/// A new secret to enter into an authenticator.
pub struct Enrolment {
    /// The secret in Base32, for typing.
    pub secret: String,
    /// The secret as a URI, for a QR code.
    pub uri: String,
}

impl Enrolment {
    pub fn new(secret: &[u8], account: &str) -> Enrolment {
        let secret = BASE32_NOPAD.encode(secret);
        let account: String = account.bytes().map(escaped).collect();
        let uri = format!("otpauth://totp/Taskwell:{account}?secret={secret}&issuer=Taskwell");
        Enrolment { secret, uri }
    }
}

/// Returns a typed code without spaces; `None` if it is longer than any code.
pub fn typed(code: &str) -> Option<String> {
    let is_short = code.chars().nth(CODE_CHARS_MAX).is_none();
    is_short.then(|| code.chars().filter(|c| !c.is_whitespace()).collect())
}

/// Returns the time step of a code, if the code is valid now and the step is later than `after`.
pub fn step_of(secret: &[u8], code: &str, now: Timestamp, after: i64) -> Option<i64> {
    let current = now.as_seconds().div_euclid(STEP_S);
    let steps = (current - STEPS_OFF..=current + STEPS_OFF).filter(|step| *step > after);
    steps.into_iter().find(|step| same(&code_at(secret, *step), code))
}

/// HOTP (RFC 4226, section 5.3).
fn code_at(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[offset..offset + 4]);
    let number = u32::from_be_bytes(word) & 0x7fff_ffff;
    format!("{:0width$}", number % 1_000_000, width = DIGITS)
}

/// Compares in constant time.
fn same(code: &str, given: &str) -> bool {
    code.as_bytes().ct_eq(given.as_bytes()).into()
}

/// Returns a recovery code: 64 random bits, in groups for readability.
pub fn recovery_code(random: &[u8]) -> String {
    let digits = hex(&random[..8]);
    [&digits[..4], &digits[4..8], &digits[8..12], &digits[12..]].join("-")
}

/// Returns the hash of a recovery code for storage. Case and separators do not matter.
pub fn recovery_hash(code: &str) -> Vec<u8> {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    digest::digest(&digest::SHA256, plain.to_ascii_lowercase().as_bytes()).as_ref().to_vec()
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(secret, seconds / 30), code, "RFC 6238, appendix B, at {seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_step_and_its_neighbours_and_once() {
        let secret = b"12345678901234567890";
        let now = Timestamp::from_micros(0).plus_seconds(1_000_000);
        let step = 1_000_000 / 30;
        let found = |at: i64, after| step_of(secret, &code_at(secret, at), now, after);
        assert_eq!(
            [found(step - 1, 0), found(step, 0), found(step + 1, 0)],
            [step - 1, step, step + 1].map(Some)
        );
        assert_eq!([found(step - 2, 0), found(step + 2, 0), found(step, step)], [None; 3]);
        assert_eq!(step_of(secret, "", now, 0), None);
    }

    #[test]
    fn a_recovery_code_is_read_in_any_spelling() {
        let spaced = recovery_code(&[0xab; 8]).replace('-', " - ").replace('a', " a");
        assert_eq!(recovery_hash(&typed(&spaced).unwrap()), recovery_hash("abababababababab"));
        assert_eq!(typed(&"1".repeat(CODE_CHARS_MAX + 1)), None);
        let code = recovery_code(&[0xab; 8]);
        assert_eq!(code, "abab-abab-abab-abab");
        assert_eq!(recovery_hash(&code), recovery_hash("ABAB ABAB ABABABAB"));
    }
}
