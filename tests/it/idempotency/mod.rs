//! `Idempotency-Key`: a repeated request has one effect and gets the first response.

mod writes;

use std::collections::BTreeSet;

use axum::http::Request;
use futures_util::future::{join_all, poll_immediate};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use taskwell_core::app::App;
use taskwell_core::settings::Settings;
use taskwell_http::Options;

use self::writes::Write;
use crate::support::{PASSWORD, Reply, SECRET, Taskwell, on_each_database};

const KEY: &str = "idempotency-key";
const DAY_S: i64 = 24 * 3600;
const NEW_PASSWORD: &str = "Difference.Engine-1822";

/// Operations whose responses contain tokens or other secrets.
const TOLD_ONCE: [&str; 12] = [
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/users/me/tokens",
    "POST /api/v1/users/me/totp",
    "POST /api/v1/users/me/totp/confirm",
    "POST /api/auth/signup",
    "POST /api/auth/signin",
    "POST /api/auth/refresh",
    "POST /user/login",
    "POST /user/refresh-token",
    "POST /auth",
    "POST /auth/register",
];
/// Operations that end the request's own credentials.
const ENDS: [&str; 4] = [
    "POST /api/v1/auth/logout",
    "POST /api/auth/signout",
    "DELETE /api/v1/users/me",
    "DELETE /api/v1/users/me/sessions",
];

fn assert_same(one: &Reply, other: &Reply) {
    assert_eq!((one.status, one.text()), (other.status, other.text()));
    let headers = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        headers.remove("x-request-id");
        headers
    };
    assert_eq!(headers(one), headers(other), "{one:?}");
}

fn assert_reused(reply: &Reply, operation: &str) {
    assert_eq!(reply.status, 422, "{operation}: {reply:?}");
    assert_told(reply, operation, "IDEMPOTENCY_KEY_REUSED");
}

/// Asserts that a refusal has its tree's format.
fn assert_told(reply: &Reply, operation: &str, code: &str) {
    let path = operation.split_once(' ').unwrap().1;
    let body = reply.json();
    let detail = if path.starts_with("/api/v1") {
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!((&body["type"], &body["status"]), (&json!("about:blank"), &json!(reply.status)));
        &body["detail"]
    } else if path.starts_with("/api/auth") {
        assert_eq!((&body["success"], &body["error_code"]), (&json!(false), &json!(code)));
        &body["error"]
    } else {
        assert!(path.starts_with("/api") || body["detail"] == body["message"], "{body}");
        &body["detail"]
    };
    assert!(detail.as_str().unwrap().contains("Idempotency-Key"), "{body}");
}

fn new_user(name: &str) -> Value {
    json!({
        "username": name, "name": name, "email": format!("{name}@example.org"),
        "password": PASSWORD
    })
}

async fn kept(t: &Taskwell) -> usize {
    t.rows("SELECT hash FROM idempotency_keys").await.len()
}

async fn create(t: &Taskwell, token: &str, key: &str, title: &str) -> Reply {
    t.post("/api/v1/tasks")
        .token(token)
        .header(KEY, key)
        .json(&json!({ "title": title }))
        .send()
        .await
}

#[on_each_database]
async fn of_16_at_once_one_is_done_and_nobody_is_told_otherwise(t: Taskwell) {
    let ada = t.user("ada").await;
    for round in 1..=8 {
        let key = format!("round-{round}");
        let replies = join_all((0..16).map(|_| create(&t, &ada, &key, &key))).await;
        let (made, busy): (Vec<&Reply>, Vec<&Reply>) =
            replies.iter().partition(|reply| reply.status == 201);
        for reply in &made {
            assert_same(made[0], reply);
        }
        for reply in busy {
            assert_eq!((reply.status, reply.header("retry-after")), (409, Some("1")), "{reply:?}");
            assert_told(reply, "POST /api/v1/tasks", "");
        }
        assert_same(made[0], &create(&t, &ada, &key, &key).await);
        assert_eq!(t.rows("SELECT id FROM tasks").await.len(), round);

        let new = new_user(&key);
        for path in ["/api/v1/auth/signup", "/user/signup"] {
            let calls = (0..16).map(|_| t.post(path).header(KEY, &key).json(&new).send());
            let replies = join_all(calls).await;
            let statuses: BTreeSet<u16> = replies.iter().map(|reply| reply.status).collect();
            // At the second path, the address is taken and the key belongs to the first.
            let wanted = if path == "/user/signup" { 422 } else { 201 };
            assert!(
                statuses.contains(&wanted) && statuses.is_subset(&[wanted, 409].into()),
                "{statuses:?}"
            );
        }
        assert_eq!(t.rows("SELECT id FROM users").await.len(), 1 + round);
    }
}

