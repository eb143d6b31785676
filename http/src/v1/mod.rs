//! `/api/v1`: the canonical API, and contracts 003 and 004. Each file holds the routes, wire types
//! and handlers of one noun.

mod audit;
mod auth;
mod changes;
mod email;
mod events;
mod message;
mod password;
mod path;
mod problem;
mod second_factor;
mod sessions;
mod tasks;
mod tokens;
mod users;

use crate::doc::Api;

pub use path::BASE;
pub use problem::render;

/// The routes of every noun.
const NOUNS: [fn(Api) -> Api; 11] = [
    audit::routes,
    auth::routes,
    changes::routes,
    email::routes,
    events::routes,
    password::routes,
    second_factor::routes,
    sessions::routes,
    tasks::routes,
    tokens::routes,
    users::routes,
];

/// Returns the routes of the tree, with their documentation.
pub fn api() -> Api {
    NOUNS.into_iter().fold(Api::new(BASE, "v1", problem::ERRORS), |api, routes| routes(api))
}
