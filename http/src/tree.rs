//! Trees: routes, and one function that renders their errors. Until then, an error is a value that
//! the response carries.

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use taskwell_core::error::{AuthError, Conflict, Error, Problem, RateLimited};

use crate::request_id::RequestId;

/// A failure before its tree renders it: an error of the model, or one that only HTTP knows.
#[derive(Debug, Clone)]
pub enum Failure {
    Core(Error),
    /// No route has this path.
    NoRoute,
    /// The path has routes, but none for this method; `Allow` names them.
    WrongMethod,
    /// The body exceeds this many bytes, the maximum at its path.
    TooLarge(usize),
    /// The body has none of these media types, which the route accepts.
    WrongType(&'static [&'static str]),
    /// The body's content is compressed or otherwise encoded.
    UnknownContentCoding,
    /// The message has a transfer coding other than `chunked`.
    UnknownTransferCoding,
    /// The `Host` header is invalid, for this reason.
    BadHost(&'static str),
    /// The body did not arrive in time.
    TooSlow,
    /// The idempotency key is invalid, for this reason.
    BadKey(Cow<'static, str>),
    /// A request with the same idempotency key is in flight.
    KeyBusy,
}

/// For a correct password if the account's address is unverified and verification is required.
pub const UNVERIFIED: &str = "Verify your email address first; the link is in your mail";

/// For a correct password if the account has a second factor.
pub const CODE_NEEDED: &str = "A code from your second factor is required; send it as totp_code";
pub const WRONG_CODE: &str = "The code from your second factor is wrong or was already used";
const LOOKS_TAKEN: &str = "This username looks like another name; choose one that differs more";
pub const MAIL_OFF: &str = "This server cannot send mail: its operator has not set SMTP_URL";

/// For a cursor from before a restore.
pub const GONE: &str = "The changes since then are no longer available; read all tasks again, then \
                        continue from the cursor in this response";
const CONTENT_CODING: &str =
    "The server does not support a Content-Encoding of requests; send the body without one";
const KEY_REUSED: &str = "This Idempotency-Key was already used for another request; use a new one";
const KEY_BUSY: &str = "A request with this Idempotency-Key is still in progress; try again in 1 s";

/// The result of a handler.
pub type Answer = Result<Response, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Core(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl Failure {
    /// Returns the HTTP status of the failure. A tree uses another one if its contract requires it.
    pub fn status(&self) -> StatusCode {
        match self {
            Failure::Core(Error::Invalid(_)) | Failure::BadKey(_) | Failure::BadHost(_) => {
                StatusCode::BAD_REQUEST
            }
            Failure::Core(
                Error::Unauthenticated(AuthError::UnverifiedEmail) | Error::Forbidden,
            ) => StatusCode::FORBIDDEN,
            Failure::Core(Error::Unauthenticated(_)) => StatusCode::UNAUTHORIZED,
            Failure::Core(Error::Missing(_)) | Failure::NoRoute => StatusCode::NOT_FOUND,
            Failure::Core(Error::Conflict(_) | Error::MailOff) | Failure::KeyBusy => {
                StatusCode::CONFLICT
            }
            Failure::Core(Error::Gone { .. }) => StatusCode::GONE,
            Failure::Core(Error::KeyReused) => StatusCode::UNPROCESSABLE_ENTITY,
            Failure::Core(Error::Stale) => StatusCode::PRECONDITION_FAILED,
            Failure::Core(Error::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
            Failure::Core(Error::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Core(Error::StorageFull) => StatusCode::INSUFFICIENT_STORAGE,
            Failure::Core(Error::Internal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Failure::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::WrongType(_) | Failure::UnknownContentCoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Failure::UnknownTransferCoding => StatusCode::NOT_IMPLEMENTED,
            Failure::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// Returns the text for contracts without their own text for the failure.
    pub fn detail(&self) -> String {
        match self {
            Failure::Core(Error::Unauthenticated(AuthError::UnverifiedEmail)) => UNVERIFIED.into(),
            Failure::Core(Error::Unauthenticated(AuthError::CodeNeeded)) => CODE_NEEDED.into(),
            Failure::Core(Error::Unauthenticated(AuthError::WrongCode)) => WRONG_CODE.into(),
            Failure::Core(Error::Unauthenticated(_)) => "Not authenticated".into(),
            Failure::Core(Error::Conflict(Conflict::UsernameLooksTaken)) => LOOKS_TAKEN.into(),
            Failure::Core(Error::MailOff) => MAIL_OFF.into(),
            Failure::Core(Error::Gone { .. }) => GONE.into(),
            Failure::Core(Error::KeyReused) => KEY_REUSED.into(),
            Failure::Core(Error::Forbidden) => "Not enough permissions".into(),
            Failure::Core(Error::Missing(noun)) => format!("{} not found", noun.as_str()),
            Failure::Core(Error::Stale) => {
                "The task has changed since the version in If-Match; read it again".into()
            }
            Failure::Core(Error::Unavailable { retry_after_s }) => {
                format!("The server is busy; try again in {retry_after_s} s")
            }
            Failure::Core(Error::TooMany(exceeded)) => {
                format!("Too many requests; try again in {} s", exceeded.retry_after_s)
            }
            Failure::Core(Error::StorageFull) => {
                "The server's disk is full; nothing was stored".into()
            }
            Failure::Core(Error::Internal(_)) => "Internal server error".into(),
            Failure::Core(error) => error.to_string(),
            Failure::NoRoute => "Not found: there is nothing at this path".into(),
            Failure::WrongMethod => "Method not allowed; see the Allow header".into(),
            Failure::TooLarge(most) => format!("The body is larger than {most} bytes"),
            Failure::WrongType(allowed) => {
                format!("The Content-Type must be {}", allowed.join(" or "))
            }
            Failure::UnknownContentCoding => CONTENT_CODING.into(),
            Failure::UnknownTransferCoding => {
                "The only supported Transfer-Encoding is chunked".into()
            }
            Failure::BadHost(flaw) => format!("The Host header {flaw}"),
            Failure::TooSlow => "The body did not arrive in time; send the request again".into(),
            Failure::BadKey(flaw) => format!("The Idempotency-Key {flaw}"),
            Failure::KeyBusy => KEY_BUSY.into(),
        }
    }

    /// Returns the invalid fields, if the failure is about fields.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Failure::Core(Error::Invalid(problems)) => problems,
            _ => &[],
        }
    }

    /// Adds the headers of the failure, which are the same in all trees.
    pub(crate) fn headers(&self, drawn: &mut Response) {
        let status = drawn.status();
        let headers = drawn.headers_mut();
        match self {
            // In contract 000, an unknown user is a 404, which has no challenge.
            Failure::Core(Error::Unauthenticated(unproven))
                if status == StatusCode::UNAUTHORIZED =>
            {
                // RFC 6750, section 3: the challenge names the error if the request contained a
                // token.
                let challenge = match unproven {
                    AuthError::BadToken => r#"Bearer error="invalid_token""#,
                    _ => "Bearer",
                };
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
            Failure::Core(Error::Unavailable { retry_after_s }) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
            }
            Failure::Core(Error::TooMany(exceeded)) => limit_headers(headers, exceeded),
            // RFC 9110, section 12.5.3: the header names the supported codings.
            Failure::UnknownContentCoding => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Failure::KeyBusy => drop(headers.insert(header::RETRY_AFTER, HeaderValue::from(1))),
            _ => {}
        }
    }
}

pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds the exceeded limit and the time until the next try (draft-ietf-httpapi-ratelimit-headers).
fn limit_headers(headers: &mut HeaderMap, exceeded: &RateLimited) {
    let RateLimited { policy, tries, window_s, retry_after_s } = exceeded;
    let quota = format!("\"{policy}\";q={tries};w={window_s}");
    let left = format!("\"{policy}\";r=0;t={retry_after_s}");
    headers.insert(header::RETRY_AFTER, HeaderValue::from(*retry_after_s));
    for (name, text) in [(RATE_LIMIT_POLICY, quota), (RATE_LIMIT, left)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Combines two parts of an input. If both are invalid, the error contains the problems of both.
pub fn combine<A, B>(a: Result<A, Failure>, b: Result<B, Failure>) -> Result<(A, B), Failure> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(Failure::Core(Error::Invalid(mut all))), Err(Failure::Core(Error::Invalid(more)))) => {
            all.extend(more);
            Err(Failure::Core(Error::Invalid(all)))
        }
        (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
    }
}

/// The base path of a tree, and its error format.
#[derive(Clone, Copy)]
pub struct Tree {
    pub base: &'static str,
    pub render: fn(&Failure) -> Response,
}

impl Tree {
    /// Whether the tree contains `path`: the base or a path below it.
    pub fn holds(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.base);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Renders the failure that `response` carries, if any.
    pub fn draw(&self, response: Response, id: &RequestId) -> Response {
        let Some(failure) = response.extensions().get::<Failure>() else {
            return response;
        };
        if let Failure::Core(Error::Internal(cause)) = failure {
            tracing::error!(
                cause,
                request_id = id.as_str(),
                "a request failed with an internal error"
            );
        }
        let mut drawn = (self.render)(failure);
        failure.headers(&mut drawn);
        // Keep `Allow` from the router and the headers of CORS. The length is that of the old body.
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && !drawn.headers().contains_key(name) {
                drawn.headers_mut().append(name, value.clone());
            }
        }
        drawn
    }
}

/// Returns a JSON response.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    typed_json(status, "application/json", body)
}

/// Returns a response with JSON of a more specific media type.
pub fn typed_json(
    status: StatusCode,
    content_type: &'static str,
    body: &impl Serialize,
) -> Response {
    let mut bytes = Vec::with_capacity(512);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => (status, [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))], bytes)
            .into_response(),
        Err(e) => Failure::Core(Error::Internal(format!("cannot write a response as JSON: {e}")))
            .into_response(),
    }
}

/// Returns a JSON response with tokens, which no cache may store (RFC 6749, section 5.1).
pub fn secret_json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = json(status, body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
