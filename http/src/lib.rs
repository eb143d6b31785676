//! How Taskwell is spoken to: three trees of routes for five contracts. Holds no rule of the model and writes no SQL.

mod doc;
mod extract;
mod layers;
mod member;
mod openapi;
mod ops;
mod root;
mod stream;
mod swagger;
mod tasks;
mod tree;
mod v1;
mod web;
mod wire;

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router, middleware};
use taskwell_core::app::App;
use tower::Layer as _;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};

pub use layers::Cors;
pub use ops::Readiness;

/// What the router needs besides the app.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub cors: Cors,
    pub readiness: Readiness,
}

/// Everything that answers, ready to be served. Paths may end in a slash.
pub type Service = NormalizePath<Router>;

/// The five contracts, their documentation, and what operators ask.
pub fn service(app: App, options: &Options) -> Service {
    let document: Arc<str> = openapi().into();
    let [v1, web, web_auth, user, auth, tasks] = apis();
    let plain = Router::new()
        .route("/", get(ops::version))
        .route("/version", get(ops::version))
        .route("/livez", get(ops::livez))
        .route("/readyz", get(ops::readyz))
        .route("/openapi.json", get(async move || swagger::document(&document)))
        .merge(swagger::routes())
        .merge(tasks.router);
    let router = tree::tree(plain, root::render_tasks)
        .nest(v1::BASE, tree::tree(v1.router, v1::render))
        .nest(web::BASE, tree::tree(web.router, web::render))
        .nest(web::AUTH_BASE, tree::tree(web_auth.router, web::render_auth))
        .nest(root::USER_BASE, tree::tree(user.router, root::render_user))
        .nest(root::AUTH_BASE, tree::tree(auth.router, root::render_auth))
        .layer(Extension(options.readiness.clone()))
        .layer(options.cors.layer())
        .layer(middleware::from_fn(layers::observe))
        .with_state(app);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}

/// The OpenAPI 3.1 document of all trees, as JSON.
pub fn openapi() -> String {
    openapi::document(apis())
}

fn apis() -> [doc::Api; 6] {
    [v1::api(), web::api(), web::auth_api(), root::user_api(), root::auth_api(), root::tasks_api()]
}