#[on_each_database]
async fn who_is_done_with_at_once_may_change_or_delete_once(t: Taskwell) {
    let ada = t.user("ada").await;
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    let path = "/api/v1/users/me/password";
    let calls = (0..8).map(|_| t.post(path).token(&ada).header(KEY, "new").json(&change).send());
    let replies = join_all(calls).await;
    assert!(replies.iter().all(|reply| [200, 409].contains(&reply.status)), "{replies:?}");
    let task = format!("/api/v1/tasks/{}", t.task_of(&ada).await);
    let calls = (0..8).map(|_| t.delete(&task).token(&ada).header(KEY, "gone").send());
    let replies = join_all(calls).await;
    assert!(replies.iter().all(|reply| [204, 409].contains(&reply.status)), "{replies:?}");
    assert_eq!(t.rows("SELECT id FROM audit WHERE action = 'password_changed'").await.len(), 1);
}

#[on_each_database]
async fn a_key_is_its_accounts_and_for_a_day_and_outlives_a_restart(t: Taskwell) {
    let mut t = t;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let first = create(&t, &ada, "k", "one").await;
    assert_eq!(create(&t, &bob, "k", "another").await.status, 201);
    // Another session of the same account, and other spellings of the key.
    t.clock.advance_s(DAY_S - 60);
    let ada = t.login("ada").await;
    assert_same(&first, &create(&t, &ada, "\"k\"", "one").await);
    t.reopen(|_| ());
    assert_same(&first, &create(&t, &ada, "k", "one").await);
    assert_eq!(create(&t, &ada, "k", "two").await.status, 422);
    while t.operator.prune().await.unwrap() {}
    assert_eq!(kept(&t).await, 2);
    t.clock.advance_s(61);
    let two = create(&t, &ada, "k", "two").await;
    assert_eq!((two.status, kept(&t).await), (201, 2));
    assert_same(&two, &create(&t, &ada, "k", "two").await);
    while t.operator.prune().await.unwrap() {}
    assert_eq!(kept(&t).await, 1, "bob's is pruned");
}

