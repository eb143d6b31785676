//! Contract 001, line by line: `/api/auth` and `/api/tasks`.

mod tasks;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Signs up. Returns the token and the user's UUID.
async fn sign_up(t: &Taskwell, email: &str) -> (String, String) {
    let new = json!({ "email": email, "password": PASSWORD, "confirmPassword": PASSWORD });
    let reply = t.post("/api/auth/signup").json(&new).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    (body["token"].as_str().unwrap().to_owned(), body["user"]["id"].as_str().unwrap().to_owned())
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

#[on_each_database]
async fn signup_and_signin_answer_user_and_tokens_with_200(t: Taskwell) {
    let new =
        json!({ "email": "user@example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
    for path in ["/api/auth/signup", "/api/auth/signin"] {
        let reply = t.post(path).json(&new).send().await;
        assert_eq!(reply.status, 200);
        let body = reply.json();
        assert_eq!(names(&body), ["refresh_token", "success", "token", "token_type", "user"]);
        assert_eq!((&body["success"], &body["token_type"]), (&json!(true), &json!("bearer")));
        let user = &body["user"];
        assert_eq!(
            names(user),
            ["created_at", "email", "email_verified", "id", "is_active", "role"]
        );
        assert_eq!(
            (&user["email"], &user["is_active"], &user["email_verified"], &user["role"]),
            (&json!("user@example.com"), &json!(true), &json!(false), &json!("user"))
        );
        uuid::Uuid::try_parse(user["id"].as_str().unwrap()).unwrap();
    }
}

#[on_each_database]
async fn a_taken_address_is_email_exists(t: Taskwell) {
    sign_up(&t, "user@example.com").await;
    let new =
        json!({ "email": "User@Example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
    auth_refused(
        &t.post("/api/auth/signup").json(&new).send().await,
        400,
        "Email already exists",
        "EMAIL_EXISTS",
    );
}

#[on_each_database]
async fn passwords_that_differ_are_told(t: Taskwell) {
    let new = json!({
        "email": "user@example.com", "password": PASSWORD, "confirmPassword": "Other.Password-1"
    });
    let reply = t.post("/api/auth/signup").json(&new).send().await;
    auth_refused(&reply, 400, "Passwords do not match", "PASSWORDS_DO_NOT_MATCH");
}

#[on_each_database]
async fn an_invalid_or_empty_email_is_told(t: Taskwell) {
    for email in
        ["nowhere", "", "a b@example.com", "a@", "Ada <ada@example.com>", "ada@[127.0.0.1]"]
    {
        let new = json!({ "email": email, "password": PASSWORD, "confirmPassword": PASSWORD });
        let reply = t.post("/api/auth/signup").json(&new).send().await;
        auth_refused(&reply, 400, "Invalid email format", "INVALID_EMAIL");
    }
}

#[on_each_database]
async fn a_password_needs_8_characters_both_cases_a_digit_and_a_special_one(t: Taskwell) {
    for weak in ["Ab1!", "securePassword123", "lower.case-1843", "UPPER.CASE-1843", "No.Digit-Here"]
    {
        let new = json!({ "email": "user@example.com", "password": weak, "confirmPassword": weak });
        let reply = t.post("/api/auth/signup").json(&new).send().await;
        assert_eq!(
            (reply.status, &reply.json()["error_code"]),
            (400, &json!("WEAK_PASSWORD")),
            "{weak}"
        );
    }
    // The other endpoints apply only Taskwell's own rule.
    let new =
        json!({ "username": "ada", "email": "user@example.com", "password": "securePassword123x" });
    assert_eq!(t.post("/api/v1/auth/signup").json(&new).send().await.status, 201);
}

#[on_each_database]
async fn missing_members_are_a_validation_error_that_names_them_all(t: Taskwell) {
    let reply = t.post("/api/auth/signup").json(&json!({ "email": 5 })).send().await;
    let body = reply.json();
    assert_eq!((reply.status, &body["error_code"]), (400, &json!("VALIDATION_ERROR")));
    for field in ["email", "password", "confirmPassword"] {
        assert!(body["error"].as_str().unwrap().contains(&format!("{field}:")), "{body}");
    }
}

#[on_each_database]
async fn wrong_credentials_are_one_answer_also_for_a_deactivated_account(t: Taskwell) {
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
    let off =
        t.patch("/api/v1/users/1").token(&root).json(&json!({ "is_active": false })).send().await;
    assert_eq!(off.status, 200, "{off:?}");
    let reply = t.post("/api/auth/signin").json(&try_in("user@example.com", PASSWORD)).send().await;
    auth_refused(&reply, 401, "Incorrect email or password", "INVALID_CREDENTIALS");
}

#[on_each_database]
async fn signout_ends_the_session_in_every_tree(t: Taskwell) {
    let (token, _) = sign_up(&t, "user@example.com").await;
    let reply = t.post("/api/auth/signout").token(&token).send().await;
    assert_eq!(
        (reply.status, reply.json()),
        (
            200,
            json!({ "success": true, "message": "Successfully \
        signed out" })
        )
    );
    refused(&t.get("/api/tasks").token(&token).send().await, 401, "Not authenticated");
    assert_eq!(t.get("/api/v1/tasks").token(&token).send().await.status, 401);
    assert_eq!(t.get("/tasks").token(&token).send().await.status, 401);
    auth_refused(
        &t.post("/api/auth/signout").token(&token).send().await,
        401,
        "Not authenticated",
        "INVALID_TOKEN",
    );
}

#[on_each_database]
async fn refresh_rotates_and_reuse_ends_the_session(t: Taskwell) {
    let new =
        json!({ "email": "user@example.com", "password": PASSWORD, "confirmPassword": PASSWORD });
    let first = t.post("/api/auth/signup").json(&new).send().await.json();
    let old = json!({ "refresh_token": first["refresh_token"] });
    let second = t.post("/api/auth/refresh").json(&old).send().await;
    assert_eq!(second.status, 200);
    assert_ne!(second.json()["refresh_token"], first["refresh_token"]);
    t.clock.advance_s(11);
    auth_refused(
        &t.post("/api/auth/refresh").json(&old).send().await,
        401,
        "Invalid token",
        "INVALID_TOKEN",
    );
    let token = second.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(t.get("/api/tasks").token(&token).send().await.status, 401);
}

#[on_each_database]
async fn without_a_token_every_task_route_is_401_not_authenticated(t: Taskwell) {
    let some = "/api/tasks/01a1fb26-21e1-73a9-8ab0-263b2a1e955b";
    for call in [
        t.get("/api/tasks"),
        t.post("/api/tasks"),
        t.get(some),
        t.put(some),
        t.delete(some),
        t.patch(&format!("{some}/complete")),
    ] {
        let reply = call.send().await;
        refused(&reply, 401, "Not authenticated");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
}

#[on_each_database]
async fn pages_of_known_origins_may_call_and_see_the_headers(t: Taskwell) {
    let reply = t.get("/api/tasks").header("origin", "http://localhost:5173").send().await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:5173"));
    let exposed = reply.header("access-control-expose-headers").unwrap();
    for name in
        ["etag", "link", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id"]
    {
        assert!(exposed.split(',').any(|exposed| exposed == name), "{exposed}");
    }
    let preflight = t
        .call(axum::http::Method::OPTIONS, "/api/tasks")
        .header("origin", "http://localhost:5173")
        .header("access-control-request-method", "PATCH")
        .header(
            "access-control-request-headers",
            "authorization,baggage,cache-control,sentry-trace,x-of-a-tunnel",
        )
        .send()
        .await;
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization,baggage,cache-control,sentry-trace,x-of-a-tunnel")
    );
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PATCH"));
    let foreign = t.get("/api/tasks").header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}
