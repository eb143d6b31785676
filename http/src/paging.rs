//! The requested part of a list: `limit` and `cursor`, and their counterparts in other APIs.

use axum::http::Uri;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;
use taskwell_core::error::{Code, Problems, Violation};
use taskwell_core::page::{Cursor, Limit, Offset};

use crate::parameters::Query;

/// Parameters for the beginning of a page. A request may contain at most one of them.
const STARTS: [&str; 4] = ["cursor", "offset", "skip", "page"];

/// The beginning of a page and the maximum number of its items.
#[derive(Debug, Clone, Copy)]
pub struct Paging<C> {
    pub limit: Option<Limit>,
    pub start: Option<Start<C>>,
}

/// The beginning of a page.
#[derive(Debug, Clone, Copy)]
pub enum Start<C> {
    Cursor(C),
    Offset(Offset),
}

impl Start<Cursor> {
    /// Converts into a cursor. `cursor_of` converts an offset.
    pub fn cursor(self, cursor_of: impl FnOnce(Offset) -> Cursor) -> Cursor {
        match self {
            Start::Cursor(cursor) => cursor,
            Start::Offset(offset) => cursor_of(offset),
        }
    }
}

impl<C> Paging<C> {
    /// Parses the paging parameters. `page` counts pages of `limit` items, so it is ignored without
    /// a limit.
    pub fn read(
        query: &mut Query,
        problems: &mut Problems,
        parse_cursor: impl FnOnce(&str) -> Result<C, Violation>,
    ) -> Paging<C> {
        let has_limit = query.has("limit");
        let limit = query.take("limit", problems, Limit::parse);
        let cursor = query.take("cursor", problems, parse_cursor);
        let offset = query.take("offset", problems, Offset::parse);
        let skip = query.take("skip", problems, Offset::parse);
        let of_page = |text: &str| Offset::of_page(text, limit.unwrap_or_default());
        let page = if has_limit { query.take("page", problems, of_page) } else { None };
        let given = [cursor.is_some(), offset.is_some(), skip.is_some(), page.is_some()];
        let mut given =
            STARTS.into_iter().zip(given).filter(|(_, is_given)| *is_given).map(|(name, _)| name);
        if let Some(first) = given.next() {
            for name in given {
                problems.note(name, Code::Duplicate, format!("cannot be combined with {first}"));
            }
        }
        let offset = offset.or(skip).or(page).map(Start::Offset);
        Paging { limit, start: cursor.map(Start::Cursor).or(offset) }
    }
}

/// Adds `Link: <…>; rel="next"` (RFC 8288): the same request with the parameter `name` set to
/// `next`.
pub fn link_next(response: &mut Response, uri: &Uri, name: &str, next: &str) {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or("").as_bytes());
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(given, _)| given != name && !STARTS.contains(&&**given)))
        .append_pair(name, next)
        .finish();
    let link = format!("<{}?{query}>; rel=\"next\"", uri.path());
    if let Ok(link) = HeaderValue::try_from(link) {
        response.headers_mut().insert(header::LINK, link);
    }
}
