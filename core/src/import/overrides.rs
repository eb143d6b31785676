//! `--map`: the operator's meaning of a column, instead of the one that its name suggests.

use std::fmt;

use super::fields::{Field, Noun, Spec, plain};

/// The word for a column that the import skips.
const IGNORE: &str = "ignore";

/// An instruction to read a column as a field, or to skip it: `[TABLE.]COLUMN=FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// `None` means either table.
    table: Option<String>,
    column: String,
    word: String,
}

impl Override {
    /// Parses `COLUMN=FIELD` or `TABLE.COLUMN=FIELD`. FIELD is a field of a user or of a task, or
    /// `ignore`. TABLE is the table's name, or `user` or `task`.
    ///
    /// # Errors
    /// The text is invalid. The message says which part is missing or unknown.
    pub fn parse(text: &str) -> Result<Override, String> {
        let Some((column, word)) = text.rsplit_once('=') else {
            return Err("write it as COLUMN=FIELD".into());
        };
        if word != IGNORE && Noun::User.spec(word).is_none() && Noun::Task.spec(word).is_none() {
            return Err(format!(
                "{word:?} is not a field; users have {}; tasks have {}; {IGNORE} skips the column",
                words(Noun::User),
                words(Noun::Task)
            ));
        }
        let (table, column) = match column.split_once('.') {
            Some((table, column)) => (Some(table.to_owned()), column),
            None => (None, column),
        };
        if column.is_empty() || table.as_ref().is_some_and(String::is_empty) {
            return Err("name the column before the equals sign".into());
        }
        Ok(Override { table, column: column.to_owned(), word: word.to_owned() })
    }

    /// Whether this override applies to this table and to a field of this noun.
    pub(super) fn concerns(&self, noun: Noun, table: &str) -> bool {
        let is_table = |name: &str| plain(name) == plain(table) || plain(name) == noun.word();
        self.table.as_deref().is_none_or(is_table)
            && (self.word == IGNORE || noun.spec(&self.word).is_some())
    }

    /// Returns the column that this override names.
    pub(super) fn column<'c>(&self, columns: &[&'c str]) -> Option<&'c str> {
        named(columns, &self.column)
    }

    /// Returns the field, or `None` if the import skips the column.
    pub(super) fn field(&self, noun: Noun) -> Option<Field> {
        noun.spec(&self.word).map(|spec| spec.field)
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "{table}.")?;
        }
        write!(f, "{}={}", self.column, self.word)
    }
}

/// Returns the one of `names` that equals `wanted`, or else one that differs only in case and
/// underscores.
pub fn named<'n>(names: &[&'n str], wanted: &str) -> Option<&'n str> {
    let exact = names.iter().find(|name| **name == wanted);
    exact.or_else(|| names.iter().find(|name| plain(name) == plain(wanted))).copied()
}

fn words(noun: Noun) -> String {
    let words: Vec<&str> = noun.specs().iter().map(|Spec { word, .. }| *word).collect();
    words.join(", ")
}
