//! Scopes of personal access tokens.

use std::fmt;

use crate::db::{Column, Value, unexpected};
use crate::error::{Code, Result, Violation};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    TasksRead = 1,
    TasksWrite = 2,
    AccountRead = 4,
    /// Everything that admins may do, for tokens of admins.
    Admin = 8,
}

impl Scope {
    pub const ALL: [Scope; 4] =
        [Scope::TasksRead, Scope::TasksWrite, Scope::AccountRead, Scope::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Scope::TasksRead => "tasks:read",
            Scope::TasksWrite => "tasks:write",
            Scope::AccountRead => "account:read",
            Scope::Admin => "admin",
        }
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// The scopes of a session.
    pub const ALL: Scopes = Scopes(0b1111);

    /// Parses the names of scopes. At least one is required.
    pub fn parse<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Scopes, Violation> {
        let mut scopes = Scopes(0);
        for word in words {
            let scope =
                Scope::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or_else(|| {
                    Violation::new(
                        Code::UnknownWord,
                        "must contain only tasks:read, tasks:write, account:read, admin",
                    )
                })?;
            scopes.0 |= scope as u8;
        }
        if scopes.0 == 0 {
            return Err(Violation::new(Code::TooShort, "must contain at least one scope"));
        }
        Ok(scopes)
    }

    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope as u8 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl fmt::Display for Scopes {
    /// Writes the names with spaces between, as they are stored.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl Column for Scopes {
    fn read(value: Value) -> Result<Scopes> {
        match value {
            Value::Text(text) => {
                Scopes::parse(text.split(' ')).map_err(|_| unexpected("scopes", value))
            }
            other => Err(unexpected("scopes", other)),
        }
    }
}
