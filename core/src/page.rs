//! Keyset pagination. A cursor stays valid while rows are added and removed. An offset, which does
//! not, is a cursor at the beginning that still has items to skip.

use crate::error::{Code, Result, Violation};

/// Maximum number of items on a page: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    pub const MAX: u16 = 1000;

    pub fn parse(text: &str) -> Result<Limit, Violation> {
        let limit = whole_number(text).and_then(|number| u16::try_from(number).ok());
        limit
            .filter(|limit| (1..=Limit::MAX).contains(limit))
            .map(Limit)
            .ok_or_else(|| Violation::new(Code::Range, "must be a whole number from 1 to 1000"))
    }

    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    /// The limit of a list that is always paginated, if the request has none.
    fn default() -> Limit {
        Limit(100)
    }
}

/// How many items to skip at the beginning of a list: 0 to 100,000. The bound exists because the
/// database reads the skipped items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset(u32);

impl Offset {
    pub const MAX: u32 = 100_000;

    pub fn parse(text: &str) -> Result<Offset, Violation> {
        let offset = whole_number(text).filter(|offset| *offset <= Offset::MAX);
        offset.map(Offset).ok_or_else(|| {
            Violation::new(
                Code::Range,
                "must be a whole number from 0 to 100000; use cursor for more",
            )
        })
    }

    /// Returns the number of items before a page. The first page is 1.
    pub fn of_page(number: &str, limit: Limit) -> Result<Offset, Violation> {
        let page = whole_number(number).filter(|page| *page > 0);
        let page = page
            .ok_or_else(|| Violation::new(Code::Range, "must be a whole number of at least 1"))?;
        let offset = (page - 1).saturating_mul(limit.0.into());
        if offset > Offset::MAX {
            return Err(Violation::new(
                Code::Range,
                "must start within the first 100000 items; use cursor for more",
            ));
        }
        Ok(Offset(offset))
    }
}

/// Parses digits only: no sign, no space, no fraction.
fn whole_number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The position after an item: its sort key and its id. For clients it is an opaque string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The order of the list, so that the cursor is not used with another one.
    pub(crate) order: u8,
    /// `None` among items without a key (tasks without a due date), which come last.
    pub(crate) key: Option<i64>,
    pub(crate) id: i64,
    /// How many items after the position are still to be skipped.
    pub(crate) skip: u32,
}

impl Cursor {
    /// Returns the same position with items to skip.
    pub(crate) fn skipping(self, offset: Offset) -> Cursor {
        Cursor { skip: offset.0, ..self }
    }

    /// Returns whether items are still to be skipped, so that the requested page has not begun.
    pub fn is_skipping(self) -> bool {
        self.skip > 0
    }

    /// Returns the text that [`Cursor::parse`] reads. A cursor that still skips items is never
    /// printed.
    pub fn print(self) -> String {
        let Cursor { order, key, id, skip: _ } = self;
        match key {
            Some(key) => format!("{order:02x}{key:016x}{id:016x}"),
            None => format!("{order:02x}{id:016x}"),
        }
    }

    pub fn parse(text: &str) -> Result<Cursor, Violation> {
        let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = |part: &str| u64::from_str_radix(part, 16).ok().map(u64::cast_signed);
        let parsed = || match text.len() {
            18 => Some((None, number(&text[2..])?)),
            34 => Some((Some(number(&text[2..18])?), number(&text[18..])?)),
            _ => None,
        };
        let cursor = hex.then(parsed).flatten().and_then(|(key, id)| {
            let order = u8::from_str_radix(&text[..2], 16).ok()?;
            Some(Cursor { order, key, id, skip: 0 })
        });
        cursor.ok_or_else(|| {
            Violation::new(Code::Format, "must be a cursor from the Link header of a page")
        })
    }
}

/// Some items, and the position where the list continues if there are more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}
