//! The rules of tasks, tested through `v1`: completion, versions, changes, lists.

use serde_json::{Value, json};

use crate::support::{Reply, Taskwell, on_each_database};

async fn put(t: &Taskwell, token: &str, body: Value) -> Reply {
    t.put("/api/v1/tasks/1").token(token).json(&body).send().await
}

/// Follows `Link` from `path` on. Returns all titles, page by page.
async fn walk(t: &Taskwell, token: &str, path: &str) -> Vec<String> {
    let mut titles = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = t.get(&path).token(token).send().await;
        assert_eq!(page.status, 200, "{page:?}");
        let list = page.json();
        titles.extend(
            list.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap().to_owned()),
        );
        next = page.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
    }
    titles
}

#[on_each_database]
async fn completing_twice_keeps_the_first_time(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "once").await;
    let first = put(&t, &token, json!({ "completed": true })).await;
    t.clock.advance_s(60);
    let second = put(&t, &token, json!({ "completed": true })).await;
    assert_eq!(first.json()["completed_at"], second.json()["completed_at"]);
    assert_eq!(first.header("etag"), second.header("etag"));
    assert_ne!(first.json()["completed_at"], Value::Null);
}

#[on_each_database]
async fn status_wins_over_completed_and_that_over_completed_at(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "x").await;
    let at = "2026-01-02T03:04:05Z";
    for (body, status, completed_at) in [
        (
            json!({ "status": "in_progress", "completed": true, "completed_at": at }),
            "in_progress",
            json!(null),
        ),
        (json!({ "completed": false }), "in_progress", json!(null)),
        (json!({ "completed_at": null }), "in_progress", json!(null)),
        (json!({ "completed": true, "completed_at": at }), "completed", json!(at)),
        (
            json!({ "status": "completed", "completed": false, "completed_at": null }),
            "completed",
            json!(at),
        ),
        (json!({ "completed": false, "completed_at": at }), "pending", json!(null)),
        (json!({ "completed_at": at }), "completed", json!(at)),
        (
            json!({ "status": "pending", "completed_at": at, "completed": true }),
            "pending",
            json!(null),
        ),
    ] {
        let task = put(&t, &token, body.clone()).await.json();
        assert_eq!(
            (&task["status"], &task["completed_at"]),
            (&json!(status), &completed_at),
            "{body}"
        );
        assert_eq!(task["completed"], status == "completed");
    }
}

#[on_each_database]
async fn versions_guard_reads_and_writes(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "x").await;
    let get = async |tag: &str| {
        t.get("/api/v1/tasks/1").token(&token).header("if-none-match", tag).send().await.status
    };
    for (tag, status) in [
        ("\"1\"", 304),
        ("W/\"1\"", 304),
        ("\"7\", \"1\"", 304),
        ("*", 304),
        ("\"2\"", 200),
        ("1", 200),
    ] {
        assert_eq!(get(tag).await, status, "{tag}");
    }
    let body = json!({ "title": "y" });
    for (tag, status) in [
        ("\"2\"", 412),
        ("W/\"1\"", 412),
        ("nonsense", 412),
        ("", 412),
        ("\"9\", \"1\"", 200),
        ("*", 200),
    ] {
        let reply =
            t.put("/api/v1/tasks/1").token(&token).header("if-match", tag).json(&body).send().await;
        assert_eq!(reply.status, status, "{tag}");
    }
    assert_eq!(
        t.delete("/api/v1/tasks/1").token(&token).header("if-match", "\"1\"").send().await.status,
        412
    );
    assert_eq!(
        t.delete("/api/v1/tasks/1").token(&token).header("if-match", "\"2\"").send().await.status,
        204
    );
}

#[on_each_database]
async fn every_write_has_a_change_in_a_sequence_without_gaps(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "a").await;
    put(&t, &token, json!({ "title": "b" })).await;
    put(&t, &token, json!({ "title": "b" })).await;
    put(&t, &token, json!({ "title": "" })).await;
    t.delete("/api/v1/tasks/9").token(&token).send().await;
    t.delete("/api/v1/tasks/1").token(&token).send().await;
    t.task(&token, "c").await;
    let rows = t.rows("SELECT seq, kind, actor, before, after FROM changes ORDER BY seq").await;
    let title = |json: &str| {
        serde_json::from_str::<Value>(json).unwrap()["title"].as_str().unwrap().to_owned()
    };
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|row| {
            let texts = row.into_iter().map(Option::unwrap_or_default);
            texts.map(|text| if text.starts_with('{') { title(&text) } else { text }).collect()
        })
        .collect();
    assert_eq!(
        rows,
        [
            ["1", "created", "1", "", "a"],
            ["2", "updated", "1", "a", "b"],
            ["3", "deleted", "1", "b", ""],
            ["4", "created", "1", "", "c"]
        ]
    );
}

