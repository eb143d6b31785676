//! Request heads: normalization of paths, and codings of bodies.

use axum::http::Method;
use serde_json::json;

use crate::support::{PASSWORD, Taskwell, on_each_database};

#[on_each_database]
async fn an_encoded_letter_in_a_path_is_the_letter(t: Taskwell) {
    let token = t.user("ada").await;
    let uuid = t.task(&token, "here").await["uuid"].as_str().unwrap().to_owned();
    let encoded = uuid.replace('-', "%2D");
    for path in [
        "/api/v1/%74asks",
        "/%61%70%69/%76%31/tasks/1",
        "/api/v1/tasks/%31",
        "/api/%74asks/",
        "/%74%61%73%6B%73/1/",
        "/api/v1/users/%6De",
        "/%6cive%7a",
        "/%64ocs",
        &format!("/api/tasks/{encoded}"),
    ] {
        let reply = t.get(path).token(&token).send().await;
        assert_eq!(reply.status, 200, "{path} {reply:?}");
    }
    // The path's tree renders a failure, and a link has the normalized path.
    let reply = t.get("/%61pi/v1/nothing").send().await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (404, Some("application/problem+json"))
    );
    t.task(&token, "another").await;
    let page = t.get("/api/v1/%74asks?limit=1&q=%65").token(&token).send().await;
    assert!(page.header("link").unwrap().starts_with("</api/v1/tasks?"), "{:?}", page.headers);
    // Long descriptions are accepted there, too.
    let long = json!({ "title": "long", "description": "x".repeat(20_000) });
    assert_eq!(t.post("/api/v1/%74asks").token(&token).json(&long).send().await.status, 201);
    for path in [
        "/api/v1%2Ftasks",
        "/api/v1/%2574asks",
        "/api/v1/tasks%2F1",
        "/api/v1/%54asks",
        "/api%20/v1/tasks",
    ] {
        assert_eq!(t.get(path).token(&token).send().await.status, 404, "{path}");
    }
}

#[on_each_database]
async fn one_key_under_two_spellings_of_a_path_is_one_request(t: Taskwell) {
    let token = t.user("ada").await;
    for path in ["/api/v1/tasks", "/api/v1/%74asks", "/api/v1/tasks/"] {
        let call = t.post(path).token(&token).header("idempotency-key", "k");
        assert_eq!(call.json(&json!({ "title": "once" })).send().await.status, 201, "{path}");
    }
    assert_eq!(t.rows("SELECT id FROM tasks").await.len(), 1);
}

#[on_each_database]
async fn a_content_coding_is_refused_by_name_and_none_is_not(t: Taskwell) {
    let token = t.user("ada").await;
    let new = json!({ "title": "x" });
    for coding in ["gzip", "br", "GZIP, identity", "deflate"] {
        for (path, key) in [
            ("/api/v1/tasks", None),
            ("/api/tasks", None),
            ("/tasks", None),
            ("/api/v1/tasks", Some("k")),
        ] {
            let mut call = t.post(path).token(&token).header("content-encoding", coding);
            if let Some(key) = key {
                call = call.header("idempotency-key", key);
            }
            let reply = call.json(&new).send().await;
            assert_eq!(
                (reply.status, reply.header("accept-encoding")),
                (415, Some("identity")),
                "{path} {coding}"
            );
            assert!(reply.text().contains("Content-Encoding"), "{reply:?}");
        }
        let login = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
        for path in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
            let reply = t.post(path).header("content-encoding", coding).json(&login).send().await;
            assert_eq!(reply.status, 415, "{path} {coding} {reply:?}");
        }
    }
    for coding in ["identity", "", "Identity"] {
        let reply = t
            .post("/api/v1/tasks")
            .token(&token)
            .header("content-encoding", coding)
            .json(&new)
            .send()
            .await;
        assert_eq!(reply.status, 201, "{coding}");
    }
}

#[on_each_database]
async fn a_byte_order_mark_before_json_is_ignored(t: Taskwell) {
    let token = t.user("ada").await;
    for path in ["/api/v1/tasks", "/api/tasks", "/tasks"] {
        let call = t.post(path).token(&token).header("content-type", "application/json");
        let reply = call.body("\u{feff} {\"title\": \"\u{feff}x\"}").send().await;
        assert_eq!(reply.status, 201, "{path} {reply:?}");
    }
    let login = format!("\u{feff}{}", json!({ "username": "ada", "password": PASSWORD }));
    let call = t.post("/api/v1/auth/login").header("content-type", "application/json");
    assert_eq!(call.body(login).send().await.status, 200);
    for body in ["\u{feff}", "\u{feff}\u{feff}{}", "{}\u{feff}"] {
        let call = t.post("/api/v1/tasks").token(&token).header("content-type", "application/json");
        assert_eq!(call.body(body).send().await.status, 422, "{body:?}");
    }
}

#[on_each_database]
async fn a_missing_body_is_told_as_such(t: Taskwell) {
    let token = t.user("ada").await;
    let uuid = t.task(&token, "here").await["uuid"].as_str().unwrap().to_owned();
    for (method, path, status) in [
        (Method::PATCH, format!("/api/tasks/{uuid}/complete"), 400),
        (Method::PUT, format!("/api/tasks/{uuid}"), 400),
        (Method::POST, "/tasks".into(), 400),
        (Method::PATCH, format!("/api/v1/tasks/{uuid}"), 422),
        (Method::POST, "/api/v1/auth/login".into(), 422),
        (Method::POST, "/api/auth/signin".into(), 400),
        (Method::POST, "/user/login".into(), 400),
    ] {
        for key in [None, Some("k")] {
            let mut call = t.call(method.clone(), &path).token(&token);
            if let Some(key) = key {
                call = call.header("idempotency-key", key);
            }
            let reply = call.send().await;
            assert_eq!(reply.status, status, "{path} {reply:?}");
            // Contract 000's accounts have one text for all input errors.
            let told =
                if path == "/user/login" { "\"field\":\"body\"" } else { "body: is missing" };
            let is_told =
                reply.text().contains(told) || reply.text().contains("\"code\":\"required\"");
            assert!(is_told, "{path} {reply:?}");
        }
        let call = t.call(method, &path).token(&token).header("content-type", "text/plain");
        assert_eq!(call.body("x").send().await.status, 415, "{path}");
    }
}