#[on_each_database]
async fn a_token_that_may_less_is_not_told_what_another_may(t: Taskwell) {
    let ada = t.user("ada").await;
    assert_eq!(create(&t, &ada, "k", "one").await.status, 201);
    let new = json!({ "name": "x", "scopes": ["tasks:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.json();
    let reader = made["token"].as_str().unwrap();
    assert_eq!(create(&t, reader, "k", "one").await.status, 422);
    assert_eq!(create(&t, reader, "new", "one").await.status, 403);
}

#[on_each_database]
async fn who_is_no_admin_any_more_is_not_told_again_what_an_admin_was(t: Taskwell) {
    let root = t.user("root").await;
    let eve = t.user("eve").await;
    let ada = t.user("ada").await;
    for admin in ["root", "eve"] {
        t.make_admin(admin).await;
    }
    let new = json!({ "name": "x", "scopes": ["admin"] });
    let made = t.post("/api/v1/users/me/tokens").token(&eve).json(&new).send().await.json();
    let token = made["token"].as_str().unwrap();
    let change = json!({ "name": "Ada" });
    let repeat = async |by: &str, key: &str| {
        t.patch("/api/v1/users/3").token(by).header(KEY, key).json(&change).send().await
    };
    let role = async |role: &str| {
        let reply =
            t.patch("/api/v1/users/2").token(&root).json(&json!({ "role": role })).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    let doors = [(eve.as_str(), "session"), (token, "token")];
    let mut first = Vec::new();
    for (by, key) in doors {
        first.push(repeat(by, key).await);
        assert_same(&first[first.len() - 1], &repeat(by, key).await);
    }
    role("user").await;
    let own = create(&t, &eve, "own", "hers").await;
    let email = json!({ "email": "secret@example.org", "current_password": PASSWORD });
    assert_eq!(t.patch("/api/v1/users/me").token(&ada).json(&email).send().await.status, 200);
    for (by, key) in doors {
        let reply = repeat(by, key).await;
        assert_reused(&reply, "PATCH /api/v1/users/{user_id}");
        assert!(!reply.text().contains("example.org"), "{reply:?}");
        assert_eq!(repeat(by, &format!("{key} anew").replace(' ', "-")).await.status, 403);
    }
    assert_same(&own, &create(&t, &eve, "own", "hers").await);
    // With the original role, it is replayed. Outcomes from before roles were stored are, too.
    role("admin").await;
    assert_same(&first[0], &repeat(&eve, "session").await);
    assert_reused(&create(&t, &eve, "own", "hers").await, "POST /api/v1/tasks");
    t.rows("UPDATE idempotency_keys SET role = NULL").await;
    for ((by, key), first) in doors.iter().zip(&first) {
        assert_same(first, &repeat(by, key).await);
    }
    assert_same(&own, &create(&t, &eve, "own", "hers").await);
    assert_reused(&create(&t, &eve, "own", "other").await, "POST /api/v1/tasks");
}

#[on_each_database]
async fn answers_with_secrets_are_not_kept(t: Taskwell) {
    let new =
        json!({ "email": "ada@example.org", "password": PASSWORD, "confirmPassword": PASSWORD });
    let sign_up = async || t.post("/api/auth/signup").header(KEY, "k").json(&new).send().await;
    let first = sign_up().await;
    let again = sign_up().await;
    assert_eq!(
        (first.status, again.status, &again.json()["error_code"]),
        (200, 400, &json!("EMAIL_EXISTS"))
    );
    let register = json!({ "username": "bob", "email": "bob@example.org", "password": PASSWORD });
    for status in [200, 400] {
        assert_eq!(
            t.post("/auth/register").header(KEY, "k").json(&register).send().await.status,
            status
        );
    }
    assert_eq!(t.rows("SELECT id FROM users").await.len(), 2);
    let ada = first.json()["token"].as_str().unwrap().to_owned();
    let login = json!({ "email": "ada@example.org", "password": PASSWORD });
    for path in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
        let call = || t.post(path).header(KEY, "k").json(&login).send();
        let (one, two) = (call().await, call().await);
        assert!(one.status == 200 && two.status == 200 && one.text() != two.text(), "{path}");
    }
    for (path, body) in [
        ("/api/v1/users/me/tokens", json!({ "name": "x", "scopes": ["tasks:read"] })),
        ("/api/v1/users/me/totp", json!({ "password": PASSWORD })),
    ] {
        let call = || t.post(path).token(&ada).header(KEY, "k").json(&body).send();
        let (one, two) = (call().await, call().await);
        assert!(one.status == 201 && two.status == 201 && one.text() != two.text(), "{path}");
    }
    assert_eq!(kept(&t).await, 0);
}

#[on_each_database]
async fn what_ends_its_own_proof_is_401_the_second_time(t: Taskwell) {
    for (name, operation, status) in [
        ("ada", "POST /api/v1/auth/logout", 200),
        ("bob", "POST /api/auth/signout", 200),
        ("eve", "DELETE /api/v1/users/me/sessions", 204),
        ("dan", "DELETE /api/v1/users/me", 204),
    ] {
        let token = &t.user(name).await;
        let body = if name == "dan" { json!({ "password": PASSWORD }) } else { Value::Null };
        let write = Write { token, operation, ids: &[], body };
        for status in [status, 401, 401] {
            assert_eq!(write.call(&t, "k", &write.body).send().await.status, status, "{operation}");
        }
    }
    // The outcomes of an account are deleted with it.
    assert_eq!(kept(&t).await, 3);
}

#[on_each_database]
async fn a_refusal_is_not_kept_and_a_key_that_is_none_is_400(t: Taskwell) {
    let ada = t.user("ada").await;
    assert_eq!(create(&t, &ada, "k", "").await.status, 422);
    assert_eq!(create(&t, "rubbish", "k", "one").await.status, 401);
    assert_eq!(create(&t, &ada, "k", "one").await.status, 201);
    let long = "k".repeat(256);
    for path in
        ["/api/v1/tasks", "/api/tasks", "/tasks", "/api/auth/signup", "/user/signup", "/auth"]
    {
        for key in ["", "\"\"", "two words", "\"open", "\"a\";b", "ä", &long] {
            let reply = t
                .post(path)
                .token(&ada)
                .header(KEY, key)
                .json(&json!({ "title": "x" }))
                .send()
                .await;
            assert_eq!(reply.status, 400, "{path} {key}: {reply:?}");
            assert_told(&reply, &format!("POST {path}"), "INVALID_IDEMPOTENCY_KEY");
        }
        let twice = t
            .post(path)
            .token(&ada)
            .header(KEY, "a")
            .header(KEY, "a")
            .json(&json!({}))
            .send()
            .await;
        assert_eq!(twice.status, 400, "{twice:?}");
    }
    assert_eq!(create(&t, &ada, &long[1..], "two").await.status, 201);
    assert_eq!(t.rows("SELECT id FROM tasks").await.len(), 2);
    // Reads ignore the header.
    assert_eq!(t.get("/api/v1/tasks").token(&ada).header(KEY, "").send().await.status, 200);
    // Pages of other origins may send it and may read the error.
    let page = "http://localhost:3000";
    let reply =
        t.post("/api/tasks").token(&ada).header(KEY, "").header("origin", page).send().await;
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (400, Some(page)));
    let large = t
        .post("/tasks")
        .token(&ada)
        .header(KEY, "l")
        .json(&json!({ "title": "x".repeat(1 << 20) }));
    assert_eq!(large.send().await.status, 413);
}

#[on_each_database]
async fn a_guarded_write_that_went_well_is_not_stale_when_it_is_sent_again(t: Taskwell) {
    let ada = t.user("ada").await;
    let path = format!("/api/v1/tasks/{}", t.task_of(&ada).await);
    let call =
        || t.put(&path).token(&ada).header("if-match", "\"1\"").json(&json!({ "title": "new" }));
    let first = call().header(KEY, "k").send().await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"2\"")));
    assert_eq!(call().send().await.status, 412);
    assert_same(&first, &call().header(KEY, "k").send().await);
    assert_eq!(call().header(KEY, "another").send().await.status, 412);
}

