//! What every text of the model goes through: Unicode normal form, bounds, folding for comparison.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::error::{Code, Flaw, Result};

/// `text` in NFC, in which all bounds are counted.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// The key under which two spellings of one name or address meet: NFKC, lower case.
pub fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// One line of text: trimmed, NFC, `min` to `max` characters, no control characters.
pub fn line(text: &str, min: usize, max: usize) -> Result<String, Flaw> {
    let text = nfc(text.trim());
    check_length(&text, min, max)?;
    if let Some(at) = text.chars().position(char::is_control) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// Text of several lines: NFC, at most `max` characters, no control characters but tab and line ends.
pub fn lines(text: &str, max: usize) -> Result<String, Flaw> {
    let text = nfc(text);
    check_length(&text, 0, max)?;
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if let Some(at) = text.chars().position(bad) {
        return Err(control(at));
    }
    Ok(text.into_owned())
}

/// That `text` has `min` to `max` characters.
pub fn check_length(text: &str, min: usize, max: usize) -> Result<(), Flaw> {
    let chars = text.chars().count();
    if chars < min {
        Err(too_short(chars, min))
    } else if chars > max {
        Err(Flaw::new(Code::TooLong, format!("{chars} characters, {max} allowed")))
    } else {
        Ok(())
    }
}

fn too_short(chars: usize, min: usize) -> Flaw {
    let message = match (chars, min) {
        (0, 1) => "must not be empty".into(),
        _ => format!("{chars} characters, at least {min} needed"),
    };
    Flaw::new(Code::TooShort, message)
}

fn control(at: usize) -> Flaw {
    Flaw::new(Code::Control, format!("a control character at position {}", at + 1))
}

/// The words of a search, folded; a text matches when it holds each of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// At most 200 characters and 16 words.
    pub fn parse(text: &str) -> Result<Words, Flaw> {
        let text = line(text, 0, 200)?;
        let words: Vec<String> = text.split_whitespace().map(fold).collect();
        if words.len() > 16 {
            return Err(Flaw::new(Code::TooLong, format!("{} words, 16 allowed", words.len())));
        }
        Ok(Words(words))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
