//! Compressed responses: which clients get them, which responses stay uncompressed, and how their
//! versions still guard writes.

use std::io::Read as _;
use std::process::Command;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::support::process::Server;
use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

fn unpressed(reply: &Reply) -> Vec<u8> {
    assert_eq!(reply.header("content-encoding"), Some("gzip"), "{:?}", reply.headers);
    let mut plain = Vec::new();
    GzDecoder::new(&reply.body[..]).read_to_end(&mut plain).unwrap();
    plain
}

fn varies(reply: &Reply) -> bool {
    reply
        .headers
        .get_all("vary")
        .iter()
        .any(|value| value.to_str().unwrap().contains("accept-encoding"))
}

async fn get(t: &Taskwell, token: &str, path: &str, accepted: &str) -> Reply {
    t.get(path).token(token).header("accept-encoding", accepted).send().await
}

/// Creates an account with this number of tasks. Returns its token.
async fn with_tasks(t: &Taskwell, count: usize) -> String {
    let token = t.user("ada").await;
    let new = json!({ "title": "a title", "description": "x ".repeat(500) });
    for _ in 0..count {
        assert_eq!(t.post("/api/v1/tasks").token(&token).json(&new).send().await.status, 201);
    }
    token
}

#[on_each_database]
async fn whoever_asks_for_gzip_gets_the_same_answer_compressed(t: Taskwell) {
    let token = with_tasks(&t, 80).await;
    for path in [
        "/api/v1/tasks",
        "/api/v1/tasks?limit=2",
        "/api/tasks",
        "/tasks",
        "/api/v1/tasks/1",
        "/api/v1/changes",
        "/openapi.json",
        "/docs/assets/swagger-ui.css",
    ] {
        let plain = t.get(path).token(&token).send().await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, None), "{path}");
        let pressed = get(&t, &token, path, "gzip, deflate, br").await;
        assert!(unpressed(&pressed) == plain.body, "{path}");
        assert!(
            pressed.body.len() * 2 < plain.body.len(),
            "{path}: {} of {}",
            pressed.body.len(),
            plain.body.len()
        );
        assert!(varies(&plain) && varies(&pressed), "{path}");
        assert_eq!(pressed.header("content-type"), plain.header("content-type"), "{path}");
        for accepted in
            ["br", "identity", "gzip;q=0", "gzip;q=0, *;q=1", "*;q=0", "gzip;q=0.5, identity;q=1"]
        {
            let reply = get(&t, &token, path, accepted).await;
            assert!(
                reply.header("content-encoding").is_none() && reply.body == plain.body,
                "{path} {accepted}"
            );
        }
    }
    let refused =
        get(&t, &token, &format!("/api/v1/tasks?sort={}", "x".repeat(2000)), "gzip").await;
    assert_eq!(refused.status, 422);
}

#[on_each_database]
async fn a_compressed_version_guards_reads_as_the_plain_one_does(t: Taskwell) {
    let token = t.user("ada").await;
    let uuid = t.task(&token, "short").await["uuid"].as_str().unwrap().to_owned();
    let paths =
        [format!("/api/v1/tasks/{uuid}"), format!("/api/tasks/{uuid}"), format!("/tasks/{uuid}")];
    for path in &paths {
        let pressed = get(&t, &token, path, "gzip").await;
        let plain = t.get(path).token(&token).send().await;
        assert_eq!(
            (pressed.header("etag"), plain.header("etag")),
            (Some("\"1-gzip\""), Some("\"1\"")),
            "{path}"
        );
        assert_eq!(unpressed(&pressed), plain.body);
        for (tag, accepted, status, etag) in [
            ("\"1-gzip\"", "gzip", 304, "\"1-gzip\""),
            ("W/\"1-gzip\"", "gzip", 304, "\"1-gzip\""),
            ("\"1\"", "gzip", 304, "\"1\""),
            ("\"1-gzip\"", "br", 304, "\"1\""),
            ("\"2-gzip\"", "gzip", 200, "\"1-gzip\""),
            ("\"1-gzip-gzip\"", "gzip", 200, "\"1-gzip\""),
            ("\"1-br\"", "br", 200, "\"1\""),
            ("\"-gzip\"", "br", 200, "\"1\""),
        ] {
            let reply = t
                .get(path)
                .token(&token)
                .header("accept-encoding", accepted)
                .header("if-none-match", tag)
                .send()
                .await;
            let got = (reply.status, reply.header("etag"));
            assert_eq!(got, (status, Some(etag)), "{path} {tag} {accepted}");
            assert!(varies(&reply), "{path} {tag}");
        }
    }
}

