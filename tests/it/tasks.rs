//! The task's own rules, seen through `v1`: completion, versions, changes, lists.

use serde_json::{Value, json};

use crate::support::{Taskwell, on_each_database};

on_each_database! {
    async fn completing_twice_keeps_the_first_time(t) {
        let token = t.user("ada").await;
        t.task(&token, "once").await;
        let done = json!({ "completed": true });
        let first = t.put("/api/v1/tasks/1").token(&token).json(&done).send().await;
        t.clock.advance_s(60);
        let second = t.put("/api/v1/tasks/1").token(&token).json(&done).send().await;
        assert_eq!(first.json()["completed_at"], second.json()["completed_at"]);
        assert_eq!(first.header("etag"), second.header("etag"));
        assert_ne!(first.json()["completed_at"], Value::Null);
    }
}
