//! Synchronization of clients: the sequence of changes, read in pages.

use serde_json::{Value, json};

use crate::support::{Taskwell, on_each_database};

async fn changes(t: &Taskwell, token: &str, query: &str) -> Value {
    let reply = t.get(&format!("/api/v1/changes{query}")).token(token).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// Returns the number and kind of each change, and the title of its task.
fn told(page: &Value) -> Vec<String> {
    let told = |change: &Value| {
        let title = change["task"]["title"].as_str().unwrap_or("-");
        format!("{} {} {title}", change["seq"], change["kind"].as_str().unwrap())
    };
    page["changes"].as_array().unwrap().iter().map(told).collect()
}

#[on_each_database]
async fn changes_are_told_in_order_with_the_task_as_it_was(t: Taskwell) {
    let token = t.user("ada").await;
    let other = t.user("grace").await;
    let made = t.task(&token, "a").await;
    t.task(&other, "hers").await;
    t.put("/api/v1/tasks/1")
        .token(&token)
        .json(&json!({ "title": "b", "completed": true }))
        .send()
        .await;
    t.task(&token, "c").await;
    let left = t.get("/api/v1/tasks/1").token(&token).send().await.json();
    t.delete("/api/v1/tasks/1").token(&token).send().await;
    let page = changes(&t, &token, "").await;
    assert_eq!(told(&page), ["1 created a", "2 updated b", "3 created c", "4 deleted -"]);
    assert_eq!((&page["last"], &page["more"]), (&json!(4), &json!(false)));
    let names: Vec<&String> = page["changes"][3].as_object().unwrap().keys().collect();
    assert_eq!(names, ["at", "kind", "seq", "task", "task_id", "task_uuid"]);
    assert_eq!(page["changes"][0]["task"], made);
    assert_eq!((&page["changes"][1]["task"], &left["version"]), (&left, &json!(2)));
    assert_eq!(page["changes"][3]["task"], Value::Null);
    assert_eq!(page["changes"][3]["task_uuid"], made["uuid"]);
    assert_eq!(page["changes"][1]["at"], left["updated_at"]);
}

#[on_each_database]
async fn changes_come_in_pages_that_link_to_the_next(t: Taskwell) {
    let token = t.user("ada").await;
    for n in 1..=300 {
        t.task(&token, &n.to_string()).await;
    }
    let all: Vec<String> = (1..=300).map(|n| format!("{n} created {n}")).collect();
    for (limit, pages) in [("", 3), ("?limit=7&since=0", 43), ("?limit=1000", 1)] {
        let mut next = Some(format!("/api/v1/changes{limit}"));
        let (mut seen, mut count) = (Vec::new(), 0);
        while let Some(path) = next {
            let reply = t.get(&path).token(&token).send().await;
            let page = reply.json();
            assert_eq!(page["last"], 300, "{path}");
            seen.extend(told(&page));
            next =
                reply.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            assert_eq!(page["more"], next.is_some(), "{path}");
            count += 1;
        }
        assert_eq!((&seen, count), (&all, pages), "{limit}");
    }
}

#[on_each_database]
async fn a_number_beyond_the_newest_has_no_changes_and_tells_the_newest(t: Taskwell) {
    let token = t.user("ada").await;
    assert_eq!(
        changes(&t, &token, "").await,
        json!({ "changes": [], "last": 0, "cursor": "0", "more": false })
    );
    t.task(&token, "a").await;
    for since in ["1", "2", "9223372036854775807"] {
        let page = changes(&t, &token, &format!("?since={since}")).await;
        assert_eq!(page, json!({ "changes": [], "last": 1, "cursor": "1", "more": false }));
    }
    for query in [
        "since=-1",
        "since=a",
        "since=",
        "since=9223372036854775808",
        "limit=0",
        "limit=1001",
        "since=1&since=1",
    ] {
        let reply = t.get(&format!("/api/v1/changes?{query}")).token(&token).send().await;
        assert_eq!(reply.status, 422, "{query}");
    }
    assert_eq!(t.get("/api/v1/changes").send().await.status, 401);
}

#[on_each_database]
async fn a_page_of_long_texts_ends_early_and_says_so(t: Taskwell) {
    let token = t.user("ada").await;
    let long = "é".repeat(20_000);
    for n in 0..40 {
        let new = json!({ "title": n.to_string(), "description": long });
        t.post("/api/v1/tasks").token(&token).json(&new).send().await;
    }
    let page = changes(&t, &token, "?limit=1000").await;
    assert_eq!((told(&page).len(), &page["more"], &page["last"]), (26, &json!(true), &json!(40)));
    assert_eq!(told(&changes(&t, &token, "?since=26").await).len(), 14);
}

#[on_each_database]
async fn a_record_that_lacks_members_is_read_as_far_as_it_goes(t: Taskwell) {
    let token = t.user("ada").await;
    let made = t.task(&token, "a").await;
    t.rows("UPDATE changes SET after = '{\"title\":\"old\",\"more\":1}'").await;
    let mut task = changes(&t, &token, "").await["changes"][0]["task"].clone();
    assert_eq!(task["title"], "old");
    task["title"] = json!("a");
    assert_eq!(task, made);
}

#[on_each_database]
async fn changes_need_the_scope_to_read_tasks(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "a").await;
    for (scope, status) in [("tasks:read", 200), ("tasks:write", 403), ("account:read", 403)] {
        let new = json!({ "name": scope, "scopes": [scope] });
        let made = t.post("/api/v1/users/me/tokens").token(&token).json(&new).send().await.json();
        let reply = t.get("/api/v1/changes").token(made["token"].as_str().unwrap()).send().await;
        assert_eq!(reply.status, status, "{scope}");
    }
}
