//! Contracts 000 and 002, line by line: `/user`, `/auth` and `/tasks`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Signs up and logs in by contract 000. Returns the access and refresh tokens.
async fn dhaya(t: &Taskwell) -> (String, String) {
    let new = json!({ "name": "dhaya", "email": "dhaya@gmail", "password": PASSWORD });
    assert_eq!(t.post("/user/signup").json(&new).send().await.status, 201);
    let tokens = t.post("/user/login").json(&new).send().await.json();
    let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

/// Asserts that `detail` and `message` have the same text.
fn refused(reply: &Reply, status: u16, text: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    let body = reply.json();
    assert_eq!((&body["detail"], &body["message"]), (&json!(text), &json!(text)));
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const TASK: [&str; 7] = ["created_at", "description", "id", "status", "title", "user_id", "uuid"];

#[on_each_database]
async fn signup_answers_id_name_and_email_with_201(t: Taskwell) {
    let new = json!({ "name": "dhaya", "email": "dhaya@gmail", "password": PASSWORD });
    let reply = t.post("/user/signup").json(&new).send().await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.json(), json!({ "id": 1, "name": "dhaya", "email": "dhaya@gmail" }));
}

#[on_each_database]
async fn signup_of_a_taken_address_says_user_already_exists(t: Taskwell) {
    dhaya(&t).await;
    let again = json!({ "name": "other", "email": "DHAYA@gmail", "password": PASSWORD });
    refused(&t.post("/user/signup").json(&again).send().await, 409, "user already exists");
}

#[on_each_database]
async fn signup_with_bad_data_says_invalid_input_data_and_names_each_field(t: Taskwell) {
    let new = json!({ "name": " ", "email": "no address", "password": "12345" });
    let reply = t.post("/user/signup").json(&new).send().await;
    refused(&reply, 400, "Invalid input data");
    assert_eq!(reply.wrong_fields(), ["name", "email", "password"]);
}

#[on_each_database]
async fn login_returns_access_and_refresh_token(t: Taskwell) {
    dhaya(&t).await;
    let proof = json!({ "email": "dhaya@gmail", "password": PASSWORD });
    let reply = t.post("/user/login").json(&proof).send().await;
    assert_eq!(reply.status, 200);
    assert_eq!(names(&reply.json()), ["access_token", "refresh_token"]);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[on_each_database]
async fn login_tells_a_wrong_password_from_an_unknown_user(t: Taskwell) {
    dhaya(&t).await;
    let wrong = json!({ "email": "dhaya@gmail", "password": "not it" });
    refused(&t.post("/user/login").json(&wrong).send().await, 401, "Invalid credentials");
    let nobody = json!({ "email": "nobody@gmail", "password": "not it" });
    refused(&t.post("/user/login").json(&nobody).send().await, 404, "user doesn't exist");
}

#[on_each_database]
async fn logout_ends_refresh_and_access_token_at_once(t: Taskwell) {
    let (access, refresh) = dhaya(&t).await;
    let token = json!({ "refresh_token": refresh });
    let reply = t.post("/user/logout").json(&token).send().await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({ "message": "Logged out successfully.." }))
    );
    refused(&t.post("/user/refresh-token").json(&token).send().await, 401, "Invalid token");
    refused(&t.post("/user/logout").json(&token).send().await, 401, "Invalid token");
    refused(&t.get("/tasks").token(&access).send().await, 401, "Not authenticated");
}

#[on_each_database]
async fn refresh_gives_a_new_token_and_the_refresh_token_stays_good(t: Taskwell) {
    let (_, refresh) = dhaya(&t).await;
    let token = json!({ "refresh_token": refresh });
    let mut seen = Vec::new();
    for _ in 0..3 {
        let reply = t.post("/user/refresh-token").json(&token).send().await;
        assert_eq!(names(&reply.json()), ["token"]);
        let access = reply.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(t.get("/tasks").token(&access).send().await.status, 200);
        assert!(!seen.contains(&access));
        seen.push(access);
    }
}

