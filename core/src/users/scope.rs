//! What a personal access token may be made for.

use std::fmt;

use crate::db::{Column, Value, unexpected};
use crate::error::{Code, Result, Violation};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    TasksRead = 1,
    TasksWrite = 2,
    AccountRead = 4,
    /// What admins may, for a token of an admin's.
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

/// Some scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// A session's.
    pub const ALL: Scopes = Scopes(0b1111);

    /// Scopes by their words, at least one.
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
    /// The words with spaces between, as they are stored.
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