#[on_each_database]
async fn a_compressed_version_guards_writes_as_the_plain_one_does(t: Taskwell) {
    let token = t.user("ada").await;
    let uuid = t.task(&token, "short").await["uuid"].as_str().unwrap().to_owned();
    let paths =
        [format!("/api/v1/tasks/{uuid}"), format!("/api/tasks/{uuid}"), format!("/tasks/{uuid}")];
    for (tag, status) in [("W/\"1-gzip\"", 412), ("\"2-gzip\"", 412), ("\"1-gzip\"", 200)] {
        let call = t
            .put(&paths[0])
            .token(&token)
            .header("if-match", tag)
            .header("accept-encoding", "gzip");
        let reply = call.json(&json!({ "title": "longer" })).send().await;
        assert_eq!(reply.status, status, "{tag}");
        assert!(status != 200 || reply.header("etag") == Some("\"2-gzip\""), "{:?}", reply.headers);
    }
    let body = json!({ "completed": true });
    let done = t
        .patch(&format!("{}/complete", paths[1]))
        .token(&token)
        .header("if-match", "\"2-gzip\"")
        .json(&body)
        .send()
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(
        t.delete(&paths[2]).token(&token).header("if-match", "\"3-gzip\"").send().await.status,
        200
    );
}

#[on_each_database]
async fn secrets_and_streams_of_events_are_never_compressed(t: Taskwell) {
    let token = t.user("ada").await;
    let proof = json!({ "email": "ada@example.org", "username": "ada", "password": PASSWORD });
    let sent = async |path: &str, body: &Value| {
        let reply =
            t.post(path).token(&token).header("accept-encoding", "gzip").json(body).send().await;
        assert!(reply.status < 300, "{path} {reply:?}");
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        assert!(!varies(&reply), "{path}");
    };
    for path in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
        sent(path, &proof).await;
    }
    sent("/api/v1/users/me/tokens", &json!({ "name": "x", "scopes": ["tasks:read"] })).await;
    // Its QR code makes it long.
    sent("/api/v1/users/me/totp", &json!({ "password": PASSWORD })).await;
    let page = t.get("/change-password").header("accept-encoding", "gzip").send().await;
    assert!(page.body.len() > 1024 && page.header("content-encoding").is_none(), "{page:?}");
    let events = get(&t, &token, "/api/v1/events", "gzip").await;
    assert_eq!((events.status, events.header("content-encoding")), (200, None));
}

#[on_each_database]
async fn what_is_short_and_has_no_version_is_sent_as_it_is(t: Taskwell) {
    let token = t.user("ada").await;
    for path in ["/livez", "/version", "/api/v1/users/me", "/api/v1/tasks", "/api/v1/tasks/99"] {
        let reply = get(&t, &token, path, "gzip").await;
        assert!(
            reply.header("content-encoding").is_none() && !varies(&reply),
            "{path} {:?}",
            reply.headers
        );
    }
    let empty = t
        .delete("/api/v1/users/me/sessions")
        .token(&token)
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!((empty.status, empty.header("content-encoding"), empty.body.len()), (204, None, 0));
}

#[on_each_database]
async fn a_list_that_breaks_off_does_so_compressed_too(t: Taskwell) {
    let token = with_tasks(&t, 600).await;
    let call = t.get("/api/v1/tasks").token(&token).header("accept-encoding", "gzip");
    let response = call.open().await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    t.delete("/api/v1/users/me/sessions").token(&token).send().await;
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    assert!(body.is_err(), "the list ended well without its end");
}

#[tokio::test]
async fn head_answers_are_left_alone() {
    let t = Taskwell::on_sqlite();
    let token = with_tasks(&t, 2).await;
    for path in ["/api/v1/tasks/1", "/api/v1/tasks", "/openapi.json"] {
        let call =
            t.call(axum::http::Method::HEAD, path).token(&token).header("accept-encoding", "gzip");
        let reply = call.send().await;
        assert_eq!(
            (reply.status, reply.body.len(), reply.header("content-encoding")),
            (200, 0, None),
            "{path}"
        );
    }
}

#[test]
fn a_long_answer_arrives_whole_over_both_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let url = format!("http://{}/docs/assets/swagger-ui-bundle.js", server.address);
    let fetch = |options: &[&str]| {
        let output =
            Command::new("curl").args(["--silent", "--fail", &url]).args(options).output().unwrap();
        assert!(output.status.success(), "{options:?}");
        output.stdout
    };
    let plain = fetch(&[]);
    assert!(plain.len() > 500_000, "{}", plain.len());
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        assert!(fetch(&[protocol, "--compressed"]) == plain, "{protocol}");
        let pressed = fetch(&[protocol, "--header", "accept-encoding: gzip"]);
        assert!(pressed.len() * 2 < plain.len(), "{protocol}: {}", pressed.len());
    }
}
