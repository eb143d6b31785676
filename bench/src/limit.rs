//! The limit server: the same stack (axum, the same token check, serde) without a store.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use taskwell_core::clock::Clock;
use taskwell_core::sessions::token::Keys;
use taskwell_core::settings::Signing;

/// A task of the same size as those that Taskwell returns.
#[derive(Clone, Serialize)]
struct Task {
    id: i64,
    uuid: &'static str,
    user_id: i64,
    owner_id: i64,
    title: &'static str,
    description: Option<&'static str>,
    status: &'static str,
    completed: bool,
    priority: &'static str,
    due_date: Option<&'static str>,
    completed_at: Option<&'static str>,
    created_at: &'static str,
    updated_at: &'static str,
}

const TASK: Task = Task {
    id: 1234,
    uuid: "01a1fb26-21e1-73a9-8ab0-263b2a1e955b",
    user_id: 1,
    owner_id: 1,
    title: "Write the report on the quarter",
    description: Some("Two pages, with the figures"),
    status: "pending",
    completed: false,
    priority: "medium",
    due_date: Some("2026-12-31T10:00:00Z"),
    completed_at: None,
    created_at: "2026-11-20T22:49:02.689517Z",
    updated_at: "2026-11-20T22:49:02.689517Z",
};

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed as in Taskwell, then dropped")]
struct NewTask {
    title: String,
    description: Option<String>,
    priority: Option<String>,
    due_date: Option<String>,
}

#[derive(Clone)]
struct Shared {
    keys: Keys,
    clock: Clock,
}

/// Serves on `port` until it is killed.
pub fn run(port: &str, secret: &str) -> Result<(), String> {
    let keys = Keys::new(&[secret.as_bytes()], Signing::default()).map_err(|e| e.to_string())?;
    let shared = Shared { keys, clock: Clock::default() };
    let routes = Router::new()
        .route("/api/v1/tasks", get(list).post(write))
        .route("/api/v1/tasks/{id}", get(one).put(write))
        .with_state(shared);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| e.to_string())?;
    runtime.block_on(async {
        use axum::serve::ListenerExt as _;
        let bound = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await;
        let listener = bound.map_err(|e| e.to_string())?;
        println!("Limit listens on http://{}", listener.local_addr().map_err(|e| e.to_string())?);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, routes).await.map_err(|e| e.to_string())
    })
}

fn is_authenticated(shared: &Shared, headers: &HeaderMap) -> bool {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|text| text.strip_prefix("Bearer "));
    token.is_some_and(|token| shared.keys.verify(token, shared.clock.now()).is_ok())
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], bytes).into_response()
}

async fn one(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if !is_authenticated(&shared, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    json(StatusCode::OK, &TASK)
}

async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if !is_authenticated(&shared, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let tasks: Vec<Task> = std::iter::repeat_n(TASK, 20).collect();
    json(StatusCode::OK, &tasks)
}

async fn write(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_authenticated(&shared, &headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match serde_json::from_slice::<NewTask>(&body) {
        Ok(_) => json(StatusCode::OK, &TASK),
        Err(_) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
    }
}
