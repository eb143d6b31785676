//! The response that is only a message for people.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::tree::json;

/// A message for people.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageWire {
    message: &'static str,
}

pub fn message(status: StatusCode, message: &'static str) -> Response {
    json(status, &MessageWire { message })
}
