//! What the documentation says about the parameters of lists.

use serde_json::{Value, json};
use taskwell_core::page::{Limit, Offset};

use crate::doc::Doc;

/// The list's parameters of `v1` and `web`, as [`crate::tasks::ListQuery::read`] takes them.
pub fn list_parameters(doc: Doc) -> Doc {
    let time = || json!({ "type": "string", "format": "date-time" });
    completed_parameter(paging_parameters(doc, task_cursor()))
        .query(
            "status",
            json!({ "type": "string", "enum": ["pending", "in_progress", "completed"] }),
            "Only tasks of this status.",
        )
        .query(
            "priority",
            json!({ "type": "string", "enum": ["low", "medium", "high", "urgent"] }),
            "Only tasks of this priority.",
        )
        .query("due_before", time(), "Only tasks due before this moment.")
        .query("due_after", time(), "Only tasks due after this moment.")
        .query("q", words_schema(), "Only tasks that have each of these words in title or description.")
        .query(
            "sort",
            json!({ "type": "string", "default": "-created_at", "enum": [
                "created_at", "-created_at", "updated_at", "-updated_at",
                "due_date", "-due_date", "priority", "-priority",
            ]}),
            "The order; with a minus the other way round. Tasks without a due date come last.",
        )
}

/// The parameter by which lists tell open tasks from completed ones.
pub fn completed_parameter(doc: Doc) -> Doc {
    doc.query("completed", json!({ "type": "boolean" }), "Only completed tasks, or only the others.")
}

/// Those that [`crate::paging::Paging::read`] takes.
pub fn paging_parameters(doc: Doc, cursor: Value) -> Doc {
    doc.query(
        "limit",
        json!({ "type": "integer", "minimum": 1, "maximum": Limit::MAX }),
        "At most so many; the Link header leads to the rest.",
    )
    .query(
        "cursor",
        cursor,
        "Where the last page ended, from its Link header. It brings its list's order with it.",
    )
    .query(
        "offset",
        offset(),
        "Leaves out so many items at the beginning. Only one of offset, skip, page and cursor may be given. A cursor is \
         faster, and stays right while items come and go.",
    )
    .query("skip", offset(), "The same as offset.")
    .query(
        "page",
        json!({ "type": "integer", "minimum": 1, "maximum": Offset::MAX + 1 }),
        "The page of that number, where a page has limit items; ignored without a limit. It must begin within the first \
         100,000 items.",
    )
}

fn offset() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": Offset::MAX })
}

/// Words to search for.
pub fn words_schema() -> Value {
    json!({ "type": "string", "maxLength": 200, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$" })
}

/// The cursor of a list of tasks.
pub fn task_cursor() -> Value {
    json!({ "type": "string", "pattern": "^(0[0-7][0-9a-f]{32}|0[45][0-9a-f]{16})$" })
}

/// The cursor of a list of accounts.
pub fn user_cursor() -> Value {
    json!({ "type": "string", "pattern": "^80[0-9a-f]{16}$" })
}

/// The same of the audit log.
pub fn audit_cursor() -> Value {
    json!({ "type": "string", "pattern": "^81[0-9a-f]{16}$" })
}
