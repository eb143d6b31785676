//! Documentation of the parameters of lists.

use serde_json::{Value, json};
use taskwell_core::page::{Limit, Offset};

use crate::doc::Doc;

/// Adds the list parameters of `v1` and `web`, which [`crate::tasks::ListQuery::read`] parses.
pub fn list_parameters(doc: Doc) -> Doc {
    let time = || json!({ "type": "string", "format": "date-time" });
    completed_parameter(paging_parameters(doc, task_cursor()))
        .query(
            "status",
            json!({ "type": "string", "enum": ["pending", "in_progress", "completed"] }),
            "Only tasks with this status.",
        )
        .query(
            "priority",
            json!({ "type": "string", "enum": ["low", "medium", "high", "urgent"] }),
            "Only tasks with this priority.",
        )
        .query("due_before", time(), "Only tasks due before this time.")
        .query("due_after", time(), "Only tasks due after this time.")
        .query(
            "q",
            words_schema(),
            "Only tasks whose title or description contains each of these words.",
        )
        .query(
            "sort",
            json!({ "type": "string", "default": "-created_at", "enum": [
                "created_at", "-created_at", "updated_at", "-updated_at",
                "due_date", "-due_date", "priority", "-priority",
            ]}),
            "The sort order. A leading minus sorts in descending order. Tasks without a due date \
             come last.",
        )
}

/// Adds the parameter that selects open or completed tasks.
pub fn completed_parameter(doc: Doc) -> Doc {
    doc.query(
        "completed",
        json!({ "type": "boolean" }),
        "With `true`, only completed tasks; with `false`, only open ones.",
    )
}

/// Adds the parameters that [`crate::paging::Paging::read`] parses.
pub fn paging_parameters(doc: Doc, cursor: Value) -> Doc {
    doc.query(
        "limit",
        json!({ "type": "integer", "minimum": 1, "maximum": Limit::MAX }),
        "Maximum number of items. The `Link` header points to the next page.",
    )
    .query(
        "cursor",
        cursor,
        "The end of the previous page, from its `Link` header. A cursor includes the sort order of \
         its list.",
    )
    .query(
        "offset",
        offset(),
        "Number of items to leave out at the start. Use only one of `offset`, `skip`, `page` and \
         `cursor`. A cursor is faster, and it stays correct while items are added and deleted.",
    )
    .query("skip", offset(), "Same as `offset`.")
    .query(
        "page",
        json!({ "type": "integer", "minimum": 1, "maximum": Offset::MAX + 1 }),
        "Number of the page, from 1; a page has `limit` items. Ignored without `limit`. At most \
         100,000 items can come before the page.",
    )
}

fn offset() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": Offset::MAX })
}

/// Returns the schema of search words.
pub fn words_schema() -> Value {
    json!({ "type": "string", "maxLength": 200, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$" })
}

/// Returns the schema of the cursor for lists of tasks.
pub fn task_cursor() -> Value {
    json!({ "type": "string", "pattern": "^(0[0-7][0-9a-f]{32}|0[45][0-9a-f]{16})$" })
}

/// Returns the schema of the cursor for lists of accounts.
pub fn user_cursor() -> Value {
    json!({ "type": "string", "pattern": "^80[0-9a-f]{16}$" })
}

/// Returns the schema of the cursor for the audit log.
pub fn audit_cursor() -> Value {
    json!({ "type": "string", "pattern": "^81[0-9a-f]{16}$" })
}
