//! A member of a JSON body before validation. Deserialization never fails on it, so that the
//! response reports all problems at once.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use taskwell_core::error::{Code, Problems, Violation};
use taskwell_core::tasks::Patch;
use taskwell_core::text::check_storable;

/// Maximum length of an array of strings. Longer ones become [`RawField::Other`].
const TEXTS_MAX: usize = 32;

/// A member: absent, `null`, a value of a type that some contract uses, or anything else.
#[derive(Default)]
pub enum RawField {
    #[default]
    Absent,
    Null,
    Text(String),
    Bool(bool),
    Int(i64),
    /// An array of strings. Arrays longer than any rule allows are [`RawField::Other`].
    Texts(Vec<String>),
    Other(&'static str),
}

impl RawField {
    /// Parses a required string.
    pub fn required<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Option<T> {
        match self {
            RawField::Absent => {
                problems.note(field, Code::Required, "is required");
                None
            }
            given => given.optional(field, problems, parse),
        }
    }

    /// Parses an optional string that must not be `null`.
    pub fn optional<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Option<T> {
        match self {
            RawField::Absent => None,
            RawField::Text(text) => problems.take(field, parse(&text)),
            other => other.wrong(field, "a string", problems),
        }
    }

    /// Parses an optional string that `null` clears.
    pub fn patch<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Patch<T> {
        match self {
            RawField::Null => Patch::Clear,
            given => given.optional(field, problems, parse).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// Parses an optional string. `null` means the same as absence.
    pub fn nullable<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Option<T> {
        match self.patch(field, problems, parse) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// Parses an optional Boolean.
    pub fn flag(self, field: &'static str, problems: &mut Problems) -> Option<bool> {
        match self {
            RawField::Absent => None,
            RawField::Bool(value) => Some(value),
            other => other.wrong(field, "true or false", problems),
        }
    }

    /// Parses an optional integer.
    pub fn number<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(i64) -> Result<T, Violation>,
    ) -> Option<T> {
        match self {
            RawField::Absent => None,
            RawField::Int(number) => problems.take(field, parse(number)),
            other => other.wrong(field, "a whole number", problems),
        }
    }

    /// Parses a required array of strings.
    pub fn texts<T>(
        self,
        field: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&[String]) -> Result<T, Violation>,
    ) -> Option<T> {
        match self {
            RawField::Absent => {
                problems.note(field, Code::Required, "is required");
                None
            }
            RawField::Texts(texts) => problems.take(field, parse(&texts)),
            other => other.wrong(field, "an array of strings", problems),
        }
    }

    /// Returns a required string unchanged.
    pub fn text(self, field: &'static str, problems: &mut Problems) -> Option<String> {
        self.required(field, problems, |text| Ok(text.to_owned()))
    }

    /// Returns a username or email address for a lookup. Any text that the database can store is
    /// valid.
    pub fn login(self, field: &'static str, problems: &mut Problems) -> Option<String> {
        self.required(field, problems, |text| check_storable(text).map(|()| text.to_owned()))
    }

    /// Returns the text if the member is a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            RawField::Text(text) => Some(text),
            _ => None,
        }
    }

    fn wrong<T>(&self, field: &'static str, wanted: &str, problems: &mut Problems) -> Option<T> {
        let got = match self {
            RawField::Text(_) => "a string",
            RawField::Bool(_) => "true or false",
            RawField::Int(_) => "a number",
            RawField::Texts(_) => "an array",
            RawField::Other(kind) => kind,
            RawField::Absent | RawField::Null => {
                problems.note(field, Code::Null, "must not be null");
                return None;
            }
        };
        problems.note(field, Code::Type, format!("must be {wanted}, not {got}"));
        None
    }
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<RawField, D::Error> {
        from.deserialize_any(AnyMember)
    }
}

struct AnyMember;

impl<'de> Visitor<'de> for AnyMember {
    type Value = RawField;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<RawField, E> {
        Ok(RawField::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawField, E> {
        Ok(RawField::Bool(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<RawField, E> {
        Ok(RawField::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<RawField, E> {
        Ok(RawField::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<RawField, E> {
        Ok(i64::try_from(number).map_or(RawField::Other("a number"), RawField::Int))
    }

    fn visit_i64<E>(self, number: i64) -> Result<RawField, E> {
        Ok(RawField::Int(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawField, E> {
        Ok(RawField::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawField, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(item) = items.next_element::<RawField>()? {
            texts = match (texts, item) {
                (Some(mut texts), RawField::Text(text)) if texts.len() < TEXTS_MAX => {
                    texts.push(text);
                    Some(texts)
                }
                _ => None,
            };
        }
        Ok(texts.map_or(RawField::Other("an array"), RawField::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<RawField, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(RawField::Other("an object"))
    }
}
