//! Security headers of all responses, on every route and for every kind of failure.

use axum::http::Method;
use serde_json::json;

use crate::hostile::endpoints;
use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

const PAGES: [&str; 4] = ["/docs", "/verify-email", "/reset-password", "/change-password"];
/// Routes outside the document.
const OTHERS: [&str; 17] = [
    "/",
    "/version",
    "/livez",
    "/readyz",
    "/openapi.json",
    "/docs/start.js",
    "/docs/assets/swagger-ui.css",
    "/docs/assets/swagger-ui-bundle.js",
    "/docs/assets/nothing",
    "/.well-known/jwks.json",
    "/.well-known/security.txt",
    "/.well-known/change-password",
    "/nothing",
    "/api/nothing",
    "/api/auth/nothing",
    "/api/v1/nothing",
    "/%ff",
];

/// Asserts that a response has all of them, each once. Returns its policy.
fn guarded(reply: &Reply, what: &str, https: bool) -> String {
    let value = |name: &str| {
        let values: Vec<_> =
            reply.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        assert!(values.len() <= 1, "{what}: {name} stands there twice: {values:?}");
        values.first().map(|value| (*value).to_owned())
    };
    let there = |name: &str| {
        value(name).unwrap_or_else(|| panic!("{what}: {name} is missing: {:?}", reply.headers))
    };
    assert_eq!(there("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(there("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(there("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(value("strict-transport-security").is_some(), https, "{what}");
    assert_eq!(value("set-cookie"), None, "{what}");
    there("cache-control");
    there("x-request-id");
    let policy = there("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; "), "{what}: {policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}: {policy}");
    policy
}

#[on_each_database]
async fn every_route_and_every_failure_has_them(t: Taskwell) {
    let token = t.user("ada").await;
    let uuid = t.task(&token, "here").await["uuid"].as_str().unwrap().to_owned();
    let all = endpoints();
    let mut seen = std::collections::BTreeSet::new();
    for endpoint in &all {
        // Some of them end the session that sends them.
        let token = t.login("ada").await;
        let path = endpoint.path.replace("{task_id}", &uuid).replace("{user_id}", "1");
        let path = path.replace("{session_id}", &uuid).replace("{token_id}", &uuid);
        let call = |method: &Method| t.call(method.clone(), &path);
        let json = |body: &'static str| {
            call(&endpoint.method)
                .token(&token)
                .header("content-type", "application/json")
                .body(body)
        };
        for (n, call) in [
            call(&endpoint.method),
            call(&endpoint.method).token("x"),
            call(&endpoint.method).header("origin", "https://evil.example"),
            call(&endpoint.method).header("origin", "http://localhost:3000"),
            json("{"),
            json("{}"),
            call(&endpoint.method).token(&token).header("content-type", "text/plain").body("x"),
            call(&Method::TRACE),
            call(&Method::OPTIONS)
                .header("origin", "http://localhost:3000")
                .header("access-control-request-method", "GET"),
            t.call(endpoint.method.clone(), &format!("{path}?limit=x&nonsense=1")).token(&token),
        ]
        .into_iter()
        .enumerate()
        {
            let reply = call.send().await;
            guarded(&reply, &format!("{} {path} {n}", endpoint.method), false);
            seen.insert(reply.status);
        }
    }
    let large = t
        .post("/api/v1/auth/login")
        .header("content-type", "application/json")
        .body(vec![b' '; 1024 * 1024 + 1]);
    for reply in
        [large.send().await, t.get("/api/tasks/x").token(&t.login("ada").await).send().await]
    {
        guarded(&reply, "a failure", false);
        seen.insert(reply.status);
    }
    for status in [200, 400, 401, 404, 405, 413, 415, 422] {
        assert!(seen.contains(&status), "{status} was not met: {seen:?}");
    }
    for path in PAGES.iter().chain(&OTHERS) {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            guarded(&t.call(method.clone(), path).send().await, &format!("{method} {path}"), false);
        }
    }
}

#[on_each_database]
async fn what_holds_tokens_is_kept_by_no_cache(t: Taskwell) {
    t.user("ada").await;
    let proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    for door in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
        let reply = t.post(door).json(&proof).send().await;
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (200, Some("no-store")),
            "{door}"
        );
        let refresh = json!({ "refresh_token": reply.json()["refresh_token"] });
        let again = match door {
            "/api/v1/auth/login" => "/api/v1/auth/refresh",
            "/api/auth/signin" => "/api/auth/refresh",
            "/user/login" => "/user/refresh-token",
            _ => continue,
        };
        let reply = t.post(again).json(&refresh).send().await;
        assert_eq!(
            (reply.status, reply.header("cache-control")),
            (200, Some("no-store")),
            "{again}"
        );
    }
}

#[tokio::test]
async fn a_page_has_nothing_inline_that_its_policy_forbids() {
    let t = Taskwell::on_sqlite();
    for path in PAGES {
        let reply = t.get(path).send().await;
        let policy = guarded(&reply, path, false);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        let page = reply.text();
        for inline in ["<style", " style=", "javascript:", " onclick=", " onload=", "<script>"] {
            assert!(!page.contains(inline), "{path}: {inline} with {policy}");
        }
        for (tag, directive) in [
            ("<script src=\"/", "script-src 'self'"),
            ("rel=\"stylesheet\"", "style-src 'self'"),
            ("<form", "form-action 'self'"),
        ] {
            assert!(
                !page.contains(tag) || policy.contains(directive),
                "{path}: {tag} with {policy}"
            );
        }
    }
}

#[tokio::test]
async fn where_people_come_by_https_browsers_are_told_to_stay() {
    let mut t = Taskwell::on_sqlite();
    t.reopen(|settings| settings.public_url = "https://tasks.example.org".into());
    for path in PAGES.iter().chain(&OTHERS) {
        guarded(&t.get(path).send().await, path, true);
    }
    guarded(&t.get("/api/v1/tasks").send().await, "401", true);
}
