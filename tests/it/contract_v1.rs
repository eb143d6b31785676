//! Contracts 003 and 004, line by line: `/api/v1`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Asserts an RFC 9457 problem with the document's text as its detail.
fn refused(reply: &Reply, status: u16, detail: &str) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
    let body = reply.json();
    assert_eq!(names(&body), ["detail", "errors", "status", "title", "type"]);
    assert_eq!(
        (reply.status, &body["status"], &body["detail"]),
        (status, &json!(status), &json!(detail))
    );
}

const TASK: [&str; 14] = [
    "completed",
    "completed_at",
    "created_at",
    "description",
    "due_date",
    "id",
    "owner_id",
    "priority",
    "status",
    "title",
    "updated_at",
    "user_id",
    "uuid",
    "version",
];
const USER: [&str; 10] = [
    "created_at",
    "email",
    "email_verified",
    "id",
    "is_active",
    "name",
    "role",
    "updated_at",
    "username",
    "uuid",
];

#[on_each_database]
async fn signup_and_register_do_the_same_and_answer_201_with_message_and_user(t: Taskwell) {
    for (path, name) in [("/api/v1/auth/signup", "ada"), ("/api/v1/auth/register", "grace")] {
        let new = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD,
            "role": "admin", "is_active": false, "id": 99
        });
        let reply = t.post(path).json(&new).send().await;
        assert_eq!(reply.status, 201);
        let body = reply.json();
        assert_eq!((names(&body), names(&body["user"])), (vec!["message", "user"], USER.to_vec()));
        assert_eq!(body["message"], "User created successfully");
        assert_eq!(
            (&body["user"]["role"], &body["user"]["is_active"]),
            (&json!("user"), &json!(true))
        );
    }
}

#[on_each_database]
async fn a_taken_username_or_email_is_400(t: Taskwell) {
    t.user("ada").await;
    for (name, email) in [("ADA", "other@example.org"), ("other", "Ada@Example.ORG")] {
        let new = json!({ "username": name, "email": email, "password": PASSWORD });
        refused(
            &t.post("/api/v1/auth/signup").json(&new).send().await,
            400,
            "Username or email already exists",
        );
    }
}

#[on_each_database]
async fn a_signup_that_does_not_validate_is_422_and_lists_every_field(t: Taskwell) {
    let new = json!({ "username": "a@b", "email": "nowhere", "password": "password1" });
    let reply = t.post("/api/v1/auth/signup").json(&new).send().await;
    refused(&reply, 422, "Validation error");
    assert_eq!(reply.wrong_fields(), ["username", "email", "password"]);
}

#[on_each_database]
async fn login_takes_email_or_username_as_json_or_form_and_answers_a_bearer(t: Taskwell) {
    t.user("ada").await;
    let login = || t.post("/api/v1/auth/login");
    let password = PASSWORD;
    for call in [
        login().json(&json!({ "email": "ada@example.org", "password": password })),
        login().json(&json!({ "username": "Ada", "password": password })),
        login().json(&json!({ "username": "ada@example.org", "password": password })),
        login().form("grant_type=password&username=ada&password=Analytical.Engine-1843&scope="),
        login().form("username=ada%40example.org&password=Analytical.Engine-1843"),
    ] {
        let reply = call.send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(
            names(&reply.json()),
            ["access_token", "expires_in", "refresh_token", "token_type"]
        );
        assert_eq!(
            (&reply.json()["token_type"], &reply.json()["expires_in"]),
            (&json!("bearer"), &json!(86400))
        );
    }
}

#[on_each_database]
async fn a_login_that_fails_is_401_in_the_documents_words(t: Taskwell) {
    t.user("ada").await;
    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD)] {
        let proof = json!({ "username": name, "password": password });
        refused(
            &t.post("/api/v1/auth/login").json(&proof).send().await,
            401,
            "Incorrect email or password",
        );
    }
    let empty = t.post("/api/v1/auth/login").json(&json!({})).send().await;
    assert_eq!(
        (empty.status, empty.wrong_fields()),
        (422, vec!["email".to_owned(), "password".to_owned()])
    );
}

#[on_each_database]
async fn logout_takes_the_bearer_and_no_body(t: Taskwell) {
    let token = t.user("ada").await;
    assert_eq!(t.post("/api/v1/auth/logout").token(&token).send().await.status, 200);
    refused(&t.post("/api/v1/auth/logout").token(&token).send().await, 401, "Not authenticated");
}

#[on_each_database]
async fn me_is_the_callers_profile(t: Taskwell) {
    let token = t.user("ada").await;
    let reply = t.get("/api/v1/users/me").token(&token).send().await;
    assert_eq!((reply.status, names(&reply.json())), (200, USER.to_vec()));
    assert_eq!(
        (&reply.json()["id"], &reply.json()["username"], &reply.json()["email"]),
        (&json!(1), &json!("ada"), &json!("ada@example.org"))
    );
    refused(&t.get("/api/v1/users/me").send().await, 401, "Not authenticated");
}

