//! `/api/v1`: the canonical API, and contracts 003 and 004.

mod auth;
mod changes;
mod events;
mod path;
mod problem;
mod routes;
mod routes_account;
mod routes_live;
mod second_factor;
mod tasks;
mod tokens;
mod users;
pub mod wire;
mod wire_tasks;
mod wire_tokens;

pub use path::BASE;
pub use problem::render;
pub use routes::api;
