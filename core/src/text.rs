//! What every text of the model goes through: Unicode normal form, bounds, folding for comparison.

use std::borrow::Cow;

use caseless::Caseless as _;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::error::{Code, Result, Violation};

/// `text` in NFC, in which all bounds are counted.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// No character of NFC stands for more characters than so many (Unicode Standard Annex 15, "Maximum
/// Expansion Factor").
const CHARS_IN_ONE_MAX: usize = 4;

/// `text` in NFC, as [`nfc`], where it may have no more than `chars_max` characters then. What
/// certainly has more stays as it is, so that nobody pays for the normal form of what is refused
/// anyway: its own length is beyond the bound as well.
pub fn nfc_up_to(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.chars().nth(chars_max * CHARS_IN_ONE_MAX) {
        Some(_) => Cow::Borrowed(text),
        None => nfc(text),
    }
}

/// The one meaning of "case-insensitive": two texts are the same if they fold to the same text.
/// Unicode's full case folding (D145) between two passes of NFKC, so `STRASSE` meets `straße` and
/// `ΟΔΟΣ` meets `οδος`, which lower case does not do. A folded text holds no character that folding
/// changes, no ASCII capital among them.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().default_case_fold().nfkc().collect()
}

/// The text that a search looks into: title and description, folded.
pub fn search_fold(title: &str, description: Option<&str>) -> String {
    let mut folded = fold(title);
    if let Some(description) = description {
        folded.push('\n');
        folded.push_str(&fold(description));
    }
    folded
}

/// One line of text: trimmed, NFC, `min` to `max` characters, no control characters.
pub fn line(text: &str, min: usize, max: usize) -> Result<String, Violation> {
    let text = nfc_up_to(text.trim(), max);
    check_length(&text, min, max)?;
    if let Some(at) = text.chars().position(char::is_control) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// Text of several lines: NFC, at most `max` characters, no control characters but tab and line
/// ends.
pub fn lines(text: &str, max: usize) -> Result<String, Violation> {
    let text = nfc_up_to(text, max);
    check_length(&text, 0, max)?;
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some(at) = text.chars().position(bad) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// That `text` has `min` to `max` characters.
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

/// That both databases can store `text`: PostgreSQL's texts hold every character but U+0000, at
/// which functions of SQLite's stop reading.
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

/// The words of a search, folded; a text matches if it holds each of them, in whatever place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// At most 200 characters and 16 words.
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

    /// The word that the fewest texts hold, as far as its length tells.
    pub(crate) fn longest(&self) -> &str {
        self.0.iter().max_by_key(|word| word.len()).map_or("", String::as_str)
    }

    /// Whether each word stands in a text that is folded already.
    pub(crate) fn stand_in(&self, folded: &str) -> bool {
        self.0.iter().all(|word| folded.contains(word.as_str()))
    }

    /// Whether each word stands in one of the texts.
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
        // No character is made of more.
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
