//! How Taskwell is spoken to: three trees of routes for five contracts. Holds no rule of the model and writes no SQL.

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
mod letters;
mod member;
mod openapi;
mod ops;
mod paging;
mod parameters;
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
pub use service::{Service, service};

/// What the router needs besides the app.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub cors: Cors,
    pub readiness: Readiness,
    /// Where somebody who has found a hole writes to: a `mailto:` or `https:` URL.
    pub security_contact: Option<String>,
    /// Whose word about their clients counts.
    pub trusted_proxies: Vec<Network>,
}

/// The OpenAPI 3.1 document of all trees, as JSON.
pub fn openapi() -> String {
    openapi::document(apis())
}

fn apis() -> [doc::Api; 6] {
    [v1::api(), web::api(), web::auth_api(), root::user_api(), root::auth_api(), root::tasks_api()]
}
