//! The routes of `v1` by which a client stays up to date.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::changes;
use super::wire_tasks::ChangesWire;
use crate::doc::{Api, Doc};

pub fn live_api(api: Api) -> Api {
    let seq =
        json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX, "default": 0 });
    api.route(
        &Method::GET,
        "/changes",
        changes::list,
        Doc::new("listChanges", "Read what happened to your tasks")
            .note(
                "Every creation, update and deletion, by whichever contract, in the order of your sequence of changes. \
                 A page may hold fewer than the limit where texts are long; `more` and the Link header lead on. \
                 Where `last` is smaller than the `since` that was asked for, the store was restored from a backup: \
                 there are no changes then, and a client starts anew.",
            )
            .query("since", seq, "Only changes after this number.")
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                "At most so many.",
            )
            .answers::<ChangesWire>(StatusCode::OK, "Your changes, oldest first.")
            .header("Link")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
}
