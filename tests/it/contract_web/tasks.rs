//! Contract 001: tasks.

use super::*;

async fn create(t: &Taskwell, token: &str, new: Value) -> Value {
    let reply = t.post("/api/tasks").token(token).json(&new).send().await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn path(task: &Value) -> String {
    format!("/api/tasks/{}", task["id"].as_str().unwrap())
}

const TASK: [&str; 10] = [
    "completed_at",
    "created_at",
    "description",
    "due_date",
    "id",
    "priority",
    "status",
    "title",
    "updated_at",
    "user_id",
];

const FORBIDDEN: &str = "Access forbidden: Cannot access other user's data";

#[on_each_database]
async fn a_new_task_has_every_member_and_the_defaults(t: Taskwell) {
    let (token, user) = sign_up(&t, "user@example.com").await;
    let task = create(&t, &token, json!({ "title": " New task " })).await;
    assert_eq!(names(&task), TASK);
    assert_eq!(
        (&task["user_id"], &task["title"], &task["status"], &task["priority"]),
        (&json!(user), &json!("New task"), &json!("pending"), &json!("medium"))
    );
    assert_eq!(
        (&task["description"], &task["due_date"], &task["completed_at"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let full = json!({
        "title": "t", "description": "d", "status": "in_progress", "priority": "urgent",
        "due_date": "2023-12-31T10:00:00Z"
    });
    let task = create(&t, &token, full.clone()).await;
    for (name, value) in full.as_object().unwrap() {
        assert_eq!(&task[name], value);
    }
}

#[on_each_database]
async fn bad_input_is_400_with_a_validation_error_that_lists_every_field(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let bad = json!({
        "title": "x".repeat(201), "status": "todo", "priority": "extreme", "due_date": "soon"
    });
    let reply = t.post("/api/tasks").token(&token).json(&bad).send().await;
    let detail = reply.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 400);
    assert!(detail.starts_with("Validation error: "));
    for field in [
        "title: must have at most 200 characters, but has 201",
        "status:",
        "priority:",
        "due_date:",
    ] {
        assert!(detail.contains(field), "{detail}");
    }
}

#[on_each_database]
async fn the_list_is_an_array_newest_first_narrowed_by_the_query(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    for (title, priority) in [("a", "low"), ("b", "high"), ("c", "high")] {
        create(&t, &token, json!({ "title": title, "priority": priority })).await;
    }
    let list = t.get("/api/tasks?priority=high&unknown=1").token(&token).send().await.json();
    let titles: Vec<&Value> = list.as_array().unwrap().iter().map(|task| &task["title"]).collect();
    assert_eq!(titles, ["c", "b"]);
    let wrong = t.get("/api/tasks?priority=hot&limit=0").token(&token).send().await;
    assert_eq!(wrong.status, 400);
}

#[on_each_database]
async fn somebody_elses_task_is_403_and_a_missing_one_404(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let (other, _) = sign_up(&t, "other@example.com").await;
    let theirs = path(&create(&t, &other, json!({ "title": "x" })).await);
    let missing = "/api/tasks/01a1fb26-21e1-73a9-8ab0-263b2a1e955b".to_owned();
    for (path, status, detail) in [(theirs, 403, FORBIDDEN), (missing, 404, "Task not found")] {
        refused(&t.get(&path).token(&token).send().await, status, detail);
        refused(
            &t.put(&path).token(&token).json(&json!({ "title": "y" })).send().await,
            status,
            detail,
        );
        refused(&t.delete(&path).token(&token).send().await, status, detail);
        let complete = t.patch(&format!("{path}/complete")).token(&token);
        refused(&complete.json(&json!({ "completed": true })).send().await, status, detail);
    }
    let malformed = t.get("/api/tasks/1").token(&token).send().await;
    refused(&malformed, 400, "Validation error: task_id: must be a UUID");
}

#[on_each_database]
async fn an_update_changes_what_is_given_and_keeps_the_rest(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let task =
        create(&t, &token, json!({ "title": "t", "description": "d", "due_date": "2026-01-01" }))
            .await;
    t.clock.advance_s(5);
    let reply = t
        .put(&path(&task))
        .token(&token)
        .json(&json!({ "status": "in_progress", "due_date": null }))
        .send()
        .await;
    let new = reply.json();
    assert_eq!((reply.status, names(&new)), (200, TASK.to_vec()));
    assert_eq!(
        (&new["title"], &new["description"], &new["status"], &new["due_date"]),
        (&json!("t"), &json!("d"), &json!("in_progress"), &Value::Null)
    );
    assert_ne!(new["updated_at"], task["updated_at"]);
    assert_eq!(reply.header("etag"), Some("\"2\""));
    for name in ["title", "status", "priority"] {
        let reply = t.put(&path(&task)).token(&token).json(&json!({ name: null })).send().await;
        assert_eq!(reply.status, 400, "{name}");
    }
}

#[on_each_database]
async fn a_given_completed_at_completes_and_null_reopens_unless_status_says_otherwise(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let at = "2023-12-31T10:00:00Z";
    for (body, status, completed_at) in [
        (json!({ "completed_at": at }), "completed", json!(at)),
        (json!({ "completed_at": null }), "pending", Value::Null),
        (json!({ "status": "completed", "completed_at": at }), "completed", json!(at)),
        (json!({ "status": "in_progress", "completed_at": at }), "in_progress", Value::Null),
    ] {
        let task = create(&t, &token, json!({ "title": "x", "status": "completed" })).await;
        let new = t.put(&path(&task)).token(&token).json(&body).send().await.json();
        assert_eq!(
            (&new["status"], &new["completed_at"]),
            (&json!(status), &completed_at),
            "{body}"
        );
    }
}

#[on_each_database]
async fn complete_completes_reopens_and_needs_its_member(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let task = create(&t, &token, json!({ "title": "x" })).await;
    let complete = format!("{}/complete", path(&task));
    let send = async |body: Value| t.patch(&complete).token(&token).json(&body).send().await;
    let done = send(json!({ "completed": true })).await.json();
    assert_eq!(done["status"], "completed");
    assert!(done["completed_at"].is_string());
    let open = send(json!({ "completed": false })).await.json();
    assert_eq!((&open["status"], &open["completed_at"]), (&json!("pending"), &Value::Null));
    for body in [json!({}), json!({ "completed": null }), json!({ "completed": "yes" })] {
        assert_eq!(send(body).await.status, 400);
    }
}

#[on_each_database]
async fn deletion_answers_success_and_is_guarded(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let task = create(&t, &token, json!({ "title": "x" })).await;
    let stale = t.delete(&path(&task)).token(&token).header("if-match", "\"7\"").send().await;
    assert_eq!(stale.status, 412);
    let reply =
        t.delete(&path(&task)).token(&token).header("if-match", "W/\"7\", \"1\"").send().await;
    assert_eq!(
        (reply.status, reply.json()),
        (
            200,
            json!({ "success": true, "message": "Task \
        deleted successfully" })
        )
    );
    refused(&t.get(&path(&task)).token(&token).send().await, 404, "Task not found");
}
