//! The HTML of the account pages.

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use taskwell_core::error::Problem;

use crate::ui;

const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   base-uri 'none'; frame-ancestors 'none'";
const BRAND: &str = "<div class=\"sign-brand\"><svg viewBox=\"0 0 32 32\" \
aria-hidden=\"true\"><rect width=\"32\" height=\"32\" rx=\"8\"/><path d=\"M9.5 16.800l4.600 4.700 \
8.600-10.700\"/></svg><span>Taskwell</span></div>";
pub(super) fn form(action: &str, token: &str, fields: &str, button: &str) -> String {
    let token = escaped(token);
    format!(
        "<form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"token\" \
         value=\"{token}\">{fields}<button class=\"primary large\">{button}</button></form>"
    )
}

/// A field of a form.
pub(super) struct Field<'a> {
    pub(super) label: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) autocomplete: &'a str,
    pub(super) required: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Field<'a> {
    pub(super) fn text(label: &'a str, name: &'a str, autocomplete: &'a str) -> Field<'a> {
        Field { label, name, kind: "text", autocomplete, required: "required", value: "" }
    }

    pub(super) fn password(label: &'a str, name: &'a str, autocomplete: &'a str) -> Field<'a> {
        Field { kind: "password", ..Field::text(label, name, autocomplete) }
    }

    /// Renders the field with its problem beside it. The first invalid field has the focus.
    pub(super) fn draw(&self, problems: &[Problem]) -> String {
        let Field { label, name, kind, autocomplete, required, value } = self;
        let value = escaped(value);
        let wrong = problems.iter().find(|problem| problem.field == *name);
        let is_first = wrong.is_some_and(|wrong| problems.first() == Some(wrong));
        // "New password is too common", but "New password: 3 characters, at least 8 needed".
        let is_clause =
            wrong.is_some_and(|wrong| wrong.message.starts_with(|c: char| c.is_ascii_lowercase()));
        let between = if is_clause { " " } else { ": " };
        let (class, marks, words) = match wrong {
            None => ("field", String::new(), String::new()),
            Some(wrong) => (
                "field invalid",
                format!(
                    "aria-invalid=\"true\" aria-describedby=\"{name}-wrong\"{}",
                    if is_first { " autofocus" } else { "" }
                ),
                format!(
                    "<p class=\"problem\" id=\"{name}-wrong\">{label}{between}{}</p>",
                    escaped(&wrong.message)
                ),
            ),
        };
        format!(
            "<div class=\"{class}\"><label for=\"{name}\">{label}</label><div \
             class=\"input\"><input id=\"{name}\" type=\"{kind}\" name=\"{name}\" \
             value=\"{value}\" autocomplete=\"{autocomplete}\" {required} \
             {marks}></div>{words}</div>"
        )
    }
}

pub(super) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta \
         charset=\"utf-8\"><title>{title}</title><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">{}</head><body><main \
         class=\"outside\"><div class=\"sign\">{BRAND}<h1>{title}</h1>{body}<p class=\"other\"><a \
         href=\"/\">To your tasks</a></p></div></main></body></html>",
        ui::styles()
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
    ];
    (status, headers, text).into_response()
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
