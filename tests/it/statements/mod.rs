//! All SQL statements in the code: the use cases below run each of them, and each finds its rows by
//! an index.

mod work_out;

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use taskwell_core::db::Dialect;

pub use self::work_out::work_out;
use crate::support::{Store, Taskwell, on_each_database};

/// Returns the SQL texts in the code. A text that is the beginning of others ends in its table's
/// name. A text for `format!` has braces in place of the parts.
fn written() -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let files = [
        "users/sql.rs",
        "sessions/sql.rs",
        "tokens/sql.rs",
        "tasks/sql.rs",
        "audit/sql.rs",
        "mail/sql.rs",
        "totp/sql.rs",
        "idempotency/sql.rs",
        "changes/mod.rs",
    ];
    let nouns =
        std::fs::read_dir(&sources).unwrap().map(|entry| entry.unwrap().path().join("sql.rs"));
    assert_eq!(
        nouns.filter(|path| path.exists()).count() + 1,
        files.len(),
        "a noun that this test does not know"
    );
    let mut texts = Vec::new();
    for file in files {
        let code = std::fs::read_to_string(sources.join(file)).unwrap();
        let lines: Vec<&str> =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = lines.join("\n");
        let literals = code.split('"').skip(1).step_by(2).map(unfolded);
        texts.extend(literals.filter(|text| is_query(text)));
    }
    assert!(texts.len() > 30, "{texts:#?}");
    texts
}

/// Returns a literal as the compiler reads it: after a `\` at the end of a line, it continues at
/// the next line's first letter.
fn unfolded(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}

/// Whether the executed text is `written` with any parts in place of its braces. The RETURNING
/// clause may differ.
fn is_made_of(ran: &str, written: &str) -> bool {
    let ran = ran.split(" RETURNING ").next().unwrap_or(ran);
    let written = written.split(" RETURNING ").next().unwrap_or(written);
    let mut pieces = written.split('{').map(|piece| piece.split_once('}').map_or(piece, |p| p.1));
    let Some(mut rest) = pieces.next().and_then(|first| ran.strip_prefix(first)) else {
        return false;
    };
    let mut last = "";
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        last = piece;
    }
    let is_whole = rest.is_empty() || (written.ends_with('}') && last.is_empty());
    is_whole || written.ends_with("FROM tasks")
}

fn is_query(text: &str) -> bool {
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| text.starts_with(verb))
}

/// Returns the plan for a text.
async fn plan(t: &Taskwell, text: &str) -> Vec<String> {
    let rows = match &t.store {
        Store::Sqlite(_) => t.rows(&format!("EXPLAIN QUERY PLAN {text}")).await,
        Store::Postgres(_) => {
            // The generic plan. Sequential scans appear only if nothing else is possible.
            let params = (1..=20).take_while(|n| text.contains(&format!("${n}"))).map(|_| "NULL");
            let params = params.collect::<Vec<_>>().join(", ");
            let call = if params.is_empty() { String::new() } else { format!("({params})") };
            t.rows("SET enable_seqscan = off; SET enable_bitmapscan = off").await;
            t.rows("SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL").await;
            t.rows(&format!("PREPARE text AS {text}; EXPLAIN (COSTS OFF) EXECUTE text{call}")).await
        }
    };
    rows.into_iter().map(|mut row| row.pop().flatten().unwrap_or_default()).collect()
}

/// Whether a plan scans a whole table or a whole index.
fn scans(plan: &[String]) -> bool {
    let after = plan.iter().skip(1).map(String::as_str).chain([""]);
    plan.iter().zip(after).any(|(step, next)| is_scan(step.trim_start(), next.trim_start()))
}

fn is_scan(step: &str, next: &str) -> bool {
    // This index contains only active admins, and its query stops at the second one, so it reads at
    // most two entries.
    if step.contains("users_active_admins") {
        return false;
    }
    let in_postgres = step.contains("Seq Scan")
        || (step.contains("Index")
            && step.contains("Scan using")
            && !next.starts_with("Index Cond"));
    // The result of another part of the plan, which has a LIMIT, is not a table.
    let is_part = ["SCAN CONSTANT ROW", "SCAN seen", "SCAN c", "SCAN p", "SCAN last"]
        .contains(&step)
        || step.starts_with("SCAN (subquery");
    in_postgres || (step.starts_with("SCAN ") && !is_part)
}

