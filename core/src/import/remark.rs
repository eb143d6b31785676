//! The report of an import: lines on the columns and rows, and the totals.

use std::fmt;

/// The totals of an import or a dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub users: Tally,
    /// The number of imported users that are admins.
    pub admins: u64,
    /// The number of imported users that can't log in until an admin activates them.
    pub deactivated: u64,
    /// The number of imported users that can't log in until they have reset their password.
    pub without_password: u64,
    pub tasks: Tally,
}

/// Numbers of rows by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub come: u64,
    pub refused: u64,
    /// Rows that count as deleted in the other database.
    pub left_out: u64,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A column, as `TABLE.COLUMN`, and its field.
    Read { column: String, field: &'static str },
    /// A column or a table that is not read.
    Unread { what: String },
    /// A row that is not imported, or not unchanged.
    Row {
        /// `user` or `task`.
        noun: &'static str,
        /// Its id in the other database.
        id: String,
        /// Its column in the other database.
        column: String,
        verdict: Verdict,
        message: String,
    },
}

/// The outcome for a row with a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Changed,
    LeftOut,
    Refused,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Read { column, field } => write!(f, "read: {column} as {field}"),
            Remark::Unread { what } => write!(f, "not read: {what}"),
            Remark::Row { noun, id, column, verdict, message } => {
                let verdict = match verdict {
                    Verdict::Changed => "changed",
                    Verdict::LeftOut => "left out",
                    Verdict::Refused => "refused",
                };
                write!(f, "{verdict}: {noun} {id}: {column}: {message}")
            }
        }
    }
}
