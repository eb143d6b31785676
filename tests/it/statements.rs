//! All SQL statements in the code: the use cases below run each of them, and each finds its rows by
//! an index.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;
use taskwell_core::app::{App, SignUp};
use taskwell_core::db::{DatabaseLocation, Db, Dialect, SourceDb};
use taskwell_core::ids::UserId;
use taskwell_core::import;
use taskwell_core::sessions::LoginContext;
use taskwell_core::settings::{Scheme, Settings};
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{self, Email};

use crate::support::{PASSWORD, SECRET, Store, Taskwell, on_each_database};

/// Runs each use case that reads or writes the store, through the router.
pub async fn work_out(t: &Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    work_on_tasks(t, &root, &ada).await;
    work_on_sessions(t).await;
    work_on_accounts(t, &root, &ada).await;
    work_on_import(t).await;
    work_on_tokens(t, &root).await;
    work_on_mail(t).await;
    work_on_keys(t, &root).await;
    work_on_names(t).await;
}

async fn work_on_tasks(t: &Taskwell, root: &str, ada: &str) {
    let uuid = t.task(ada, "here").await["uuid"].as_str().unwrap().to_owned();
    answers(t.get("/api/v1/tasks/1").token(ada).send().await.status, 200);
    answers(t.get(&format!("/api/v1/tasks/{uuid}")).token(ada).send().await.status, 200);
    answers(t.get(&format!("/api/tasks/{uuid}")).token(root).send().await.status, 403);
    answers(
        t.patch("/api/v1/tasks/1")
            .token(ada)
            .json(&json!({ "title": "there" }))
            .send()
            .await
            .status,
        200,
    );
    for sort in ["created_at", "updated_at", "due_date", "priority"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            for filter in [
                "",
                "&status=pending&priority=low&q=x",
                "&due_before=2030-01-01&due_after=2020-01-01",
            ] {
                let list = format!("/api/v1/tasks?sort={sort}{filter}");
                answers(t.get(&list).token(ada).send().await.status, 200);
            }
        }
    }
    // A page within the tasks without a due date.
    answers(t.get("/api/v1/tasks?sort=due_date&offset=9").token(ada).send().await.status, 200);
    answers(t.get("/api/v1/changes").token(ada).send().await.status, 200);
    answers(t.get("/api/v1/users/2/tasks").token(root).send().await.status, 200);
    answers(t.delete("/api/v1/tasks/1").token(ada).send().await.status, 204);
}

async fn work_on_sessions(t: &Taskwell) {
    // Without a username, the server derives one from the address.
    let new =
        json!({ "email": "g@example.org", "password": PASSWORD, "confirmPassword": PASSWORD });
    let opened = t.post("/api/auth/signup").json(&new).send().await.json();
    let refresh = json!({ "refresh_token": opened["refresh_token"] });
    answers(t.post("/api/auth/refresh").json(&refresh).send().await.status, 200);
    let next = t.post("/api/auth/refresh").json(&refresh).send().await.json();
    answers(
        t.post("/api/auth/signout").token(next["token"].as_str().unwrap()).send().await.status,
        200,
    );
    let proof = json!({ "email": "g@example.org", "password": PASSWORD });
    let opened = t.post("/user/login").json(&proof).send().await.json();
    let refresh = json!({ "refresh_token": opened["refresh_token"] });
    answers(t.post("/user/refresh-token").json(&refresh).send().await.status, 200);
    let sessions = t.get("/api/v1/users/me/sessions");
    answers(sessions.token(opened["access_token"].as_str().unwrap()).send().await.status, 200);
    answers(t.post("/user/logout").json(&refresh).send().await.status, 200);
}

async fn work_on_accounts(t: &Taskwell, root: &str, ada: &str) {
    let me = t.get("/api/v1/users/me").token(ada).send().await.json();
    let one = format!("/api/v1/users/{}", me["uuid"].as_str().unwrap());
    answers(t.get("/api/v1/users?q=ada").token(root).send().await.status, 200);
    answers(t.get(&one).token(root).send().await.status, 200);
    for role in ["admin", "user"] {
        answers(t.patch(&one).token(root).json(&json!({ "role": role })).send().await.status, 200);
    }
    let change = json!({ "current_password": PASSWORD, "new_password": "Difference.Engine-1822" });
    answers(t.post("/api/v1/users/me/password").token(ada).json(&change).send().await.status, 200);
    let change =
        json!({ "email": "countess@example.org", "current_password": "Difference.Engine-1822" });
    answers(t.patch("/api/v1/users/me").token(ada).json(&change).send().await.status, 200);
    answers(t.delete("/api/v1/users/me/sessions").token(ada).send().await.status, 204);
    answers(t.delete(&one).token(root).send().await.status, 204);
}

