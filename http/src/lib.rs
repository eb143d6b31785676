//! The HTTP interface: three trees of routes for five contracts. This crate contains no rule of the
//! model and no SQL.

mod account_pages;
mod apis;
mod body;
mod client;
mod compress;
mod cors;
mod doc;
mod doc_lists;
mod extract;
mod form;
mod head;
mod headers;
mod idempotency;
mod openapi;
mod ops;
mod options;
mod paging;
mod parameters;
mod raw_field;
mod request_id;
mod root;
mod service;
mod stream;
mod swagger;
mod tasks;
mod tree;
mod ui;
mod v1;
mod web;
mod wire;

pub use client::{Network, Peer};
pub use cors::Cors;
pub use ops::Readiness;
pub use options::Options;
pub use service::{Service, service};

/// Returns the OpenAPI 3.1 document of all trees, as JSON.
pub fn openapi() -> String {
    openapi::document(apis::all())
}
