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
        Doc::new("listChanges", "Read what happened to your tasks")
            .note(
                "Every creation, update and deletion, by whichever contract, in the order of your sequence of changes. \
                 A page may hold fewer than the limit where texts are long; `more` and the Link header lead on. \
                 After the store was restored from a backup, changes since an earlier place can no longer be told: the \
                 answer is 410. Read all tasks then, and continue from the `cursor` (or the number `last`) that it holds.",
            )
            .query("since", seq(), "Only changes after this number, or after the `cursor` of an earlier answer; all if left out.")
            .query(
                "limit",
                json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
                "At most so many.",
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
        Doc::new("streamEvents", "Follow what happens to your tasks")
            .note(
                "Server-sent events. `change`: its data is a change as in `/changes`, its id the change's number. `ready`: \
                 all that was missed has been sent, and its data `{\"last\":42,\"cursor\":\"42\"}` tells your newest number. `reset`: the \
                 store was restored from a backup. Read all tasks again; the stream continues from the `cursor` in its \
                 data. A comment comes every 15 seconds at least. The stream ends with its session, and where the server stops. \
                 An account may have 16 of them at a time on one instance.",
            )
            .query("last_event_id", seq(), "The same as the header, for clients that cannot set it; the header wins.")
            .header_parameter(
                "Last-Event-ID",
                seq(),
                "Sends all changes after this event first, without a gap. Without it the stream begins at the present.",
            )
            .streams(StatusCode::OK, "What happens, as it happens.", "text/event-stream")
            .fails(StatusCode::FORBIDDEN, "Not enough permissions"),
    )
}
