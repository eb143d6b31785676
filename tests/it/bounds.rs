//! Bounds on what one request costs others: memory, the writer, the threads.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Taskwell, on_each_database};

/// Follows the `Link` headers and returns the pages.
async fn pages(t: &Taskwell, token: &str, path: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let reply = t.get(&path).token(token).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.body.len() < 4 * 1024 * 1024, "{} bytes", reply.body.len());
        pages.push(reply.json().as_array().unwrap().clone());
        let link =
            reply.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        next = link;
    }
    pages
}

async fn make(t: &Taskwell, token: &str, count: usize, description: &str) {
    for n in 0..count {
        let new = json!({ "title": format!("task {n}"), "description": description });
        assert_eq!(t.post("/api/v1/tasks").token(token).json(&new).send().await.status, 201);
    }
}

#[on_each_database]
async fn a_page_ends_early_where_its_tasks_are_long_and_the_pages_hold_all(t: Taskwell) {
    let token = t.user("ada").await;
    make(&t, &token, 40, "short").await;
    // 80 KB each, the maximum of a task.
    make(&t, &token, 120, &"🦀".repeat(20_000)).await;
    for path in [
        "/api/v1/tasks?limit=1000",
        "/api/v1/tasks?limit=1000&sort=due_date",
        "/api/v1/tasks?limit=1000&q=task",
    ] {
        let pages = pages(&t, &token, path).await;
        assert!(pages.len() > 2, "{path}");
        let mut ids: Vec<i64> =
            pages.concat().iter().map(|task| task["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 160, "{path}");
    }
    let whole = t.get("/api/v1/tasks").token(&token).send().await.json();
    assert_eq!(whole.as_array().unwrap().len(), 160);
}

#[on_each_database]
async fn a_search_finds_a_word_anywhere_by_all_its_words_in_each_order(t: Taskwell) {
    let token = t.user("ada").await;
    make(&t, &token, 300, "nothing here").await;
    let new = json!({ "title": "Überweisung an MÜLLER", "description": format!("{}konto \
        ΟΔΟΣ\n100%_\\", "x \
        ".repeat(5000)) });
    t.post("/api/v1/tasks").token(&token).json(&new).send().await;
    make(&t, &token, 300, "nothing here").await;
    for words in [
        "weisung",
        "m%C3%BCll",
        "onto",
        "%CE%BF%CE%B4%CE%BF%CF%82%20an",
        "konto%20%C3%BCberweisung%20m%C3%BCller",
        "100%25_",
        "%25_%5C",
    ] {
        for sort in ["created_at", "-updated_at", "due_date", "-priority"] {
            let found = pages(&t, &token, &format!("/api/v1/tasks?limit=5&q={words}&sort={sort}"))
                .await
                .concat();
            let titles: Vec<&Value> = found.iter().map(|task| &task["title"]).collect();
            assert_eq!(titles, ["Überweisung an MÜLLER"], "{words} {sort}");
        }
    }
    assert!(pages(&t, &token, "/api/v1/tasks?limit=5&q=konto%20missing").await.concat().is_empty());
    let found = pages(&t, &token, "/api/v1/tasks?limit=100&q=nothing%20task").await.concat();
    assert_eq!(found.len(), 600);
    // A search finds a new title, not the old one.
    let id = found[0]["id"].to_string();
    let title = json!({ "title": "renamed STRASSE" });
    t.patch(&format!("/api/v1/tasks/{id}")).token(&token).json(&title).send().await;
    assert_eq!(pages(&t, &token, "/api/v1/tasks?q=renamed%20stra%C3%9Fe").await.concat().len(), 1);
}

#[on_each_database]
async fn others_are_answered_while_somebody_searches_much(t: Taskwell) {
    let (busy, other) = (t.user("busy").await, t.user("other").await);
    make(&t, &busy, 64, &"\u{fdfa}".repeat(18_000)).await;
    let path = format!("/api/v1/tasks/{}", t.task_of(&other).await);
    let searches = (0..4).map(|_| async {
        for _ in 0..2 {
            t.get("/api/v1/tasks?limit=100&q=zzzz").token(&busy).send().await;
        }
    });
    let reads = async {
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let begun = Instant::now();
            assert_eq!(t.get(&path).token(&other).send().await.status, 200);
            longest = longest.max(begun.elapsed());
        }
        longest
    };
    let (longest, _) = futures_util::future::join(reads, join_all(searches)).await;
    // Without the bound, a read waited for 6 s and more behind such a search.
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}

#[on_each_database]
async fn what_is_too_old_is_deleted_in_batches_and_outside_of_requests(t: Taskwell) {
    let ada = t.user("ada").await;
    t.clock.advance_s(400 * 86_400);
    let insert = "INSERT INTO audit (at, action) SELECT 0, 'old' FROM (VALUES \
        (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) a, (VALUES \
        (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) b, (VALUES \
        (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) c";
    t.rows(insert).await;
    let old = async || {
        t.rows("SELECT count(*) FROM audit WHERE action = 'old'").await[0][0].clone().unwrap()
    };
    t.login("ada").await;
    assert_eq!(old().await, "1000", "a login pruned");
    assert!(t.operator.prune().await.unwrap());
    assert_eq!(old().await, "500", "one batch");
    while t.operator.prune().await.unwrap() {}
    assert_eq!(old().await, "0");
    // The session of a user who never returned is gone, too.
    let sessions = t.rows("SELECT count(*) FROM sessions").await[0][0].clone();
    assert_eq!(sessions.as_deref(), Some("1"));
    assert_eq!(t.get("/api/v1/tasks").token(&ada).send().await.status, 401);
}

#[tokio::test]
async fn a_read_does_not_wait_for_the_bookkeeping_that_follows_it() {
    let t = Taskwell::on_sqlite();
    let token = t.user("ada").await;
    t.clock.advance_s(7200);
    let other = t.sqlite().unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for path in ["/api/v1/tasks", "/api/v1/users/me", "/api/tasks", "/tasks", "/api/v1/changes"] {
        assert_eq!(t.get(path).token(&token).send().await.status, 200, "{path}");
    }
    // A write would wait for 10 s, and five reads one after the other for 50.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
}
