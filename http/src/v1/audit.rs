//! `/audit`: the audit log.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use taskwell_core::app::App;
use taskwell_core::audit::{self, Entry};
use taskwell_core::error::Problems;
use taskwell_core::time::Timestamp;
use taskwell_core::users;
use utoipa::ToSchema;

use crate::doc::{Api, Doc};
use crate::doc_lists::{audit_cursor, paging_parameters};
use crate::extract::Token;
use crate::paging::Paging;
use crate::parameters::Query;
use crate::stream;
use crate::tree::{Answer, Failure};

pub fn routes(api: Api) -> Api {
    api.get(
        "/audit",
        list,
        paging_parameters(Doc::new("listAudit", "Read the audit log"), audit_cursor())
            .note(
                "Lists actions on your account, or on all accounts if you are an admin. Entries \
                   about your own account do not show the address from which an admin acted.",
            )
            .answers_list::<AuditWire>(
                StatusCode::OK,
                "The entries, newest first. Without a `limit`, a page has 100.",
            ),
    )
}

pub async fn list(State(app): State<App>, Token(claims): Token, mut query: Query) -> Answer {
    let p = &mut Problems::default();
    let paging = Paging::read(&mut query, p, audit::parse_cursor);
    let limit = paging.limit.unwrap_or_default();
    let cursor = paging.start.map(|start| start.cursor(audit::cursor_of));
    let input = std::mem::take(p).finish(Some((limit, cursor))).map_err(Failure::from);
    let page = app
        .read(claims, input, |tx, caller, (limit, cursor)| {
            users::audit_log(tx, caller, *limit, *cursor)
        })
        .await?;
    let wires: Vec<AuditWire> = page.items.into_iter().map(Into::into).collect();
    Ok(stream::page(&wires, page.next, &query.uri))
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditWire {
    id: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The user who acted; `null` if nobody was authenticated or an operator acted.
    #[schema(required)]
    actor_id: Option<i64>,
    /// The user whose account the entry is about; `null` if there is none.
    #[schema(required)]
    user_id: Option<i64>,
    #[schema(example = "logged_in")]
    action: String,
    /// The client's IP address.
    #[schema(required, example = "192.0.2.1")]
    client: Option<String>,
    #[schema(required)]
    detail: Option<String>,
}

impl From<Entry> for AuditWire {
    fn from(entry: Entry) -> AuditWire {
        AuditWire {
            id: entry.id.0,
            at: entry.at,
            actor_id: entry.actor.map(|id| id.0),
            user_id: entry.subject.map(|id| id.0),
            action: entry.action,
            client: entry.client,
            detail: entry.detail,
        }
    }
}