#[on_each_database]
async fn an_expired_refresh_token_is_told_from_an_invalid_one(t: Taskwell) {
    let (_, refresh) = dhaya(&t).await;
    t.clock.advance_s(30 * 86_400);
    for path in ["/user/refresh-token", "/user/logout"] {
        let expired = t.post(path).json(&json!({ "refresh_token": refresh })).send().await;
        refused(&expired, 401, "refresh token expired");
        let invalid = t.post(path).json(&json!({ "refresh_token": "x" })).send().await;
        refused(&invalid, 401, "Invalid token");
    }
}

#[on_each_database]
async fn access_tokens_of_this_door_live_15_minutes(t: Taskwell) {
    let (access, _) = dhaya(&t).await;
    t.clock.advance_s(14 * 60);
    assert_eq!(t.get("/tasks").token(&access).send().await.status, 200);
    t.clock.advance_s(61);
    assert_eq!(t.get("/tasks").token(&access).send().await.status, 401);
}

#[on_each_database]
async fn register_answers_message_user_and_token_with_200(t: Taskwell) {
    let new = json!({
        "username": "exampleuser", "email": "exampleuser@example.com", "password": PASSWORD
    });
    let reply = t.post("/auth/register").json(&new).send().await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(names(&body), ["message", "token", "user"]);
    assert_eq!(names(&body["user"]), ["email", "id", "username"]);
    assert_eq!(body["message"], "Authentication successful");
    uuid::Uuid::try_parse(body["user"]["id"].as_str().unwrap()).unwrap();
    assert_eq!(t.get("/tasks").token(body["token"].as_str().unwrap()).send().await.status, 200);
    let taken = t.post("/auth/register").json(&new).send().await;
    refused(&taken, 400, "Username or email already exists");
    let empty = t.post("/auth/register").json(&json!({})).send().await;
    assert_eq!(
        (empty.status, empty.wrong_fields()),
        (400, vec!["username".into(), "email".into(), "password".into()])
    );
}

#[on_each_database]
async fn auth_answers_like_register_and_refuses_in_its_words(t: Taskwell) {
    t.user("ada").await;
    let proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    let reply = t.post("/auth").json(&proof).send().await;
    assert_eq!((reply.status, names(&reply.json())), (200, vec!["message", "token", "user"]));
    assert_eq!(reply.json()["message"], "Authentication successful");
    for body in [json!({ "email": "ada@example.org" }), json!({ "email": "", "password": "" })] {
        assert_eq!(t.post("/auth").json(&body).send().await.status, 400);
    }
    for (email, password) in [("ada@example.org", "wrong"), ("nobody@example.org", PASSWORD)] {
        let proof = json!({ "email": email, "password": password });
        refused(&t.post("/auth").json(&proof).send().await, 401, "Invalid credentials");
    }
}

#[on_each_database]
async fn a_new_task_is_answered_in_both_contracts_shapes(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    let new =
        json!({ "id": 77, "title": "Backend", "description": "define", "status": "on going" });
    let reply = t.post("/tasks").token(&token).json(&new).send().await;
    assert_eq!(reply.status, 201);
    let body = reply.json();
    assert_eq!(names(&body), ["id", "message", "status", "task", "title"]);
    assert_eq!(names(&body["task"]), TASK);
    assert_eq!(
        (&body["message"], &body["id"], &body["title"], &body["status"]),
        (&json!("Task created"), &json!(1), &json!("Backend"), &json!("on going"))
    );
    assert_eq!(reply.header("etag"), Some("\"1\""));
}

#[on_each_database]
async fn description_and_status_may_be_left_out_and_title_not(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    let body = t.post("/tasks").token(&token).json(&json!({ "title": "x" })).send().await.json();
    assert_eq!((&body["task"]["description"], &body["status"]), (&Value::Null, &json!("pending")));
    let reply = t.post("/tasks").token(&token).json(&json!({})).send().await;
    assert_eq!((reply.status, reply.wrong_fields()), (400, vec!["title".to_owned()]));
}