#[on_each_database]
async fn a_new_task_is_201_with_every_member_its_version_and_its_place(t: Taskwell) {
    let token = t.user("ada").await;
    let new = json!({
        "title": "x", "description": "d", "due_date": "2026-12-31T10:00:00+01:00",
        "priority": "urgent"
    });
    let reply = t.post("/api/v1/tasks").token(&token).json(&new).send().await;
    let task = reply.json();
    assert_eq!((reply.status, names(&task)), (201, TASK.to_vec()));
    assert_eq!(
        (&task["user_id"], &task["owner_id"], &task["completed"]),
        (&json!(1), &json!(1), &json!(false))
    );
    assert_eq!(
        (&task["due_date"], &task["priority"]),
        (&json!("2026-12-31T09:00:00Z"), &json!("urgent"))
    );
    assert_eq!(
        (reply.header("etag"), reply.header("location")),
        (Some("\"1\""), Some("/api/v1/tasks/1"))
    );
}

#[on_each_database]
async fn completed_is_taken_on_post_and_put(t: Taskwell) {
    let token = t.user("ada").await;
    let reply = t
        .post("/api/v1/tasks")
        .token(&token)
        .json(&json!({ "title": "x", "completed": true }))
        .send()
        .await;
    assert_eq!(
        (&reply.json()["status"], &reply.json()["completed"]),
        (&json!("completed"), &json!(true))
    );
    let open = t
        .put("/api/v1/tasks/1")
        .token(&token)
        .json(&json!({ "completed": false }))
        .send()
        .await
        .json();
    assert_eq!((&open["status"], &open["completed_at"]), (&json!("pending"), &Value::Null));
}

#[on_each_database]
async fn the_list_is_an_array_of_the_callers_tasks_newest_first(t: Taskwell) {
    let token = t.user("ada").await;
    let other = t.user("grace").await;
    t.task(&token, "a").await;
    t.task(&other, "hers").await;
    t.task(&token, "b").await;
    let list = t.get("/api/v1/tasks").token(&token).send().await.json();
    let titles: Vec<&Value> = list.as_array().unwrap().iter().map(|task| &task["title"]).collect();
    assert_eq!(titles, ["b", "a"]);
    assert_eq!(names(&list[0]), TASK);
}

#[on_each_database]
async fn one_task_is_read_changed_and_deleted_by_its_id(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "x").await;
    let one = "/api/v1/tasks/1";
    assert_eq!(names(&t.get(one).token(&token).send().await.json()), TASK);
    let change = json!({ "title": "y", "description": "more", "due_date": null });
    let put = t.put(one).token(&token).json(&change).send().await;
    assert_eq!((put.status, &put.json()["title"]), (200, &json!("y")));
    let patch = t.patch(one).token(&token).header("content-type", "application/merge-patch+json");
    let patch = patch.body(json!({ "description": null }).to_string()).send().await;
    assert_eq!((patch.status, &patch.json()["description"]), (200, &Value::Null));
    let gone = t.delete(one).token(&token).send().await;
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    for call in [t.get(one), t.delete(one), t.put(one).json(&change)] {
        refused(&call.token(&token).send().await, 404, "Task not found");
    }
}

#[on_each_database]
async fn somebody_elses_task_is_404_for_admins_too(t: Taskwell) {
    let token = t.user("ada").await;
    t.make_admin("ada").await;
    let other = t.user("grace").await;
    let task = t.task(&other, "hers").await;
    for key in [task["id"].to_string(), task["uuid"].as_str().unwrap().to_owned()] {
        let path = format!("/api/v1/tasks/{key}");
        refused(&t.get(&path).token(&token).send().await, 404, "Task not found");
        refused(&t.delete(&path).token(&token).send().await, 404, "Task not found");
    }
}

#[on_each_database]
async fn an_id_of_another_form_is_422(t: Taskwell) {
    let token = t.user("ada").await;
    for id in ["0", "-1", "1.5", "abc", "01", "%FF", "1%00"] {
        refused(
            &t.get(&format!("/api/v1/tasks/{id}")).token(&token).send().await,
            422,
            "Validation error",
        );
    }
    refused(
        &t.get("/api/v1/tasks/99999999999999999999").token(&token).send().await,
        404,
        "Task not found",
    );
}

#[on_each_database]
async fn unknown_paths_methods_and_types_are_problems(t: Taskwell) {
    let token = t.user("ada").await;
    assert_eq!(t.get("/api/v1/nothing").send().await.status, 404);
    let method = t.put("/api/v1/tasks").send().await;
    assert_eq!((method.status, method.header("allow")), (405, Some("GET,HEAD,POST")));
    let plain = t
        .post("/api/v1/tasks")
        .token(&token)
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await;
    assert_eq!(plain.status, 415);
    let large = t.post("/api/v1/tasks").token(&token).header("content-type", "application/json");
    assert_eq!(large.body(vec![b' '; 1024 * 1024 + 1]).send().await.status, 413);
}

#[on_each_database]
async fn docs_and_the_document_come_from_the_binary(t: Taskwell) {
    let page = t.get("/docs").send().await;
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("http"), "something comes from another host");
    for asset in
        ["/docs/assets/swagger-ui.css", "/docs/assets/swagger-ui-bundle.js", "/docs/start.js"]
    {
        assert_eq!(t.get(asset).send().await.status, 200, "{asset}");
    }
    let document = t.get("/openapi.json").send().await.json();
    assert_eq!(
        (&document["openapi"], document["paths"].as_object().unwrap().len()),
        (&json!("3.1.0"), 45)
    );
}
