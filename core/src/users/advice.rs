//! What somebody is told whose new password was refused as too easily guessed. Whether it is refused, `password` says.

use zxcvbn::zxcvbn;

/// So much of a password is looked at: the time that this takes grows with the square of the length and more, up to a
/// millisecond for these, and it is taken on a thread that serves.
const CHARS_MAX: usize = 10;
/// Where nothing is known to be wrong with that much.
const ANYWAY: &str = "Three or four unrelated words are better.";

/// Why `password` is easily guessed, and what would be better. `own` are its user's names and address.
pub fn on(password: &str, own: &[&str]) -> String {
    let start: String = password.chars().take(CHARS_MAX).collect();
    let found = zxcvbn(&start, own);
    found.feedback().map_or_else(|| ANYWAY.to_owned(), ToString::to_string)
}

/// Unpacks its dictionaries, which takes longer than a request should.
pub fn make_ready() {
    zxcvbn("", &[]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_says_what_is_wrong_and_no_part_of_the_password() {
        assert!(on("12345", &[]).starts_with("This is a top-10 common password. Add another word or two."));
        assert!(on("aaaaaaa", &[]).contains("Repeats like \"aaa\""));
        for strong in ["Zq7#vK", "canary-canary-canary", "", "ada@example.org"] {
            let advice = on(strong, &["ada", "ada@example.org"]);
            assert!(!advice.is_empty() && !advice.contains("canary"), "{advice}");
        }
    }
}
