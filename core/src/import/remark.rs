//! What an import tells: line by line what is read and what becomes of a row, and the sum in the
//! end.

use std::fmt;

/// What an import came to, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub users: Tally,
    /// So many of the users that come over are admins.
    pub admins: u64,
    /// So many of them can't log in until an admin activates them.
    pub deactivated: u64,
    /// So many of them can't log in until they have reset their password.
    pub without_password: u64,
    pub tasks: Tally,
}

/// Rows by what becomes of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub come: u64,
    pub refused: u64,
    /// Those that count as deleted in the other database.
    pub left_out: u64,
}

/// One line of what an import tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A column, as `TABLE.COLUMN`, and the field it is read as.
    Read { column: String, field: &'static str },
    /// A column or a table that is not read.
    Unread { what: String },
    /// A row that does not come over, or not as it was.
    Row {
        /// `user` or `task`.
        noun: &'static str,
        /// Its id in the other database.
        id: String,
        /// Its column there.
        column: String,
        verdict: Verdict,
        message: String,
    },
}

/// What becomes of a row that there is something to say about.
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
