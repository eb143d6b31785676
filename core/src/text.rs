//! Text processing: Unicode normalization, length limits, and folding for comparison.

use std::borrow::Cow;

use caseless::Caseless as _;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::error::{Code, Result, Violation};

/// Returns `text` in NFC. All length limits count characters of NFC.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Maximum number of characters that compose to one character of NFC (Unicode Standard Annex 15,
/// "Maximum Expansion Factor").
const CHARS_IN_ONE_MAX: usize = 4;

/// Returns `text` in NFC if it can have at most `chars_max` characters then. A longer text is
/// returned unchanged, to avoid the cost of normalizing a text that is refused anyway: it exceeds
/// the limit in either form.
pub fn nfc_up_to(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.chars().nth(chars_max * CHARS_IN_ONE_MAX) {
        Some(_) => Cow::Borrowed(text),
        None => nfc(text),
    }
}

/// Folds a text for comparison: "case-insensitive" always means that two texts fold to the same
/// text. This is Unicode's full case folding (D145) between two passes of NFKC, so `STRASSE`
/// matches `straße` and `ΟΔΟΣ` matches `οδος`, unlike with lower case. A folded text contains no
/// character that folding changes, thus no ASCII capital.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().default_case_fold().nfkc().collect()
}

/// Returns the text that searches run on: title and description, folded.
pub fn search_fold(title: &str, description: Option<&str>) -> String {
    let mut folded = fold(title);
    if let Some(description) = description {
        folded.push('\n');
        folded.push_str(&fold(description));
    }
    folded
}

/// Validates one line of text: trimmed, in NFC, `min` to `max` characters, no control characters.
pub fn line(text: &str, min: usize, max: usize) -> Result<String, Violation> {
    let text = nfc_up_to(text.trim(), max);
    check_length(&text, min, max)?;
    if let Some(at) = text.chars().position(char::is_control) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// Validates text of several lines: in NFC, at most `max` characters, no control characters except
/// tabs and line ends.
pub fn lines(text: &str, max: usize) -> Result<String, Violation> {
    let text = nfc_up_to(text, max);
    check_length(&text, 0, max)?;
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some(at) = text.chars().position(bad) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// Checks that `text` has `min` to `max` characters.
pub fn check_length(text: &str, min: usize, max: usize) -> Result<(), Violation> {
    let chars = text.chars().count();
    if chars < min {
        Err(too_short(chars, min))
    } else if chars > max {
        Err(Violation::new(
            Code::TooLong,
            format!("must have at most {max} characters, but has {chars}"),
        ))
    } else {
        Ok(())
    }
}

/// Checks that both databases can store `text`: PostgreSQL refuses U+0000, and SQLite's functions
/// stop reading at it.
pub fn check_storable(text: &str) -> Result<(), Violation> {
    match memchr::memchr(0, text.as_bytes()) {
        None => Ok(()),
        Some(_) => Err(Violation::new(Code::Control, "must not contain U+0000")),
    }
}

fn too_short(chars: usize, min: usize) -> Violation {
    let message = match (chars, min) {
        (0, 1) => "must not be empty".into(),
        _ => format!("must have at least {min} characters, but has {chars}"),
    };
    Violation::new(Code::TooShort, message)
}

fn control(at: usize) -> Violation {
    Violation::new(
        Code::Control,
        format!("must not contain the control character at position {}", at + 1),
    )
}

/// The folded words of a search. A text matches if it contains each of them, in any position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// Parses at most 200 characters and 16 words.
    pub fn parse(text: &str) -> Result<Words, Violation> {
        let text = line(text, 0, 200)?;
        let words: Vec<String> = text.split_whitespace().map(fold).collect();
        if words.len() > 16 {
            return Err(Violation::new(
                Code::TooLong,
                format!("must have at most 16 words, but has {}", words.len()),
            ));
        }
        Ok(Words(words))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the longest word, which probably the fewest texts contain.
    pub(crate) fn longest(&self) -> &str {
        self.0.iter().max_by_key(|word| word.len()).map_or("", String::as_str)
    }

    /// Returns whether a text that is already folded contains each word.
    pub(crate) fn stand_in(&self, folded: &str) -> bool {
        self.0.iter().all(|word| folded.contains(word.as_str()))
    }

    /// Returns whether each word is in at least one of the texts.
    pub fn match_any(&self, texts: &[&str]) -> bool {
        if self.is_empty() {
            return true;
        }
        let folded: Vec<String> = texts.iter().map(|text| fold(text)).collect();
        self.0.iter().all(|word| folded.iter().any(|text| text.contains(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_in_any_form_is_not_brought_into_one() {
        let long = "e\u{301}".repeat(1000);
        assert!(matches!(nfc_up_to(&long, 100), Cow::Borrowed(text) if text == long));
        assert!(line(&long, 1, 100).is_err() && lines(&long, 100).is_err());
        assert_eq!(line(&long, 1, 1000).unwrap(), "é".repeat(1000));
        // No character decomposes into more.
        let most = ('\u{0}'..=char::MAX).map(|c| std::iter::once(c).nfd().count()).max();
        assert_eq!(most, Some(CHARS_IN_ONE_MAX));
    }

    #[test]
    fn a_search_text_is_the_same_in_every_case() {
        assert_eq!(search_fold("ΟΔΟΣ", None), search_fold("οδος", None));
        assert_eq!(search_fold("STRASSE", None), search_fold("straße", None));
        assert_eq!(search_fold("ﬁle №", None), "file no");
        assert_eq!(search_fold("Milk", Some("Two LITRES")), "milk\ntwo litres");
        assert_eq!(search_fold("Milk", Some("")), "milk\n");
    }
}