#[on_each_database]
async fn who_hangs_up_and_asks_again_has_it_done_once(t: Taskwell) {
    let ada = t.user("ada").await;
    for round in 1..=16 {
        let key = format!("k{round}");
        // Polled once: it is on its way to the store, and mostly no further.
        drop(poll_immediate(create(&t, &ada, &key, &key)).await);
        let again = create(&t, &ada, &key, &key).await;
        assert_eq!(again.status, 201, "{again:?}");
        assert_eq!(again.json()["title"], key);
    }
    // The abandoned requests are complete by now, or never will be.
    assert_eq!(create(&t, &ada, "last", "last").await.status, 201);
    assert_eq!(t.rows("SELECT id FROM tasks").await.len(), 17);
}

#[on_each_database]
async fn a_key_outlives_a_change_of_the_secret(t: Taskwell) {
    let ada = t.user("ada").await;
    let first = create(&t, &ada, "k", "one").await;
    let settings = Settings { rate_limits: false, ..Settings::default() };
    let secrets: [&[u8]; 2] = [b"another secret, of 32 bytes or more", SECRET];
    let (app, _, _) = App::open(&t.place, &secrets, settings, t.clock.clone()).unwrap();
    let service = taskwell_http::service(app, &Options::default());
    let request = Request::post("/api/v1/tasks")
        .header("host", "taskwell.test")
        .header("authorization", format!("Bearer {ada}"))
        .header("content-type", "application/json")
        .header(KEY, "k")
        .body(json!({ "title": "one" }).to_string().into());
    let again = service.answer(request.unwrap()).await;
    let status = again.status().as_u16();
    let body = again.into_body().collect().await.unwrap().to_bytes().to_vec();
    assert_eq!((status, body), (first.status, first.body));
}
