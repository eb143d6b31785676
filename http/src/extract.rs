//! What handlers take from a request: who sends it, its body, its query, which task, which version.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body as RawBody, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Path, Request};
use axum::http::Uri;
use axum::http::header::{self, HeaderMap};
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use taskwell_core::app::App;
use taskwell_core::bearer::Bearer;
use taskwell_core::client::Client;
use taskwell_core::error::{Code, Error, Flaw, Problems, Unproven};
use taskwell_core::idempotency::Once;
use taskwell_core::tasks::Expected;

use crate::tree::Failure;

/// The largest body that is read, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How deep JSON may be nested.
const DEPTH_MAX: usize = 64;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";

/// A bearer token (RFC 6750, section 2.1) that we signed and whose time is not over, or that is spelled like a personal access
/// token. Whether it lives is the store's to say.
pub struct Token(pub Bearer);

impl FromRequestParts<App> for Token {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Token, Failure> {
        let unproven = |why| Failure::Core(Error::Unauthenticated(why));
        let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or_else(|| unproven(Unproven::NoToken))?;
        let text = value.to_str().map_err(|_| unproven(Unproven::BadToken))?;
        let token = text
            .split_at_checked(7)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer "))
            .ok_or_else(|| unproven(Unproven::NoToken))?
            .1;
        if values.next().is_some() {
            return Err(unproven(Unproven::BadToken));
        }
        let client = parts.extensions.get::<Client>().copied();
        let once = parts.extensions.get::<Once>().cloned();
        Ok(Token(app.verify(token.trim(), client)?.once(once)))
    }
}

/// A JSON object. Never refused here: whether the caller may be told what is wrong with it is asked first.
pub struct Body<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Body<T>, Infallible> {
        Ok(Body(read_json(request, &[JSON]).await))
    }
}

/// A JSON Merge Patch (RFC 7396), also under the plain JSON type.
pub struct MergePatch<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for MergePatch<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<MergePatch<T>, Infallible> {
        Ok(MergePatch(read_json(request, &[JSON, "application/merge-patch+json"]).await))
    }
}

/// A JSON object, or a form with the same members (OAuth2's password form).
pub struct JsonOrForm<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for JsonOrForm<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<JsonOrForm<T>, Infallible> {
        const FORM: &str = "application/x-www-form-urlencoded";
        Ok(JsonOrForm(match content_type(request.headers()).as_deref() {
            Some(FORM) => read_form(request).await,
            Some(JSON) => read_json(request, &[JSON]).await,
            _ => Err(Failure::WrongType(&[JSON, FORM])),
        }))
    }
}

/// A form of a page of ours.
pub struct Form<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Form<T>, Infallible> {
        const FORM: &str = "application/x-www-form-urlencoded";
        Ok(Form(match content_type(request.headers()).as_deref() {
            Some(FORM) => read_form(request).await,
            _ => Err(Failure::WrongType(&[FORM])),
        }))
    }
}

async fn read_json<T: DeserializeOwned>(
    request: Request,
    types: &'static [&'static str],
) -> Result<T, Failure> {
    let given = content_type(request.headers());
    if !given.is_some_and(|given| types.contains(&given.as_str())) {
        return Err(Failure::WrongType(types));
    }
    let bytes = read_bytes(request.into_body()).await?;
    parse_object(&bytes).map_err(|Flaw(code, message)| Failure::Core(Error::invalid("body", code, message)))
}

/// The media type without its parameters, in lower case.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = text.split(';').next().unwrap_or(text);
    Some(essence.trim().to_ascii_lowercase())
}

/// A body within its bounds of size and time.
pub async fn read_bytes(body: RawBody) -> Result<Bytes, Failure> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Failure::TooLarge),
        Err(_) => Err(Failure::TooSlow),
    }
}

