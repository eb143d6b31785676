//! Query parameters. Endpoints ignore unknown ones, because clients and intermediaries add their
//! own.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use taskwell_core::app::App;
use taskwell_core::error::{Code, Problems, Violation};

/// The parameters of a query. A handler takes those that it knows. Each may occur only once.
pub struct Query {
    pairs: Vec<(String, String)>,
    pub uri: Uri,
}

impl FromRequestParts<App> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Query, Infallible> {
        let query = parts.uri.query().unwrap_or("");
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(Query {
            pairs: pairs.map(|(k, v)| (k.into_owned(), v.into_owned())).collect(),
            uri: parts.uri.clone(),
        })
    }
}

impl Query {
    /// Takes the parameter `name`, parsed by `parse`.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Violation>,
    ) -> Option<T> {
        let at = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.swap_remove(at);
        if self.has(name) {
            self.pairs.retain(|(key, _)| key != name);
            problems.note(name, Code::Duplicate, "must be given only once");
            return None;
        }
        if is_broken(&value) {
            problems.note(name, Code::Syntax, "is not UTF-8");
            return None;
        }
        problems.take(name, parse(&value))
    }

    /// Whether the parameter is present.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }
}

/// Whether form-encoded text was not UTF-8. Its decoder replaces invalid bytes by this character.
pub fn is_broken(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

/// Parses `true` or `false`, in any case: Python writes `True`.
pub fn flag(text: &str) -> Result<bool, Violation> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Violation::new(Code::UnknownWord, "must be true or false")),
    }
}
