//! Personal access tokens: what they can do, and what no token can do.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Taskwell, on_each_database};

async fn make(t: &Taskwell, session: &str, scopes: &[&str]) -> Value {
    let new = json!({ "name": "a script", "scopes": scopes, "expires_in_days": 30 });
    let reply = t.post("/api/v1/users/me/tokens").token(session).json(&new).send().await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

async fn secret(t: &Taskwell, session: &str, scopes: &[&str]) -> String {
    make(t, session, scopes).await["token"].as_str().unwrap().to_owned()
}

/// The operations of each scope. All others require a session.
const OPENED: [(&str, &[(&str, &str)]); 4] = [
    (
        "tasks:read",
        &[
            ("GET", "/api/v1/tasks"),
            ("GET", "/api/v1/tasks/1"),
            ("GET", "/tasks"),
            ("GET", "/tasks/1"),
            ("GET", "/api/tasks"),
            ("GET", "/api/tasks/{uuid}"),
        ],
    ),
    (
        "tasks:write",
        &[
            ("POST", "/api/v1/tasks"),
            ("PUT", "/api/v1/tasks/1"),
            ("PATCH", "/api/v1/tasks/1"),
            ("POST", "/tasks"),
            ("POST", "/api/tasks"),
            ("PUT", "/api/tasks/{uuid}"),
            ("PATCH", "/api/tasks/{uuid}/complete"),
            ("DELETE", "/api/v1/tasks/{other}"),
        ],
    ),
    (
        "account:read",
        &[
            ("GET", "/api/v1/users/me"),
            ("GET", "/api/v1/users/me/sessions"),
            ("GET", "/api/v1/users/me/tokens"),
            ("GET", "/api/v1/audit"),
        ],
    ),
    (
        "admin",
        &[
            ("GET", "/api/v1/users"),
            ("GET", "/api/v1/users/2"),
            ("PATCH", "/api/v1/users/2"),
            ("GET", "/api/v1/users/2/tasks"),
            ("GET", "/api/v1/users/2/sessions"),
            ("GET", "/api/v1/audit"),
            ("DELETE", "/api/v1/users/2/sessions"),
        ],
    ),
];
const SESSIONS_ONLY: [(&str, &str); 8] = [
    ("PATCH", "/api/v1/users/me"),
    ("DELETE", "/api/v1/users/me"),
    ("POST", "/api/v1/users/me/password"),
    ("DELETE", "/api/v1/users/me/sessions"),
    ("POST", "/api/v1/users/me/tokens"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/auth/signout"),
    ("DELETE", "/api/v1/users/me/tokens/01a1fb26-21e1-73a9-8ab0-263b2a1e955b"),
];

fn body(path: &str) -> Value {
    json!({
        "title": "there", "completed": true,
        "name": if path.contains("users") { "Ada" } else { "there" },
        "password": PASSWORD, "current_password": PASSWORD,
        "new_password": "Difference.Engine-1822",
        "scopes": ["tasks:read"],
    })
}

async fn status(t: &Taskwell, token: &str, (method, path): (&str, &str), uuid: &str) -> u16 {
    let other = if path.contains("{other}") { t.task_of(token).await } else { String::new() };
    let path = path.replace("{uuid}", uuid).replace("{other}", &other);
    let call = t.call(method.parse().unwrap(), &path).token(token);
    let call = if method == "GET" || method == "DELETE" && !path.ends_with("/me") {
        call
    } else {
        call.json(&body(&path))
    };
    call.send().await.status
}

#[on_each_database]
async fn a_token_may_what_its_scopes_say_and_nothing_else(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    t.user("ada").await;
    let uuid = t.task(&root, "here").await["uuid"].as_str().unwrap().to_owned();
    let every: Vec<(&str, &str)> =
        OPENED.iter().flat_map(|(_, calls)| calls.iter().copied()).chain(SESSIONS_ONLY).collect();
    for (scope, opened) in OPENED {
        let token = secret(&t, &root, &[scope]).await;
        for call in &every {
            // An endpoint that two scopes open.
            if call.1.contains("{other}") && scope != "tasks:write" {
                continue;
            }
            let status = status(&t, &token, *call, &uuid).await;
            if opened.contains(call) {
                assert!((200..300).contains(&status), "{scope} {call:?}: {status}");
            } else {
                assert_eq!(status, 403, "{scope} {call:?}");
            }
        }
    }
}

#[on_each_database]
async fn an_admins_scope_is_an_admins_and_ends_with_the_role(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    let new = json!({ "name": "x", "scopes": ["admin"] });
    assert_eq!(t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.status, 403);
    t.make_admin("ada").await;
    let token = secret(&t, &ada, &["admin"]).await;
    assert_eq!(t.get("/api/v1/users").token(&token).send().await.status, 200);
    let off = t.patch("/api/v1/users/2").token(&root).json(&json!({ "role": "user" })).send().await;
    assert_eq!(off.status, 200);
    assert_eq!(t.get("/api/v1/users").token(&token).send().await.status, 403);
}

#[on_each_database]
async fn a_token_is_shown_once_listed_and_refused_when_it_ends(t: Taskwell) {
    let ada = t.user("ada").await;
    let made = make(&t, &ada, &["tasks:write", "tasks:read"]).await;
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("twpat_") && token.len() == 78, "{token}");
    assert_eq!(made["scopes"], json!(["tasks:read", "tasks:write"]));
    let list = async || t.get("/api/v1/users/me/tokens").token(&ada).send().await.json();
    assert_eq!(
        (&list().await[0]["last_used_at"], &list().await[0]["token"]),
        (&Value::Null, &Value::Null)
    );
    t.task(token, "by a script").await;
    assert!(list().await[0]["last_used_at"].is_string());
    let stored = format!("{:?}", t.rows("SELECT * FROM personal_tokens").await);
    assert!(
        stored.contains("a script") && !stored.contains(token) && !stored.contains(&token[6..70])
    );

    let good = async |token: &str| t.get("/api/v1/tasks").token(token).send().await.status;
    let mistyped = format!("{}0", &token[..77]);
    for no_token in [&mistyped, &token[..77], "twpat_", &token.to_uppercase()] {
        assert!(no_token == token || good(no_token).await == 401, "{no_token}");
    }
    let bob = t.user("bob").await;
    let path = format!("/api/v1/users/me/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(t.delete(&path).token(&bob).send().await.status, 404);
    assert_eq!(good(token).await, 200);
    assert_eq!(t.delete(&path).token(&ada).send().await.status, 204);
    assert_eq!(good(token).await, 401);

    let other = secret(&t, &ada, &["tasks:read"]).await;
    t.clock.advance_s(30 * 86_400 - 60);
    assert_eq!(good(&other).await, 200);
    t.clock.advance_s(61);
    assert_eq!(good(&other).await, 401);
}

#[on_each_database]
async fn a_deactivated_account_has_no_tokens_and_there_are_not_too_many(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    let token = secret(&t, &ada, &["tasks:read"]).await;
    for _ in 1..100 {
        secret(&t, &ada, &["tasks:read"]).await;
    }
    let new = json!({ "name": "x", "scopes": ["tasks:read"] });
    assert_eq!(t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.status, 409);
    t.patch("/api/v1/users/2").token(&root).json(&json!({ "is_active": false })).send().await;
    assert_eq!(t.get("/api/v1/tasks").token(&token).send().await.status, 401);
}

#[on_each_database]
async fn what_is_wrong_with_a_new_token_is_told_by_its_members(t: Taskwell) {
    let ada = t.user("ada").await;
    for (new, wrong) in [
        (json!({}), vec!["name", "scopes"]),
        (json!({ "name": "", "scopes": [] }), vec!["name", "scopes"]),
        (json!({ "name": "x", "scopes": ["tasks:read", "root"] }), vec!["scopes"]),
        (json!({ "name": "x", "scopes": "tasks:read" }), vec!["scopes"]),
        (
            json!({ "name": "x", "scopes": [5], "expires_in_days": 0 }),
            vec!["scopes", "expires_in_days"],
        ),
        (
            json!({ "name": 5, "scopes": null, "expires_in_days": 367 }),
            vec!["name", "scopes", "expires_in_days"],
        ),
        (
            json!({ "name": "x", "scopes": ["admin"], "expires_in_days": 1.5 }),
            vec!["expires_in_days"],
        ),
    ] {
        let reply = t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await;
        assert_eq!(
            (reply.status, reply.wrong_fields()),
            (422, wrong.into_iter().map(str::to_owned).collect()),
            "{new}"
        );
    }
}