#[on_each_database]
async fn words_for_a_status_are_read_generously_and_nonsense_is_refused(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    for (word, shown, status) in [
        ("on going", "on going", "in_progress"),
        ("ongoing", "on going", "in_progress"),
        ("in progress", "on going", "in_progress"),
        ("in_progress", "on going", "in_progress"),
        ("todo", "pending", "pending"),
        ("Done", "completed", "completed"),
        ("completed", "completed", "completed"),
    ] {
        let new = json!({ "title": word, "status": word });
        let body = t.post("/tasks").token(&token).json(&new).send().await.json();
        assert_eq!(body["status"], shown);
        let seen =
            t.get(&format!("/api/v1/tasks/{}", body["id"])).token(&token).send().await.json();
        assert_eq!(seen["status"], status);
    }
    let nonsense = json!({ "title": "x", "status": "someday" });
    let reply = t.post("/tasks").token(&token).json(&nonsense).send().await;
    assert_eq!((reply.status, reply.wrong_fields()), (400, vec!["status".to_owned()]));
}

#[on_each_database]
async fn the_list_is_an_envelope_newest_first_and_pages(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    for title in ["a", "b", "c"] {
        t.task(&token, title).await;
    }
    let body = t.get("/tasks").token(&token).send().await.json();
    assert_eq!(names(&body), ["tasks"]);
    let titles: Vec<&str> =
        body["tasks"].as_array().unwrap().iter().map(|t| t["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["c", "b", "a"]);
    assert_eq!(names(&body["tasks"][0]), TASK);
    let page = t.get("/tasks?limit=2").token(&token).send().await;
    let next = page.header("link").unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    let rest = t.get(&next).token(&token).send().await.json();
    assert_eq!(rest["tasks"].as_array().unwrap().len(), 1);
}

#[on_each_database]
async fn a_task_is_found_and_deleted_by_integer_and_by_uuid(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    for key in ["id", "uuid"] {
        let task = t.task(&token, key).await;
        let path = format!("/tasks/{}", task[key].to_string().trim_matches('"'));
        let shown = t.get(&path).token(&token).send().await;
        assert_eq!((shown.status, names(&shown.json())), (200, TASK.to_vec()));
        let deleted = t.delete(&path).token(&token).send().await;
        assert_eq!((deleted.status, deleted.json()), (200, json!({ "message": "Task deleted" })));
        refused(&t.delete(&path).token(&token).send().await, 404, "Task not found");
    }
}

#[on_each_database]
async fn an_id_of_another_form_is_400(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    for id in ["0", "-1", "1.5", "abc", "01", "%00", "01a1fb2621bc7eabaddaed648c9f914d"] {
        let path = format!("/tasks/{id}");
        refused(&t.get(&path).token(&token).send().await, 400, "Invalid task ID");
        refused(&t.delete(&path).token(&token).send().await, 400, "Invalid task ID");
    }
}

#[on_each_database]
async fn somebody_elses_task_is_404(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    let other = t.user("ada").await;
    let task = t.task(&other, "hers").await;
    for key in [task["id"].to_string(), task["uuid"].as_str().unwrap().to_owned()] {
        let path = format!("/tasks/{key}");
        refused(&t.get(&path).token(&token).send().await, 404, "Task not found");
        refused(&t.delete(&path).token(&token).send().await, 404, "Task not found");
    }
}

#[on_each_database]
async fn a_deletion_is_guarded_by_if_match(t: Taskwell) {
    let (token, _) = dhaya(&t).await;
    t.task(&token, "x").await;
    let stale = t.delete("/tasks/1").token(&token).header("if-match", "\"9\"").send().await;
    assert_eq!(stale.status, 412);
    let fresh = t.get("/tasks/1").token(&token).header("if-none-match", "\"1\"").send().await;
    assert_eq!((fresh.status, fresh.body.len()), (304, 0));
    let done = t.delete("/tasks/1/").token(&token).header("if-match", "\"1\"").send().await;
    assert_eq!(done.status, 200);
}

#[on_each_database]
async fn unknown_paths_and_methods_answer_json(t: Taskwell) {
    let nothing = t.get("/nothing/here").send().await;
    assert_eq!(nothing.status, 404);
    assert_eq!(nothing.json()["detail"], nothing.json()["message"]);
    let method = t.put("/tasks").send().await;
    assert_eq!((method.status, method.header("allow")), (405, Some("GET,HEAD,POST")));
    assert!(method.json()["detail"].is_string());
}
