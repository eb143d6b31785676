//! Rate limits: too many attempts are refused in the format of the tree, with the time of the next
//! attempt.

use std::time::Instant;

use futures_util::future::{join, join_all};
use serde_json::json;
use taskwell_core::settings::Scheme;

use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const HERE: &str = "192.0.2.1";

/// Asserts that a reply is a 429 with all its headers.
fn assert_too_many(reply: &Reply, policy: &str) {
    assert_eq!(reply.status, 429, "{reply:?}");
    let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{reply:?}");
    assert_eq!(reply.header("ratelimit"), Some(&*format!("\"{policy}\";r=0;t={wait}")));
    assert!(
        reply.header("ratelimit-policy").unwrap().starts_with(&format!("\"{policy}\";q=")),
        "{reply:?}"
    );
}

/// Returns how many of `count` calls pass, and the last refusal.
async fn passed<'t>(count: usize, call: impl Fn(usize) -> Call<'t>) -> (usize, Option<Reply>) {
    let (mut passed, mut refused) = (0, None);
    for n in 0..count {
        let reply = call(n).send().await;
        if reply.status == 429 { refused = Some(reply) } else { passed += 1 }
    }
    (passed, refused)
}

#[tokio::test]
async fn wrong_passwords_slow_an_account_down_in_every_tree_together() {
    let t = Taskwell::with(|settings| settings.rate_limits = true);
    t.user("ada").await;
    let wrong = json!({ "email": "ada@example.org", "password": "wrong" });
    let right = json!({ "email": "Ada@Example.org", "password": PASSWORD });
    let doors = ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"];
    let (tried, refused) = passed(30, |n| t.post(doors[n % 4]).from(HERE).json(&wrong)).await;
    assert_eq!(tried, 5);
    assert_too_many(&refused.unwrap(), "login-failures");
    for door in doors {
        let reply = t.post(door).from(HERE).json(&right).send().await;
        assert_too_many(&reply, "login-failures");
        let body = reply.json();
        let words = match door {
            "/api/auth/signin" => {
                assert_eq!(body["error_code"], "RATE_LIMITED");
                &body["error"]
            }
            _ => &body["detail"],
        };
        assert!(words.as_str().unwrap().starts_with("Too many requests"), "{body}");
    }
    let forged = t
        .post(doors[0])
        .from(HERE)
        .header("x-forwarded-for", "203.0.113.1")
        .json(&right)
        .send()
        .await;
    assert_eq!(forged.status, 429);
    let elsewhere = t.post(doors[0]).from("203.0.113.1").json(&right).send().await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    t.clock.advance_s(13);
    let later = t.post(doors[0]).from(HERE).json(&right).send().await;
    assert_eq!(later.status, 200, "{later:?}");
    // Correct passwords don't count.
    let (right, _) = passed(30, |_| t.post(doors[0]).from("203.0.113.1").json(&right)).await;
    assert_eq!(right, 30);
}

#[tokio::test]
async fn sign_ups_and_refreshes_of_one_client_are_bounded() {
    let t = Taskwell::with(|settings| settings.rate_limits = true);
    let new = |n: usize| {
        json!({
            "username": format!("ada{n}"), "email": format!("ada{n}@example.org"),
            "password": PASSWORD
        })
    };
    let (made, refused) =
        passed(210, |n| t.post("/api/v1/auth/signup").from(HERE).json(&new(n))).await;
    assert_eq!(made, 200);
    assert_too_many(&refused.unwrap(), "signup");
    let nobody = json!({ "refresh_token": "nobody's" });
    let (tried, refused) =
        passed(320, |_| t.post("/api/v1/auth/refresh").from(HERE).json(&nobody)).await;
    assert_eq!(tried, 300);
    assert_too_many(&refused.unwrap(), "refresh");
}

