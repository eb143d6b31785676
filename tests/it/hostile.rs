//! Bad input at every door: each is refused in its tree's own shape, nothing is a 500, nothing is stored.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Every operation of the document: method, path with an id filled in, and whether it reads a body.
fn operations() -> Vec<(String, String, bool)> {
    let document: Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = "01a1fb26-21e1-73a9-8ab0-263b2a1e955b";
            let path = ["{task_id}", "{user_id}", "{session_id}"]
                .iter()
                .fold(path.clone(), |p, name| p.replace(name, id));
            all.push((method.to_uppercase(), path, operation["requestBody"].is_object()));
        }
    }
    assert!(all.len() > 40);
    all
}

/// That the error has the shape of the tree that `path` lies in.
fn is_in_shape(path: &str, reply: &Reply) -> bool {
    let body = reply.json();
    if path.starts_with("/api/v1") {
        reply.header("content-type") == Some("application/problem+json")
            && body["detail"].is_string()
            && body["errors"].is_array()
    } else if path.starts_with("/api/auth") {
        body["success"] == false && body["error"].is_string() && body["error_code"].is_string()
    } else if path.starts_with("/api") {
        body["detail"].is_string()
    } else {
        body["detail"].is_string() && body["detail"] == body["message"]
    }
}

fn rows(t: &Taskwell) -> (i64, i64, i64) {
    let count = |table: &str| {
        t.sql().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    (count("users"), count("tasks"), count("changes"))
}

on_each_database! {
    async fn no_broken_body_gets_through_any_door(t) {
        let token = t.user("ada").await;
        let before = rows(&t);
        let deep = format!("{{\"title\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let bodies: [&[u8]; 12] = [
            b"", b" ", b"{", b"[]", b"null", b"\"title\"", b"{\"title\":}", b"{\"title\":\"\xff\xfe\"}", b"{} {}", b"\xef\xbb\xbf{}",
            b"{\"title\":\"a\",\"title\":\"b\",\"email\":\"a\",\"email\":\"b\",\"refresh_token\":1,\"refresh_token\":1,\"password\":1,\"password\":1,\"username\":1,\"username\":1,\"completed\":1,\"completed\":1}",
            deep.as_bytes(),
        ];
        for (method, path, _) in operations().into_iter().filter(|(.., has_body)| *has_body) {
            let invalid = if path.starts_with("/api/v1") { 422 } else { 400 };
            for body in bodies {
                let method = axum::http::Method::try_from(method.as_str()).unwrap();
                let call = t.call(method.clone(), &path).token(&token).header("content-type", "application/json");
                let reply = call.body(body.to_vec()).send().await;
                let case = format!("{method} {path} {}: {reply:?}", String::from_utf8_lossy(&body[..body.len().min(60)]));
                assert!(reply.status == invalid && is_in_shape(&path, &reply), "{case}");
            }
        }
        assert_eq!(rows(&t), before);
    }

    async fn every_member_of_a_wrong_type_or_null_is_told_at_once(t) {
        let token = t.user("ada").await;
        let before = rows(&t);
        for wrong in [json!(1), json!([]), json!({}), json!(1e300), json!(-0.5), json!("\u{0}\u{1}")] {
            let body = json!({ "title": wrong, "description": wrong, "status": wrong, "priority": wrong, "due_date": wrong, "completed": wrong });
            let reply = t.post("/api/v1/tasks").token(&token).json(&body).send().await;
            let mut fields = reply.wrong_fields();
            fields.sort();
            assert_eq!(fields, ["completed", "description", "due_date", "priority", "status", "title"], "{wrong}");
            let account = json!({ "username": wrong, "email": wrong, "password": wrong, "name": wrong });
            let reply = t.post("/api/v1/auth/signup").json(&account).send().await;
            assert_eq!((reply.status, reply.wrong_fields().len()), (422, 4), "{reply:?}");
        }
        let nulls = json!({ "title": null, "status": null, "priority": null, "completed": null });
        let reply = t.post("/api/v1/tasks").token(&token).json(&nulls).send().await;
        assert_eq!(reply.wrong_fields().len(), 4);
        assert_eq!(rows(&t), before);
    }

    async fn one_over_each_bound_is_refused_and_the_bound_is_not(t) {
        let token = t.user("ada").await;
        for (field, bound) in [("title", 200), ("description", 20_000)] {
            for (chars, status) in [(bound, 201), (bound + 1, 422)] {
                let mut body = json!({ "title": "x" });
                body[field] = json!("é".repeat(chars));
                let reply = t.post("/api/v1/tasks").token(&token).json(&body).send().await;
                assert_eq!(reply.status, status, "{field} {chars}");
            }
        }
        for (field, bound) in [("username", 64), ("name", 100)] {
            for (chars, status) in [(bound, 200), (bound + 1, 422)] {
                let body = json!({ field: "ü".repeat(chars) });
                let reply = t.patch("/api/v1/users/me").token(&token).json(&body).send().await;
                assert_eq!(reply.status, status, "{field} {chars}");
            }
        }
        let email = format!("{}@{}.example", "a".repeat(60), vec!["b".repeat(60); 4].join("."));
        let reply = t.patch("/api/v1/users/me").token(&token).json(&json!({ "email": email })).send().await;
        assert_eq!((email.len() > 254, reply.status), (true, 422));
    }

    async fn titles_are_trimmed_and_normalised_and_hold_no_control_characters(t) {
        let token = t.user("ada").await;
        let task = t.task(&token, " e\u{301} <b>🦀</b> ").await;
        assert_eq!(task["title"], "é <b>🦀</b>");
        for title in ["", "  ", "a\nb", "a\u{0}b", "a\u{85}b", "\u{7f}"] {
            let reply = t.post("/api/v1/tasks").token(&token).json(&json!({ "title": title })).send().await;
            assert_eq!(reply.status, 422, "{title:?}");
        }
    }

    async fn every_route_knows_its_methods_and_types(t) {
        let token = t.user("ada").await;
        for (method, path, has_body) in operations() {
            let wrong = t.call(axum::http::Method::TRACE, &path).token(&token).send().await;
            assert!(wrong.status == 405 && is_in_shape(&path, &wrong), "TRACE {path}: {wrong:?}");
            assert!(wrong.header("allow").unwrap().contains(&method), "{method} {path}");
            let method = axum::http::Method::try_from(method.as_str()).unwrap();
            if has_body {
                let typed = t.call(method.clone(), &path).token(&token).header("content-type", "text/xml").body("<a/>").send().await;
                assert!(typed.status == 415 && is_in_shape(&path, &typed), "{method} {path}: {typed:?}");
                let large = t.call(method, &path).token(&token).header("content-type", "application/json");
                let large = large.body(vec![b' '; 1024 * 1024 + 1]).send().await;
                assert!(large.status == 413 && is_in_shape(&path, &large), "{path}: {large:?}");
            }
        }
        for path in ["/api/v1/nothing", "/api/nothing", "/api/auth/nothing", "/user/nothing", "/auth/x/y", "/nothing"] {
            let reply = t.get(path).send().await;
            assert!(reply.status == 404 && is_in_shape(path, &reply), "{path}: {reply:?}");
        }
    }

    async fn a_wrong_id_hides_nothing_and_only_utf8_is_read(t) {
        let token = t.user("ada").await;
        let reply = t.put("/api/v1/tasks/x").token(&token).json(&json!({ "title": "", "status": 1 })).send().await;
        assert_eq!((reply.status, reply.wrong_fields().len()), (422, 3), "{reply:?}");
        assert_eq!(t.get("/api/v1/tasks?q=%FF").token(&token).send().await.status, 422);
        let plain = "/api/v1/users/me/sessions/01a1fb2621e173a98ab0263b2a1e955b";
        assert_eq!(t.delete(plain).token(&token).send().await.status, 422);
    }

    async fn unknown_members_and_those_of_the_server_are_passed_over(t) {
        let token = t.user("ada").await;
        let body = json!({ "title": "x", "id": 99, "uuid": 5, "user_id": 7, "owner_id": 7, "version": 9, "created_at": "never", "extra": {} });
        let task = t.post("/api/v1/tasks").token(&token).json(&body).send().await.json();
        assert_eq!((&task["id"], &task["user_id"]), (&json!(1), &json!(1)));
        let login = json!({ "email": "ada@example.org", "password": PASSWORD, "extra": [1] });
        assert_eq!(t.post("/api/v1/auth/login").json(&login).send().await.status, 200);
    }
}
