//! Extractors: the caller's token, the JSON body, the ids in the path and the expected version.

use std::convert::Infallible;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Path, Request};
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use taskwell_core::app::App;
use taskwell_core::bearer::Bearer;
use taskwell_core::client::Client;
use taskwell_core::epoch::Stamp;
use taskwell_core::error::{AuthError, Code, Error, Violation};
use taskwell_core::idempotency::IdempotentRequest;
use taskwell_core::tasks::Expected;

use crate::body::{self, Arrived};
use crate::compress;
use crate::tree::Failure;

/// Maximum nesting depth of JSON.
const DEPTH_MAX: usize = 64;
pub const JSON: &str = "application/json";

/// A bearer token (RFC 6750, section 2.1) that this server signed and that has not expired, or that
/// has the format of a personal access token. The store checks whether it is still active.
pub struct Token(pub Bearer);

impl FromRequestParts<App> for Token {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Token, Failure> {
        let unproven = |why| Failure::Core(Error::Unauthenticated(why));
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| unproven(AuthError::NoToken))?;
        let text = value.to_str().map_err(|_| unproven(AuthError::BadToken))?;
        let token = text
            .split_at_checked(7)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer "))
            .ok_or_else(|| unproven(AuthError::NoToken))?
            .1;
        if values.next().is_some() {
            return Err(unproven(AuthError::BadToken));
        }
        let client = parts.extensions.get::<Client>().copied();
        let once = parts.extensions.get::<IdempotentRequest>().cloned();
        Ok(Token(app.verify(token.trim(), client)?.once(once)))
    }
}

/// A JSON object, or the reason why it is invalid. Extraction never fails, because the handler
/// first checks whether the caller may see that reason.
pub struct Body<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Body<T>, Infallible> {
        Ok(Body(read_json(request, &[JSON]).await))
    }
}

/// A JSON Merge Patch (RFC 7396), also accepted with the plain JSON type.
pub struct MergePatch<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for MergePatch<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<MergePatch<T>, Infallible> {
        Ok(MergePatch(read_json(request, &[JSON, "application/merge-patch+json"]).await))
    }
}

/// Reads a JSON object that has one of these media types.
pub async fn read_json<T: DeserializeOwned>(
    request: Request,
    types: &'static [&'static str],
) -> Result<T, Failure> {
    media_type(&request, types)?;
    let body = read(request).await?;
    parse_object(&body.bytes)
        .map_err(|Violation(code, message)| Failure::Core(Error::invalid("body", code, message)))
}

/// Returns the one of `types` that the body has.
pub fn media_type(
    request: &Request,
    types: &'static [&'static str],
) -> Result<&'static str, Failure> {
    let given = content_type(request.headers());
    if let Some(known) = types.iter().find(|known| given.as_deref() == Some(**known)) {
        return Ok(known);
    }
    // Without a body, the missing type is not the error.
    if given.is_none() && request.body().is_end_stream() {
        let message = "is missing; send a JSON object";
        return Err(Failure::Core(Error::invalid("body", Code::Required, message)));
    }
    Err(Failure::WrongType(types))
}

/// Returns the media type without its parameters, in lower case.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next().unwrap_or(text);
    Some(essence.trim().to_ascii_lowercase())
}

/// Reads the whole body.
pub async fn read(request: Request) -> Result<Arrived, Failure> {
    let (parts, body) = request.into_parts();
    body::read(&parts, body).await
}

/// Parses a JSON object as `T`. serde would accept an array for a struct, and some of its error
/// messages need other words.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Violation> {
    let flaw = |message: String| Err(Violation::new(Code::Syntax, message));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return flaw("is not UTF-8".into());
    };
    // Windows puts a byte order mark at the start of files. RFC 8259, section 8.1, lets a parser
    // ignore it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start_matches([' ', '\t', '\r', '\n']).chars().next() {
        None => return flaw("is empty; send a JSON object".into()),
        Some('{') => {}
        Some(_) => return flaw("must be a JSON object".into()),
    }
    if is_too_deep(bytes) {
        return flaw(format!("must not be nested more than {DEPTH_MAX} levels deep"));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(e) if e.to_string().starts_with("duplicate field") => {
            Err(Violation::new(Code::Duplicate, format!("has a {e}")))
        }
        Err(e) => flaw(format!("is not valid JSON: {e}")),
    }
}

/// Whether the nesting is too deep. serde does not limit the depth of members that it skips.
fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// The only path parameter, as text.
pub struct PathText(pub String);

impl FromRequestParts<App> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<PathText, Failure> {
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => Ok(PathText(text)),
            // The decoded text is not UTF-8, so it cannot be an id.
            Err(_) => Ok(PathText(String::new())),
        }
    }
}

/// The two path parameters, as text.
pub struct PathTexts(pub String, pub String);

impl FromRequestParts<App> for PathTexts {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<PathTexts, Failure> {
        if let Ok(Path((first, second))) =
            Path::<(String, String)>::from_request_parts(parts, app).await
        {
            return Ok(PathTexts(first, second));
        }
        // At least one is not UTF-8 after decoding. The undecoded path gives both.
        let template = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let sent = template.split('/').zip(parts.uri.path().split('/'));
        let mut texts =
            sent.filter(|(name, _)| name.starts_with('{')).map(|(_, text)| text.to_owned());
        Ok(PathTexts(texts.next().unwrap_or_default(), texts.next().unwrap_or_default()))
    }
}

/// `If-Match` and `If-None-Match` (RFC 9110, section 13.1).
pub struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl FromRequestParts<App> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Conditions, Infallible> {
        let all = |name: header::HeaderName| {
            let values = parts.headers.get_all(name).iter();
            let texts: Vec<&str> = values.map(|value| value.to_str().unwrap_or("?")).collect();
            (!texts.is_empty()).then(|| texts.join(","))
        };
        Ok(Conditions {
            if_match: all(header::IF_MATCH),
            if_none_match: all(header::IF_NONE_MATCH),
        })
    }
}

impl Conditions {
    /// Returns the versions that a write accepts. Weak tags never match here (section 13.1.1).
    pub fn expected(&self) -> Expected {
        match &self.if_match {
            None => Expected::Any,
            Some(tags) if tags.trim() == "*" => Expected::Any,
            Some(tags) => Expected::OneOf(tags.split(',').filter_map(version).collect()),
        }
    }

    /// Whether the client already has this version. Weak tags count (section 13.1.2).
    pub fn has(&self, current: Stamp) -> bool {
        match &self.if_none_match {
            None => false,
            Some(tags) if tags.trim() == "*" => true,
            Some(tags) => tags
                .split(',')
                .map(|tag| tag.trim().trim_start_matches("W/"))
                .any(|tag| version(tag) == Some(current)),
        }
    }
}

/// Parses the version in a strong entity tag of this server: `"17"`, or `"17-gzip"` for a
/// compressed response.
fn version(tag: &str) -> Option<Stamp> {
    let tag = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    Stamp::parse(tag.strip_suffix(compress::MARK).unwrap_or(tag))
}