async fn work_on_tokens(t: &Taskwell, root: &str) {
    let eve = t.user("frances").await;
    let new = json!({ "name": "x", "scopes": ["tasks:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&eve).json(&new).send().await.json();
    answers(t.get("/api/v1/tasks").token(made["token"].as_str().unwrap()).send().await.status, 200);
    answers(t.get("/api/v1/users/me/tokens").token(&eve).send().await.status, 200);
    let path = format!("/api/v1/users/me/tokens/{}", made["id"].as_str().unwrap());
    answers(t.delete(&path).token(&eve).send().await.status, 204);
    answers(t.get("/api/v1/audit").token(&eve).send().await.status, 200);
    let proof = json!({ "password": PASSWORD });
    let totp = "/api/v1/users/me/totp";
    answers(t.post(totp).token(&eve).json(&proof).send().await.status, 201);
    let made = t.post(totp).token(&eve).json(&proof).send().await.json();
    let code =
        json!({ "code": crate::second_factor::code(made["secret"].as_str().unwrap(), t, 0) });
    let on = t.post(&format!("{totp}/confirm")).token(&eve).json(&code).send().await.json();
    let again = json!({
        "username": "frances", "password": PASSWORD, "totp_code": on["recovery_codes"][0]
    });
    answers(t.post("/api/v1/auth/login").json(&again).send().await.status, 200);
    answers(t.get(totp).token(&eve).send().await.status, 200);
    answers(t.delete(totp).token(&eve).json(&proof).send().await.status, 204);
    answers(t.get("/api/v1/audit").token(root).send().await.status, 200);
    let user = t.app.as_operator(|tx| users::find_by_login(tx, "frances")).await.unwrap();
    t.app.reset_password(user.id, Password::claimed(PASSWORD)).await.unwrap();
}

async fn work_on_mail(t: &Taskwell) {
    let settings = Settings { mails: true, scheme: Scheme::Bcrypt(4), ..Settings::default() };
    let (app, _) = App::open(&t.place, &[SECRET], settings, t.clock.clone()).unwrap();
    let new = || SignUp {
        username: None,
        name: None,
        email: Email::parse("henry@example.org").unwrap(),
        password: Password::claimed(PASSWORD),
    };
    app.register(new(), &LoginContext::default()).await.unwrap();
    let verify = next_token(&app).await;
    app.verify_email(verify, LoginContext::default()).await.unwrap();
    app.forgot_password(Email::parse("henry@example.org").unwrap(), LoginContext::default())
        .await
        .unwrap();
    let reset = next_token(&app).await;
    app.reset_forgotten(reset, PASSWORD.into(), Policy::House, LoginContext::default())
        .await
        .unwrap();
    t.clock.advance_s(3600);
    let door = LoginContext { user_agent: Some("another".into()), ..LoginContext::default() };
    app.login("henry@example.org".into(), Password::claimed(PASSWORD), door).await.unwrap();
}

async fn work_on_keys(t: &Taskwell, root: &str) {
    let new = json!({ "username": "ian", "email": "ian@example.org", "password": PASSWORD });
    answers(
        t.post("/api/v1/auth/signup").header("idempotency-key", "k").json(&new).send().await.status,
        201,
    );
    let call = t.post("/api/v1/tasks").token(root).header("idempotency-key", "k");
    answers(call.json(&json!({ "title": "once" })).send().await.status, 201);
    while t.app.prune().await.unwrap() {}
}

async fn work_on_names(t: &Taskwell) {
    t.user("müller").await;
    let shadowed = t.app.as_operator(|tx| users::shadowed(tx, UserId(0))).await.unwrap();
    assert_eq!(shadowed, []);
}

/// Returns the token of the next mail and marks the mail as sent.
async fn next_token(app: &App) -> String {
    let mail = app.next_mail().await.unwrap().unwrap();
    app.mail_sent(mail.id).await.unwrap();
    let (_, token) = mail.text.split_once("token=").unwrap();
    token.chars().take_while(char::is_ascii_alphanumeric).collect()
}

async fn work_on_import(t: &Taskwell) {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE user (id INTEGER, username TEXT, email TEXT, password TEXT);
             CREATE TABLE task (id INTEGER, owner_id INTEGER, title TEXT);
             INSERT INTO user VALUES (1, 'eve', 'e@example.org', '$2b$04${}');
             INSERT INTO task VALUES (1, 1, 'there')",
            "a".repeat(53)
        ))
        .unwrap();
    let from = SourceDb::open(&DatabaseLocation::Sqlite(other)).await.unwrap();
    let (to, _) = Db::open(&t.place, &Settings::default(), &t.clock).unwrap();
    let report = import::run(&from, &to, &[], t.clock.now(), true, |_| ()).await.unwrap();
    assert_eq!(report.tasks.come, 1);
}

fn answers(status: u16, wanted: u16) {
    assert_eq!(status, wanted);
}

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
    is_whole || written.ends_with("FROM tasks") || written.ends_with("{columns} FROM users")
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
