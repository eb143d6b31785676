//! A restored store: clients that were ahead are informed, and no old version matches.

use axum::http::header::ETAG;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use taskwell_core::store;

use crate::support::{Reply, Taskwell, on_each_database};

async fn changes(t: &Taskwell, token: &str, since: &str) -> Reply {
    t.get(&format!("/api/v1/changes?since={since}")).token(token).send().await
}

/// Reads a stream up to the piece that contains `wanted`.
async fn stream(t: &Taskwell, token: &str, since: &str, wanted: &str) -> String {
    let call = t.get("/api/v1/events").token(token).header("last-event-id", since);
    let mut body = call.open().await.into_body();
    let mut text = String::new();
    while !text.contains(wanted) {
        let frame = body.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    text
}

#[on_each_database]
async fn a_client_that_was_ahead_is_told_to_read_everything_again(t: Taskwell) {
    let token = t.user("ada").await;
    for n in 0..3 {
        t.task(&token, &n.to_string()).await;
    }
    let last = t.get("/api/v1/changes").token(&token).send().await.json();
    assert_eq!((&last["last"], &last["cursor"]), (&json!(3), &json!("3")));
    t.operator.write(store::begin_epoch).await.unwrap();
    for n in 0..5 {
        t.task(&token, &format!("later {n}")).await;
    }
    let mut cursor = String::new();
    // Below the floor, of a client that was ahead, and of another epoch.
    for since in ["0", "3", "8", "99999999", "00000007-8", "00000007-1048581"] {
        let gone = changes(&t, &token, since).await;
        assert_eq!(gone.status, 410, "{since}: {gone:?}");
        assert_eq!(gone.json()["last"], json!(3 + (1 << 20) + 5));
        gone.json()["cursor"].as_str().unwrap().clone_into(&mut cursor);
    }
    let (epoch, number) = cursor.split_once('-').unwrap();
    assert_eq!((epoch.len(), number), (8, "1048584"));
    t.task(&token, "after that").await;
    for since in [cursor.as_str(), number] {
        let page = changes(&t, &token, since).await.json();
        assert_eq!(
            (page["changes"].as_array().unwrap().len(), &page["last"]),
            (1, &json!(1_048_585)),
            "{since}"
        );
        assert_eq!(page["cursor"], json!(format!("{epoch}-1048585")));
    }
    let events = stream(&t, &token, "8", "event: reset").await;
    assert!(
        events.contains(&format!(
            "id: {epoch}-1048585\ndata: {{\"cursor\":\"{epoch}-1048585\",\"last\":1048585}}"
        )),
        "{events}"
    );
    let events = stream(&t, &token, &cursor, "event: ready").await;
    assert!(
        events.contains("after that") && events.contains(&format!("id: {epoch}-1048585\n")),
        "{events}"
    );
}

#[on_each_database]
async fn an_entity_tag_of_before_matches_nothing(t: Taskwell) {
    let token = t.user("ada").await;
    let task = t.task(&token, "a").await;
    let path = format!("/api/v1/tasks/{}", task["id"]);
    let old = t.get(&path).token(&token).send().await.headers[ETAG].to_str().unwrap().to_owned();
    assert_eq!(old, "\"1\"");
    t.operator.write(store::begin_epoch).await.unwrap();
    let read = t.get(&path).token(&token).header("if-none-match", &old).send().await;
    assert_eq!(read.status, 200);
    let new = read.header("etag").unwrap().to_owned();
    assert_eq!((new.len(), &new[9..]), ("\"1a2b3c4d-1\"".len(), "-1\""));
    assert_eq!(t.get(&path).token(&token).header("if-none-match", &new).send().await.status, 304);
    for (tag, status) in [(&old, 412), (&new, 200)] {
        let title = json!({ "title": format!("{tag}") });
        let written = t.put(&path).token(&token).header("if-match", tag).json(&title).send().await;
        assert_eq!(written.status, status, "{tag}");
    }
    assert_eq!(t.delete(&path).token(&token).header("if-match", &old).send().await.status, 412);
    // The other trees show the same tags.
    let root = t.get(&format!("/tasks/{}", task["id"])).token(&token).send().await;
    assert!(root.header("etag").unwrap().contains('-'));
}

#[on_each_database]
async fn two_restores_give_out_no_number_twice(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "a").await;
    let mut seen: Vec<Value> = Vec::new();
    for _ in 0..3 {
        t.operator.write(store::begin_epoch).await.unwrap();
        t.task(&token, "b").await;
        let page = changes(&t, &token, "0").await.json();
        assert!(!seen.contains(&page["cursor"]) && !seen.contains(&page["last"]));
        seen.extend([page["cursor"].clone(), page["last"].clone()]);
    }
}
