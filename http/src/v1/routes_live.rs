//! The routes of `v1` by which a client stays up to date.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::wire_tasks::ChangesWire;
use super::{changes, events};
use crate::doc::{Api, Doc};
use crate::tree::GONE;

pub fn live_api(api: Api) -> Api {
    let seq = || json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX });
    api.route(
        &Method::GET,
        "/changes",
        changes::list,
        Doc::new("listChanges", "List changes to your tasks")
            .note(
                "Lists every creation, update and deletion, through any contract, in the order of \
                 your change numbers. A page may contain fewer changes than `limit` if texts are \
                 long; `more` and the `Link` header point to the rest. After the store was \
                 restored from a backup, changes since an earlier `since` are no longer available: \
                 the response is 410. In this case, read all tasks and continue from the `cursor` \
                 (or the number `last`) in the response.",
            )
            .query(
                "since",
                seq(),
                "Only changes after this number, or after the `cursor` of an \
                                    earlier response. By default, all changes.",
            )
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                "Maximum number of changes.",
            )
            .answers::<ChangesWire>(StatusCode::OK, "Your changes, oldest first.")
            .header("Link")
            .fails(StatusCode::GONE, GONE)
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
    .route(
        &Method::GET,
        "/events",
        events::follow,
        Doc::new("streamEvents", "Stream changes to your tasks")
            .note(
                "Sends server-sent events. `change`: the data is a change as in `/changes`, and \
                 the id is its number. `ready`: the server has sent all missed changes; the data \
                 `{\"last\":42,\"cursor\":\"42\"}` has your newest number. `reset`: the store was \
                 restored from a backup. Read all tasks again; the stream continues from the \
                 `cursor` in the data. The server sends a comment at least every 15 seconds. The \
                 stream ends when its session ends or the server stops. An account can have 16 \
                 streams at a time on one instance.",
            )
            .query(
                "last_event_id",
                seq(),
                "Same as the header `Last-Event-ID`, for clients that \
                cannot set it. The header takes precedence.",
            )
            .header_parameter(
                "Last-Event-ID",
                seq(),
                "The stream starts with all changes after this event, without a gap. By default, \
                 it starts with new changes.",
            )
            .streams(StatusCode::OK, "The stream of events.", "text/event-stream")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
}