/// A JSON object as `T`; serde would take an array for a struct, and its words for errors are mended here.
fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Flaw> {
    let flaw = |message: String| Err(Flaw::new(Code::Syntax, message));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return flaw("is not UTF-8".into());
    };
    match text.trim_start_matches([' ', '\t', '\r', '\n']).chars().next() {
        None => return flaw("is empty; a JSON object is needed".into()),
        Some('{') => {}
        Some(_) => return flaw("must be a JSON object".into()),
    }
    if is_too_deep(bytes) {
        return flaw(format!("is nested more than {DEPTH_MAX} deep"));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(e) if e.to_string().starts_with("duplicate field") => {
            Err(Flaw::new(Code::Duplicate, format!("has a {e}")))
        }
        Err(e) => flaw(format!("is not valid JSON: {e}")),
    }
}

/// Members that nobody reads may be as deep as they like to serde; not to us.
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

async fn read_form<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let bytes = read_bytes(request.into_body()).await?;
    let flaw = |code, message: String| Failure::Core(Error::invalid("body", code, message));
    let mut members = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(&bytes) {
        if is_broken(&name) || is_broken(&value) {
            return Err(flaw(Code::Syntax, "is not UTF-8".into()));
        }
        let text = serde_json::Value::String(value.into_owned());
        if members.insert(name.clone().into_owned(), text).is_some() {
            return Err(flaw(Code::Duplicate, format!("has {name} twice")));
        }
    }
    serde_json::from_value(serde_json::Value::Object(members))
        .map_err(|e| flaw(Code::Syntax, format!("is not a form that is read here: {e}")))
}

/// Whether form-encoded text was not UTF-8: its decoder puts this character where it could not go on.
fn is_broken(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

/// The query's parameters, each at most once. A handler takes what it knows; then nothing may be left.
pub struct Query {
    pairs: Vec<(String, String)>,
    pub uri: Uri,
}

/// What becomes of parameters that nobody took.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Refuse,
    PassOver,
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
    /// The parameter `name`, understood by `parse`.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let at = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.swap_remove(at);
        if self.pairs.iter().any(|(key, _)| key == name) {
            self.pairs.retain(|(key, _)| key != name);
            problems.note(name, Code::Duplicate, "is given twice");
            return None;
        }
        if is_broken(&value) {
            problems.note(name, Code::Syntax, "is not UTF-8");
            return None;
        }
        problems.take(name, parse(&value))
    }

    /// To be called last.
    pub fn finish(&self, unknown: Unknown, problems: &mut Problems) {
        if unknown == Unknown::Refuse {
            for (name, _) in &self.pairs {
                problems.note(name.clone(), Code::UnknownParameter, "is no parameter of this list");
            }
        }
    }
}

/// The one parameter of a path, as text.
pub struct PathText(pub String);

impl FromRequestParts<App> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<PathText, Failure> {
        match Path::<String>::from_request_parts(parts, app).await {
            Ok(Path(text)) => Ok(PathText(text)),
            // Not UTF-8 after decoding: no id looks like that.
            Err(_) => Ok(PathText(String::new())),
        }
    }
}

/// The two parameters of a path, as texts.
pub struct PathTexts(pub String, pub String);

impl FromRequestParts<App> for PathTexts {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<PathTexts, Failure> {
        if let Ok(Path((first, second))) = Path::<(String, String)>::from_request_parts(parts, app).await {
            return Ok(PathTexts(first, second));
        }
        // As of one; which of them it is says the path as it was sent.
        let template = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let sent = template.split('/').zip(parts.uri.path().split('/'));
        let mut texts = sent.filter(|(name, _)| name.starts_with('{')).map(|(_, text)| text.to_owned());
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
        Ok(Conditions { if_match: all(header::IF_MATCH), if_none_match: all(header::IF_NONE_MATCH) })
    }
}

impl Conditions {
    /// The versions that a write is meant for. Weak tags never match here (section 13.1.1).
    pub fn expected(&self) -> Expected {
        match &self.if_match {
            None => Expected::Any,
            Some(tags) if tags.trim() == "*" => Expected::Any,
            Some(tags) => Expected::OneOf(tags.split(',').filter_map(version).collect()),
        }
    }

    /// Whether the client has this version already; weak tags count (section 13.1.2).
    pub fn has(&self, current: i64) -> bool {
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

/// The version in a strong entity tag as we print it: `"17"`.
fn version(tag: &str) -> Option<i64> {
    let digits = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok()
}