/// Asserts that each foreign key is the first column of an index. Otherwise, a deletion in the
/// other table scans this one.
fn assert_references_are_indexed(sql: &Connection) {
    let mut references = sql
        .prepare(
            "SELECT t.name, f.\"from\", EXISTS (SELECT 1 FROM pragma_index_list(t.name) i, \
             pragma_index_info(i.name) c WHERE c.seqno = 0 AND c.name = f.\"from\") OR EXISTS \
             (SELECT 1 FROM pragma_table_info(t.name) c WHERE c.pk = 1 AND c.name = f.\"from\") \
             FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
        )
        .unwrap();
    let rows = references.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let rows: Vec<(String, String, bool)> = rows.map(Result::unwrap).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for (table, column, indexed) in rows {
        assert!(indexed, "{table}.{column} has no index");
    }
}

/// Returns the texts that ran on this test's database, without suffixes that only one of the
/// databases needs.
fn recorded(t: &Taskwell) -> BTreeSet<String> {
    let on = if t.sqlite().is_some() { Dialect::Sqlite } else { Dialect::Postgres };
    let all = taskwell_core::db::recorded();
    let own = all.iter().filter(|(ran_on, _)| *ran_on == on).map(|(_, text)| text.as_str());
    own.map(|text| text.trim_end_matches(" FOR NO KEY UPDATE").to_owned()).collect()
}

#[on_each_database]
async fn each_text_is_run_and_finds_its_rows_by_an_index(t: Taskwell) {
    work_out(&t).await;
    let recorded = recorded(&t);
    for text in written() {
        let is_run = recorded.iter().any(|ran| is_made_of(ran, &text));
        assert!(is_run, "was never run: {text}");
    }
    // Each order of the lists has one text for all tasks and one for some; the order by due date
    // also has texts for tasks without one.
    let lists = recorded
        .iter()
        .filter(|text| is_query(text) && text.contains("FROM tasks") && text.contains("ORDER BY"));
    // Other tests skip tasks in some orders, and in the list of all tasks, which has its own text.
    let lists = lists.filter(|text| !text.contains("4 OFFSET "));
    // A search has one text per order, and one more for each direction by due date.
    assert_eq!(lists.count(), (2 * 8 + 2) + (8 + 2));

    for text in recorded.iter().filter(|text| is_query(text)) {
        let plan = plan(&t, text).await;
        assert!(!plan.is_empty() || text.starts_with("INSERT"), "{text}");
        assert!(!scans(&plan), "{text}\n{plan:#?}");
    }
    let others = recorded.iter().filter(|text| !is_query(text));
    let known = |text: &&str| {
        ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "/* "]
            .iter()
            .any(|verb| text.starts_with(verb))
    };
    assert_eq!(others.map(String::as_str).find(|text| !known(text)), None);
    if let Some(sql) = t.sqlite() {
        assert_references_are_indexed(&sql);
    }
}

#[on_each_database]
async fn the_admins_that_are_counted_are_found_by_their_own_index(t: Taskwell) {
    // Without the index, the exception above hides nothing, because the scan is a different one.
    t.rows("DROP INDEX users_active_admins").await;
    let text = written().into_iter().find(|text| text.contains("role = 'admin'")).unwrap();
    assert!(scans(&plan(&t, &text).await));
    let lists = plan(&t, "SELECT id FROM tasks WHERE title = 'x'").await;
    assert!(scans(&lists), "{lists:?}");
}

#[tokio::test]
async fn both_databases_run_the_same_texts() {
    let (sqlite, postgres) = (Taskwell::on_sqlite(), Taskwell::on_postgres().await);
    work_out(&sqlite).await;
    work_out(&postgres).await;
    let queries = |t: &Taskwell| -> BTreeSet<String> {
        let texts = recorded(t).into_iter().filter(|text| is_query(text));
        // SQLite reports the new id without RETURNING.
        texts.map(|text| text.trim_end_matches(" RETURNING id").to_owned()).collect()
    };
    assert_eq!(queries(&sqlite), queries(&postgres));
}