#[tokio::test]
async fn an_account_has_its_share_of_requests_and_no_more() {
    let t = Taskwell::with(|settings| settings.rate_limits = true);
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let new = json!({ "name": "x", "scopes": ["account:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.json();
    // A session and a token share one limit.
    let tokens = [ada.as_str(), made["token"].as_str().unwrap()];
    let mut sent = 0;
    let refused = loop {
        let reply = t.get("/api/v1/users/me").token(tokens[sent % 2]).send().await;
        sent += 1;
        assert!(sent < 60_000, "nothing is refused");
        if reply.status == 429 {
            break reply;
        }
    };
    // One of the requests created the token.
    assert_eq!(sent, 6000);
    assert_too_many(&refused, "requests");
    for token in tokens {
        assert_eq!(t.get("/api/v1/users/me").token(token).send().await.status, 429);
    }
    assert_eq!(t.get("/api/v1/users/me").token(&bob).send().await.status, 200);
}

/// Sends requests with an inactive token until one gets a 429. Returns how many were not.
async fn exhaust_with_dead(t: &Taskwell, token: &str) -> usize {
    let mut refused = 0;
    while refused < 60_000 {
        let replies =
            join_all((0..100).map(|_| t.get("/api/v1/users/me").from(HERE).token(token).send()));
        for reply in replies.await {
            if reply.status == 429 {
                assert_too_many(&reply, "invalid-tokens");
                return refused;
            }
            assert_eq!(reply.status, 401, "{reply:?}");
            refused += 1;
        }
    }
    panic!("nothing is refused as too many");
}

#[on_each_database]
async fn a_token_that_does_not_live_counts_for_its_client_and_not_for_its_account(t: Taskwell) {
    let mut t = t;
    t.reopen(|settings| settings.rate_limits = true);
    let (ended, living) = (t.user("ada").await, t.login("ada").await);
    assert_eq!(t.post("/api/v1/auth/logout").token(&ended).send().await.status, 200);
    assert_eq!(exhaust_with_dead(&t, &ended).await, 6000);
    let new = json!({ "name": "x", "scopes": ["account:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&living).json(&new).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = format!("/api/v1/users/me/tokens/{}", made.json()["id"].as_str().unwrap());
    let personal = made.json()["token"].as_str().unwrap().to_owned();
    // The account's active session and token still work, even from the client that is refused.
    for token in [&living, &personal] {
        assert_eq!(t.get("/api/v1/users/me").from(HERE).token(token).send().await.status, 200);
    }
    assert_eq!(t.delete(&path).token(&living).send().await.status, 204);
    // Through every endpoint, and whatever the token's fault.
    let forged = format!("{living}x");
    for (token, call) in [
        (&ended, t.get("/api/v1/tasks")),
        (&ended, t.post("/api/v1/tasks").json(&json!({ "title": "x" }))),
        (&ended, t.post("/api/v1/tasks").json(&json!({ "title": 1 }))),
        (&ended, t.post("/api/v1/auth/logout").header("idempotency-key", "k")),
        (
            &ended,
            t.post("/api/v1/users/me/password")
                .json(&json!({ "current_password": "x", "new_password": "x" })),
        ),
        (&ended, t.get("/api/tasks")),
        (&ended, t.post("/api/auth/signout")),
        (&ended, t.get("/tasks")),
        (&personal, t.get("/api/v1/users/me")),
        (&forged, t.get("/tasks")),
    ] {
        let replies = [
            call.from(HERE).token(token).send().await,
            t.get("/tasks").from("203.0.113.1").token(token).send().await,
        ];
        assert_eq!(replies.each_ref().map(|reply| reply.status), [429, 401], "{replies:?}");
    }
}

#[tokio::test]
async fn a_password_that_proves_a_session_is_not_guessed_either() {
    let t = Taskwell::with(|settings| settings.rate_limits = true);
    let token = t.user("ada").await;
    let wrong = json!({ "current_password": "wrong", "new_password": "Difference.Engine-1822" });
    let (tried, refused) =
        passed(12, |_| t.post("/api/v1/users/me/password").token(&token).json(&wrong)).await;
    assert_eq!(tried, 10);
    assert_too_many(&refused.unwrap(), "proof-failures");
}

#[tokio::test]
async fn no_header_buys_another_try() {
    const FORGED: [&str; 14] = [
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "x-cluster-client-ip",
        "x-originating-ip",
        "x-remote-addr",
        "x-request-id",
        "user-agent",
        "via",
    ];
    let t = Taskwell::with(|settings| settings.rate_limits = true);
    t.user("ada").await;
    let wrong = |n: usize| {
        // The same account in other spellings.
        let name = ["ada@example.org", "ADA@example.org", "Ada@Example.ORG"][n % 3];
        json!({ "email": name, "password": format!("wrong {n}") })
    };
    let forged = |n: usize| {
        let address = format!("203.0.{}.{}", n / 250, n % 250);
        let call = t.post("/api/v1/auth/login").from(HERE).json(&wrong(n));
        let name = FORGED[n % FORGED.len()];
        let call =
            call.header(name, if name == "forwarded" { "for=203.0.113.9" } else { &address });
        // Twice, and with the network's own address first.
        if n.is_multiple_of(2) {
            call.header("x-forwarded-for", &format!("{HERE}, {address}"))
        } else {
            call
        }
    };
    let (tried, _) = passed(1000, forged).await;
    assert_eq!(tried, 5);
    // Another address of the same network does not help either.
    let (tried, _) = passed(40, |n| {
        t.post("/api/v1/auth/login").from(&format!("2001:db8:1:1::{n:x}")).json(&wrong(n))
    })
    .await;
    assert_eq!(tried, 5);
    let mapped =
        t.post("/api/v1/auth/login").from(&format!("::ffff:{HERE}")).json(&wrong(0)).send().await;
    assert_eq!(mapped.status, 429);
}

#[tokio::test]
async fn logins_that_wait_for_a_hash_are_bounded_and_hold_up_nobody_else() {
    let mut t = Taskwell::on_sqlite();
    let ada = t.user("ada").await;
    t.reopen(|settings| settings.scheme = Scheme::Bcrypt(8));
    let wrong = json!({ "username": "nobody", "password": "wrong" });
    let logins = async {
        let replies =
            join_all((0..400).map(|_| t.post("/api/v1/auth/login").json(&wrong).send())).await;
        (replies, Instant::now())
    };
    let read = async {
        let reply = t.get("/api/v1/tasks").token(&ada).send().await;
        (reply.status, Instant::now())
    };
    let ((replies, logged_in), (status, read)) = join(logins, read).await;
    assert!(status == 200 && read < logged_in);
    let (answered, refused): (Vec<_>, Vec<_>) =
        replies.iter().partition(|reply| reply.status == 401);
    assert!(answered.len() >= 256 && !refused.is_empty(), "{} {}", answered.len(), refused.len());
    assert!(
        refused.iter().all(|reply| reply.status == 503 && reply.header("retry-after").is_some())
    );
}
