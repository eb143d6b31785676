//! Contract 001, line by line: `/api/auth` and `/api/tasks`.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Signs up: the token and the user's UUID.
async fn sign_up(t: &Taskwell, email: &str) -> (String, String) {
    let new = json!({ "email": email, "password": PASSWORD, "confirmPassword": PASSWORD });
    let reply = t.post("/api/auth/signup").json(&new).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    (body["token"].as_str().unwrap().to_owned(), body["user"]["id"].as_str().unwrap().to_owned())
}

async fn create(t: &Taskwell, token: &str, new: Value) -> Value {
    let reply = t.post("/api/tasks").token(token).json(&new).send().await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

fn path(task: &Value) -> String {
    format!("/api/tasks/{}", task["id"].as_str().unwrap())
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn refused(reply: &Reply, status: u16, detail: &str) {
    assert_eq!((reply.status, reply.json()), (status, json!({ "detail": detail })));
}

fn auth_refused(reply: &Reply, status: u16, error: &str, code: &str) {
    let body = json!({ "success": false, "error": error, "error_code": code });
    assert_eq!((reply.status, reply.json()), (status, body));
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

on_each_database! {
    async fn signup_and_signin_answer_user_and_tokens_with_200(t) {
        let new = json!({ "email": "user@example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
        for path in ["/api/auth/signup", "/api/auth/signin"] {
            let reply = t.post(path).json(&new).send().await;
            assert_eq!(reply.status, 200);
            let body = reply.json();
            assert_eq!(names(&body), ["refresh_token", "success", "token", "token_type", "user"]);
            assert_eq!((&body["success"], &body["token_type"]), (&json!(true), &json!("bearer")));
            let user = &body["user"];
            assert_eq!(names(user), ["created_at", "email", "email_verified", "id", "is_active", "role"]);
            assert_eq!((&user["email"], &user["is_active"], &user["email_verified"], &user["role"]),
                (&json!("user@example.com"), &json!(true), &json!(false), &json!("user")));
            uuid::Uuid::try_parse(user["id"].as_str().unwrap()).unwrap();
        }
    }

    async fn a_taken_address_is_email_exists(t) {
        sign_up(&t, "user@example.com").await;
        let new = json!({ "email": "User@Example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
        auth_refused(&t.post("/api/auth/signup").json(&new).send().await, 400, "Email already exists", "EMAIL_EXISTS");
    }

    async fn passwords_that_differ_are_told(t) {
        let new = json!({ "email": "user@example.com", "password": PASSWORD, "confirmPassword": "Other.Password-1" });
        let reply = t.post("/api/auth/signup").json(&new).send().await;
        auth_refused(&reply, 400, "Passwords do not match", "PASSWORDS_DO_NOT_MATCH");
    }

    async fn an_invalid_or_empty_email_is_told(t) {
        for email in ["nowhere", "", "a b@example.com", "a@", "Ada <ada@example.com>", "ada@[127.0.0.1]"] {
            let new = json!({ "email": email, "password": PASSWORD, "confirmPassword": PASSWORD });
            let reply = t.post("/api/auth/signup").json(&new).send().await;
            auth_refused(&reply, 400, "Invalid email format", "INVALID_EMAIL");
        }
    }

    async fn a_password_needs_8_characters_both_cases_a_digit_and_a_special_one(t) {
        for weak in ["Ab1!", "securePassword123", "lower.case-1843", "UPPER.CASE-1843", "No.Digit-Here"] {
            let new = json!({ "email": "user@example.com", "password": weak, "confirmPassword": weak });
            let reply = t.post("/api/auth/signup").json(&new).send().await;
            assert_eq!((reply.status, &reply.json()["error_code"]), (400, &json!("WEAK_PASSWORD")), "{weak}");
        }
        // The other doors ask for the house rule alone.
        let new = json!({ "username": "ada", "email": "user@example.com", "password": "securePassword123x" });
        assert_eq!(t.post("/api/v1/auth/signup").json(&new).send().await.status, 201);
    }

    async fn missing_members_are_a_validation_error_that_names_them_all(t) {
        let reply = t.post("/api/auth/signup").json(&json!({ "email": 5 })).send().await;
        let body = reply.json();
        assert_eq!((reply.status, &body["error_code"]), (400, &json!("VALIDATION_ERROR")));
        for field in ["email", "password", "confirmPassword"] {
            assert!(body["error"].as_str().unwrap().contains(&format!("{field}:")), "{body}");
        }
    }

    async fn wrong_credentials_are_one_answer_also_for_a_deactivated_account(t) {
        sign_up(&t, "user@example.com").await;
        let try_in = |email: &str, password: &str| json!({ "email": email, "password": password });
        for proof in [try_in("user@example.com", "wrong"), try_in("nobody@example.com", PASSWORD)] {
            let reply = t.post("/api/auth/signin").json(&proof).send().await;
            auth_refused(&reply, 401, "Incorrect email or password", "INVALID_CREDENTIALS");
        }
        t.make_admin("user").await;
        t.user("root").await;
        t.make_admin("root").await;
        let root = t.login("root").await;
        let off = t.patch("/api/v1/users/1").token(&root).json(&json!({ "is_active": false })).send().await;
        assert_eq!(off.status, 200, "{off:?}");
        let reply = t.post("/api/auth/signin").json(&try_in("user@example.com", PASSWORD)).send().await;
        auth_refused(&reply, 401, "Incorrect email or password", "INVALID_CREDENTIALS");
    }

    async fn signout_ends_the_session_in_every_tree(t) {
        let (token, _) = sign_up(&t, "user@example.com").await;
        let reply = t.post("/api/auth/signout").token(&token).send().await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "success": true, "message": "Successfully signed out" })));
        refused(&t.get("/api/tasks").token(&token).send().await, 401, "Not authenticated");
        assert_eq!(t.get("/api/v1/tasks").token(&token).send().await.status, 401);
        assert_eq!(t.get("/tasks").token(&token).send().await.status, 401);
        auth_refused(&t.post("/api/auth/signout").token(&token).send().await, 401, "Not authenticated", "INVALID_TOKEN");
    }

    async fn refresh_rotates_and_reuse_ends_the_session(t) {
        let new = json!({ "email": "user@example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
        let first = t.post("/api/auth/signup").json(&new).send().await.json();
        let old = json!({ "refresh_token": first["refresh_token"] });
        let second = t.post("/api/auth/refresh").json(&old).send().await;
        assert_eq!(second.status, 200);
        assert_ne!(second.json()["refresh_token"], first["refresh_token"]);
        t.clock.advance_s(11);
        auth_refused(&t.post("/api/auth/refresh").json(&old).send().await, 401, "Invalid token", "INVALID_TOKEN");
        let token = second.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(t.get("/api/tasks").token(&token).send().await.status, 401);
    }

    async fn without_a_token_every_task_route_is_401_not_authenticated(t) {
        let some = "/api/tasks/01a1fb26-21e1-73a9-8ab0-263b2a1e955b";
        for call in [t.get("/api/tasks"), t.post("/api/tasks"), t.get(some), t.put(some), t.delete(some),
            t.patch(&format!("{some}/complete"))] {
            let reply = call.send().await;
            refused(&reply, 401, "Not authenticated");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }

    async fn a_new_task_has_every_member_and_the_defaults(t) {
        let (token, user) = sign_up(&t, "user@example.com").await;
        let task = create(&t, &token, json!({ "title": " New task " })).await;
        assert_eq!(names(&task), TASK);
        assert_eq!((&task["user_id"], &task["title"], &task["status"], &task["priority"]),
            (&json!(user), &json!("New task"), &json!("pending"), &json!("medium")));
        assert_eq!((&task["description"], &task["due_date"], &task["completed_at"]), (&Value::Null, &Value::Null, &Value::Null));
        let full = json!({ "title": "t", "description": "d", "status": "in_progress", "priority": "urgent", "due_date": "2023-12-31T10:00:00Z" });
        let task = create(&t, &token, full.clone()).await;
        for (name, value) in full.as_object().unwrap() {
            assert_eq!(&task[name], value);
        }
    }

    async fn bad_input_is_400_with_a_validation_error_that_lists_every_field(t) {
        let (token, _) = sign_up(&t, "user@example.com").await;
        let bad = json!({ "title": "x".repeat(201), "status": "todo", "priority": "extreme", "due_date": "soon" });
        let reply = t.post("/api/tasks").token(&token).json(&bad).send().await;
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert_eq!(reply.status, 400);
        assert!(detail.starts_with("Validation error: "));
        for field in ["title: must have at most 200 characters, but has 201", "status:", "priority:", "due_date:"] {
            assert!(detail.contains(field), "{detail}");
        }
    }

    async fn the_list_is_an_array_newest_first_narrowed_by_the_query(t) {
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

    async fn somebody_elses_task_is_403_and_a_missing_one_404(t) {
        let (token, _) = sign_up(&t, "user@example.com").await;
        let (other, _) = sign_up(&t, "other@example.com").await;
        let theirs = path(&create(&t, &other, json!({ "title": "x" })).await);
        let missing = "/api/tasks/01a1fb26-21e1-73a9-8ab0-263b2a1e955b".to_owned();
        for (path, status, detail) in [(theirs, 403, FORBIDDEN), (missing, 404, "Task not found")] {
            refused(&t.get(&path).token(&token).send().await, status, detail);
            refused(&t.put(&path).token(&token).json(&json!({ "title": "y" })).send().await, status, detail);
            refused(&t.delete(&path).token(&token).send().await, status, detail);
            let complete = t.patch(&format!("{path}/complete")).token(&token);
            refused(&complete.json(&json!({ "completed": true })).send().await, status, detail);
        }
        let malformed = t.get("/api/tasks/1").token(&token).send().await;
        refused(&malformed, 400, "Validation error: task_id: must be a UUID");
    }

    async fn an_update_changes_what_is_given_and_keeps_the_rest(t) {
        let (token, _) = sign_up(&t, "user@example.com").await;
        let task = create(&t, &token, json!({ "title": "t", "description": "d", "due_date": "2026-01-01" })).await;
        t.clock.advance_s(5);
        let reply = t.put(&path(&task)).token(&token).json(&json!({ "status": "in_progress", "due_date": null })).send().await;
        let new = reply.json();
        assert_eq!((reply.status, names(&new)), (200, TASK.to_vec()));
        assert_eq!((&new["title"], &new["description"], &new["status"], &new["due_date"]),
            (&json!("t"), &json!("d"), &json!("in_progress"), &Value::Null));
        assert_ne!(new["updated_at"], task["updated_at"]);
        assert_eq!(reply.header("etag"), Some("\"2\""));
        for name in ["title", "status", "priority"] {
            let reply = t.put(&path(&task)).token(&token).json(&json!({ name: null })).send().await;
            assert_eq!(reply.status, 400, "{name}");
        }
    }

    async fn a_given_completed_at_completes_and_null_reopens_unless_status_says_otherwise(t) {
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
            assert_eq!((&new["status"], &new["completed_at"]), (&json!(status), &completed_at), "{body}");
        }
    }

    async fn complete_completes_reopens_and_needs_its_member(t) {
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

    async fn deletion_answers_success_and_is_guarded(t) {
        let (token, _) = sign_up(&t, "user@example.com").await;
        let task = create(&t, &token, json!({ "title": "x" })).await;
        let stale = t.delete(&path(&task)).token(&token).header("if-match", "\"7\"").send().await;
        assert_eq!(stale.status, 412);
        let reply = t.delete(&path(&task)).token(&token).header("if-match", "W/\"7\", \"1\"").send().await;
        assert_eq!((reply.status, reply.json()), (200, json!({ "success": true, "message": "Task deleted successfully" })));
        refused(&t.get(&path(&task)).token(&token).send().await, 404, "Task not found");
    }

    async fn pages_of_known_origins_may_call_and_see_the_headers(t) {
        let reply = t.get("/api/tasks").header("origin", "http://localhost:5173").send().await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in ["etag", "link", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"] {
            assert!(exposed.split(',').any(|exposed| exposed == name), "{exposed}");
        }
        let preflight = t.call(axum::http::Method::OPTIONS, "/api/tasks").header("origin", "http://localhost:5173")
            .header("access-control-request-method", "PATCH").header("access-control-request-headers", "authorization,baggage,cache-control,sentry-trace,x-of-a-tunnel").send().await;
        assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization,baggage,cache-control,sentry-trace,x-of-a-tunnel"));
        assert!(preflight.header("access-control-allow-methods").unwrap().contains("PATCH"));
        let foreign = t.get("/api/tasks").header("origin", "https://evil.example").send().await;
        assert_eq!(foreign.header("access-control-allow-origin"), None);
    }
}