#[on_each_database]
async fn each_sort_pages_through_all_tasks_once_without_due_dates_last(t: Taskwell) {
    let token = t.user("ada").await;
    for (n, (due, priority)) in [
        (Some("2026-03-01"), "high"),
        (None, "low"),
        (Some("2026-01-01"), "urgent"),
        (None, "medium"),
        (Some("2026-03-01"), "low"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "title": n.to_string(), "due_date": due, "priority": priority });
        t.post("/api/v1/tasks").token(&token).json(&body).send().await;
    }
    put(&t, &token, json!({ "description": "touched" })).await;
    for (sort, order) in [
        ("created_at", "01234"),
        ("-created_at", "43210"),
        ("updated_at", "12340"),
        ("-updated_at", "04321"),
        ("due_date", "20413"),
        ("-due_date", "40231"),
        ("priority", "14302"),
        ("-priority", "20341"),
    ] {
        for limit in [1, 2, 5] {
            let path = format!("/api/v1/tasks?sort={sort}&limit={limit}");
            assert_eq!(walk(&t, &token, &path).await.concat(), order, "{path}");
        }
    }
}

#[on_each_database]
async fn lists_are_narrowed_and_searched(t: Taskwell) {
    let token = t.user("ada").await;
    for (title, body) in [
        ("Buy MILK", json!({ "due_date": "2026-01-01", "status": "completed" })),
        (
            "Straße fegen",
            json!({
                "description": "vor dem Haus, milk", "priority": "high", "due_date": "2026-02-01"
            }),
        ),
        ("other", json!({})),
    ] {
        let mut new = body;
        new["title"] = json!(title);
        t.post("/api/v1/tasks").token(&token).json(&new).send().await;
    }
    for (query, titles) in [
        ("q=milk", "Straße fegen,Buy MILK"),
        ("q=STRASSE", "Straße fegen"),
        ("q=stra%C3%9Fe%20haus", "Straße fegen"),
        ("q=milk&limit=1", "Straße fegen,Buy MILK"),
        ("status=completed", "Buy MILK"),
        ("priority=high", "Straße fegen"),
        ("due_before=2026-01-15", "Buy MILK"),
        ("due_after=2026-01-01T00:00:00Z", "Straße fegen"),
        ("status=pending&q=othe", "other"),
    ] {
        assert_eq!(
            walk(&t, &token, &format!("/api/v1/tasks?{query}")).await.join(","),
            titles,
            "{query}"
        );
    }
    for query in [
        "status=done",
        "priority=1",
        "due_before=soon",
        "sort=title",
        "limit=0",
        "limit=1001",
        "limit=a",
        "cursor=zz",
        "limit=1&limit=2",
        "q=%00",
        "cursor=80ffffffffffffffff",
    ] {
        let reply = t.get(&format!("/api/v1/tasks?{query}")).token(&token).send().await;
        assert_eq!(reply.status, 422, "{query}");
    }
}

#[on_each_database]
async fn a_long_list_is_streamed_whole(t: Taskwell) {
    let token = t.user("ada").await;
    for n in 0..600 {
        t.task(&token, &n.to_string()).await;
    }
    let reply = t.get("/api/v1/tasks").token(&token).send().await;
    assert_eq!(reply.header("content-length"), None, "the list was held in memory");
    let list = reply.json();
    let titles: Vec<String> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["title"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(titles, (0..600).rev().map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(
        walk(&t, &token, "/api/v1/tasks?limit=1000&q=1").await.len(),
        titles.iter().filter(|title| title.contains('1')).count()
    );
}

#[on_each_database]
async fn one_over_each_bound_is_refused_and_the_bound_is_not(t: Taskwell) {
    let token = t.user("ada").await;
    for (field, bound) in [("title", 200), ("description", 20_000)] {
        for (chars, status) in [(bound, 201), (bound + 1, 422)] {
            let mut body = json!({ "title": "x" });
            body[field] = json!("é".repeat(chars));
            let reply = t.post("/api/v1/tasks").token(&token).json(&body).send().await;
            assert_eq!(reply.status, status, "{field} {chars}");
        }
    }
    for (field, letter, bound) in [("username", "u", 64), ("name", "ü", 100)] {
        for (chars, status) in [(bound, 200), (bound + 1, 422)] {
            let body = json!({ field: letter.repeat(chars) });
            let reply = t.patch("/api/v1/users/me").token(&token).json(&body).send().await;
            assert_eq!(reply.status, status, "{field} {chars}");
        }
    }
    let email = format!("{}@{}.example", "a".repeat(60), vec!["b".repeat(60); 4].join("."));
    let reply =
        t.patch("/api/v1/users/me").token(&token).json(&json!({ "email": email })).send().await;
    assert_eq!((email.len() > 254, reply.status), (true, 422));
}

#[on_each_database]
async fn titles_are_trimmed_and_normalised_and_hold_no_control_characters(t: Taskwell) {
    let token = t.user("ada").await;
    let task = t.task(&token, " e\u{301} <b>🦀</b> ").await;
    assert_eq!(task["title"], "é <b>🦀</b>");
    for title in ["", "  ", "a\nb", "a\u{0}b", "a\u{85}b", "\u{7f}"] {
        let reply =
            t.post("/api/v1/tasks").token(&token).json(&json!({ "title": title })).send().await;
        assert_eq!(reply.status, 422, "{title:?}");
    }
}
