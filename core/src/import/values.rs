//! One row of another back end, and how its texts are parsed: as either database prints a value,
//! and as other programs store one.

use super::fields::Field;
use super::tables::Table;
use crate::error::{Code, Result, Violation};
use crate::time::Timestamp;

/// Numbers up to this one count seconds since 1970, which reaches the year 5138.
const SECONDS_MAX: f64 = 1e11;
/// Numbers up to this one count milliseconds, larger ones microseconds.
const MILLISECONDS_MAX: f64 = 1e14;

/// A remark about one column of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub column: String,
    pub message: String,
}

impl Note {
    pub fn new(column: &str, message: impl Into<String>) -> Note {
        Note { column: column.to_owned(), message: message.into() }
    }

    pub fn flaw(column: &str, Violation(_, message): &Violation) -> Note {
        Note::new(column, message.as_ref())
    }
}

/// The outcome for a row.
pub enum Reading<T> {
    /// The row is imported. The notes list what changes.
    Comes(T, Vec<Note>),
    /// The row counts as deleted in the other back end.
    LeftOut(Note),
    /// The row breaks a rule.
    Refused(Note),
}

/// The values of a row, by field.
pub struct Values<'r> {
    table: &'r Table,
    texts: &'r [Option<String>],
}

impl<'r> Values<'r> {
    pub fn new(table: &'r Table, texts: &'r [Option<String>]) -> Values<'r> {
        Values { table, texts }
    }

    /// Returns every column of a field, with its value. Blank text counts as no value, like NULL.
    pub fn all(&self, field: Field) -> impl Iterator<Item = (&'r str, Option<&'r str>)> {
        let columns = self.table.columns.iter().zip(self.texts);
        columns.filter(move |(column, _)| column.field == field).map(|(column, text)| {
            (column.name.as_str(), text.as_deref().filter(|text| !text.trim().is_empty()))
        })
    }

    /// Returns the first value of a field, with its column.
    pub fn find(&self, field: Field) -> Option<(&'r str, &'r str)> {
        self.all(field).find_map(|(column, value)| Some((column, value?)))
    }

    /// Returns the value of a required field.
    pub fn needed(&self, field: Field) -> Result<(&'r str, &'r str), Note> {
        self.find(field).ok_or_else(|| {
            let column = self.all(field).next().map_or("", |(column, _)| column);
            Note::new(column, "is empty")
        })
    }

    /// Parses the first value of a field.
    pub fn read<T>(
        &self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Result<Option<T>, Note> {
        let Some((column, value)) = self.find(field) else { return Ok(None) };
        parse(value).map(Some).map_err(|flaw| Note::flaw(column, &flaw))
    }

    pub fn time(&self, field: Field) -> Result<Option<Timestamp>, Note> {
        self.read(field, time)
    }

    /// Returns when the row was created and last changed. If one time is missing, the other
    /// replaces it. If both are missing, `now` does.
    pub fn times(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), Note> {
        let (created_at, updated_at) = (self.time(Field::CreatedAt)?, self.time(Field::UpdatedAt)?);
        let created_at = created_at.or(updated_at).unwrap_or(now);
        Ok((created_at, updated_at.unwrap_or(created_at).max(created_at)))
    }

    /// Returns a note if a column marks the row as deleted.
    pub fn deleted(&self) -> Option<Note> {
        let (column, _) = self.all(Field::Deleted).find(|(_, value)| value.is_some_and(is_set))?;
        Some(Note::new(column, "counts as deleted there"))
    }
}

/// Whether a column such as `disabled` or `deleted_at` is set: to true, to a time, or to any word
/// but one for no.
pub fn is_set(value: &str) -> bool {
    let zero_date = value.starts_with("0000-00-00");
    !zero_date
        && !matches!(value.trim().to_lowercase().as_str(), "none" | "null")
        && flag(value) != Some(false)
}

/// Parses a boolean as databases and programs print it.
pub fn flag(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "1.0" | "t" | "true" | "y" | "yes" | "on" => Some(true),
        "0" | "0.0" | "f" | "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Returns the name of a Python `Enum` member, which `SQLAlchemy` stores as `NAME` and others as
/// `Class.NAME`.
pub fn member(word: &str) -> String {
    word.trim().rsplit('.').next().unwrap_or(word).to_lowercase()
}

/// Parses a time as databases print it: `2026-01-02 03:04:05.678901+00`. Without a zone it is UTC.
/// A number counts seconds, milliseconds or microseconds since 1970.
pub fn time(text: &str) -> Result<Timestamp, Violation> {
    let text = text.trim();
    if let Some(time) = counted(text) {
        return time;
    }
    let zone = text.get(10..).and_then(|rest| rest.rfind(['+', '-'])).map(|at| at + 10);
    match zone {
        Some(zone) if text.len() == zone + 3 => Timestamp::parse(&format!("{text}:00")),
        _ => Timestamp::parse(text),
    }
}

fn counted(text: &str) -> Option<Result<Timestamp, Violation>> {
    let is_number =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'+' | b'e'));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    let us = match number.abs() {
        size if size < SECONDS_MAX => number * 1e6,
        size if size < MILLISECONDS_MAX => number * 1e3,
        _ => number,
    };
    // Up to this number an f64 counts whole microseconds exactly, and no year exceeds 9999.
    let is_in_range = us.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    let time = is_in_range.then(|| Timestamp::from_micros(us.round() as i64));
    Some(time.ok_or_else(|| Violation::new(Code::Range, "is too large for seconds since 1970")))
}

/// Decodes text that a programming language stored as bytes.
pub fn from_bytes(text: &str) -> Option<String> {
    let digits = text.strip_prefix("\\x")?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    String::from_utf8(bytes?).ok()
}
