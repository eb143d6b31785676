//! Paging by keyset: how many items, and after which one. A cursor stays good while rows come and go.

use crate::error::{Code, Flaw, Result};

/// How many items a page may hold: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    pub const MAX: u16 = 1000;

    pub fn parse(text: &str) -> Result<Limit, Flaw> {
        let flaw = || Flaw::new(Code::Range, "must be a whole number from 1 to 1000");
        let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        let limit = text.parse().ok().filter(|_| digits).ok_or_else(flaw)?;
        if (1..=Limit::MAX).contains(&limit) { Ok(Limit(limit)) } else { Err(flaw()) }
    }

    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    /// What a list that is always paged holds when nothing is asked.
    fn default() -> Limit {
        Limit(100)
    }
}

/// The place after an item: its sort key and its id. To clients it is an opaque word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which order it belongs to, so that it is not used with another.
    pub(crate) order: u8,
    /// `None` among items that have no key (tasks without a due date), which come last.
    pub(crate) key: Option<i64>,
    pub(crate) id: i64,
}

impl Cursor {
    /// The word that [`Cursor::parse`] reads.
    pub fn print(self) -> String {
        let Cursor { order, key, id } = self;
        match key {
            Some(key) => format!("{order:02x}{key:016x}{id:016x}"),
            None => format!("{order:02x}{id:016x}"),
        }
    }

    pub fn parse(text: &str) -> Result<Cursor, Flaw> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = |part: &str| u64::from_str_radix(part, 16).ok().map(u64::cast_signed);
        let parsed = || match text.len() {
            18 => Some((None, number(&text[2..])?)),
            34 => Some((Some(number(&text[2..18])?), number(&text[18..])?)),
            _ => None,
        };
        let cursor = hex.then(parsed).flatten().and_then(|(key, id)| {
            let order = u8::from_str_radix(&text[..2], 16).ok()?;
            Some(Cursor { order, key, id })
        });
        cursor
            .ok_or_else(|| Flaw::new(Code::Format, "not a cursor; take it from the last page's Link header"))
    }
}

/// Some items, and where to go on if there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}
