//! Forms: an alternative to JSON for logins, and the format of this server's own pages.

use std::convert::Infallible;
use std::future::ready;

use axum::extract::{FromRequest, Request};
use axum::http::header;
use futures_util::stream;
use multer::{Multipart, parse_boundary};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use taskwell_core::app::App;
use taskwell_core::error::{Code, Error};

use crate::extract::{JSON, media_type, read, read_json};
use crate::parameters::is_broken;
use crate::tree::Failure;

pub const URLENCODED: &str = "application/x-www-form-urlencoded";
/// The media type that browsers use for a `FormData` (RFC 7578).
pub const MULTIPART: &str = "multipart/form-data";

/// A JSON object, or a form with the same members (OAuth2's password form).
pub struct JsonOrForm<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for JsonOrForm<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<JsonOrForm<T>, Infallible> {
        Ok(JsonOrForm(match media_type(&request, &[JSON, URLENCODED, MULTIPART]) {
            Ok(URLENCODED) => read_urlencoded(request).await,
            Ok(MULTIPART) => read_multipart(request).await,
            Ok(_) => read_json(request, &[JSON]).await,
            Err(wrong) => Err(wrong),
        }))
    }
}

/// A form from one of this server's pages.
pub struct Form<T>(pub Result<T, Failure>);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Form<T>, Infallible> {
        Ok(Form(match media_type(&request, &[URLENCODED]) {
            Ok(_) => read_urlencoded(request).await,
            Err(wrong) => Err(wrong),
        }))
    }
}

async fn read_urlencoded<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let body = read(request).await?;
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(&body.bytes) {
        if is_broken(&name) || is_broken(&value) {
            return Err(flaw(Code::Syntax, "is not UTF-8"));
        }
        add(&mut members, &name, value.into_owned())?;
    }
    understand(members)
}

/// Reads the text parts of a form. Files are ignored, like unknown members.
async fn read_multipart<T: DeserializeOwned>(request: Request) -> Result<T, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let boundary = parse_boundary(kind.unwrap_or_default())
        .map_err(|_| flaw(Code::Syntax, "needs a boundary in its Content-Type"))?;
    let body = read(request).await?;
    let bytes = stream::once(ready(Ok::<_, Infallible>(body.bytes.clone())));
    let mut parts = Multipart::new(bytes, boundary);
    let broken = |_| flaw(Code::Syntax, "does not match its Content-Type");
    let mut members = Map::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().filter(|_| part.file_name().is_none()).map(str::to_owned);
        let content = part.bytes().await.map_err(broken)?;
        if let Some(name) = name {
            let text =
                std::str::from_utf8(&content).map_err(|_| flaw(Code::Syntax, "is not UTF-8"))?;
            add(&mut members, &name, text.to_owned())?;
        }
    }
    understand(members)
}

fn add(members: &mut Map<String, Value>, name: &str, text: String) -> Result<(), Failure> {
    match members.insert(name.to_owned(), Value::String(text)) {
        None => Ok(()),
        Some(_) => Err(flaw(Code::Duplicate, format!("must contain {name} only once"))),
    }
}

fn understand<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(members))
        .map_err(|e| flaw(Code::Syntax, format!("is not a valid form: {e}")))
}

fn flaw(code: Code, message: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    Failure::Core(Error::invalid("body", code, message))
}
