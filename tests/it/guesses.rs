//! Wrong passwords and codes, through every name and endpoint of an account: how many the server
//! compares, and what its responses reveal.

use serde_json::json;

use crate::second_factor::{code, turn_on};
use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const HERE: &str = "192.0.2.1";
const LOGIN: &str = "/api/v1/auth/login";

fn limited(t: &mut Taskwell) {
    t.reopen(|settings| settings.rate_limits = true);
}

fn try_as<'t>(t: &'t Taskwell, name: &str, password: &str, from: &str) -> Call<'t> {
    t.post(LOGIN).from(from).json(&json!({ "username": name, "password": password }))
}

/// Returns how many wrong passwords the server compares until it refuses one, at most `most`.
async fn compared(t: &Taskwell, name: &str, from: &str, most: usize) -> usize {
    for n in 0..most {
        match try_as(t, name, "Wrong.Engine-1843", from).send().await.status {
            401 => {}
            429 => return n,
            other => panic!("{other}"),
        }
    }
    most
}

/// Returns requests that confirm a session by a password or a code, each with a wrong one.
fn proofs<'t>(t: &'t Taskwell, token: &str) -> [Call<'t>; 5] {
    let wrong = json!({ "password": "wrong" });
    let change = json!({ "current_password": "wrong", "new_password": "Difference.Engine-1822" });
    [
        t.post("/api/v1/users/me/password").json(&change),
        t.delete("/api/v1/users/me").json(&wrong),
        t.post("/api/v1/users/me/totp").json(&wrong),
        t.delete("/api/v1/users/me/totp").json(&wrong),
        t.post("/api/v1/users/me/totp/confirm").json(&json!({ "code": "000000" })),
    ]
    .map(|call| call.from(HERE).token(token))
}

/// Sends wrong passwords and codes until the next one has to wait for some seconds. Returns how
/// many the server compared.
async fn use_up(t: &Taskwell, token: &str) -> usize {
    let mut wrong = 0;
    loop {
        let [proof, ..] = proofs(t, token);
        let reply = proof.send().await;
        let wait: u32 = reply.header("retry-after").map_or(0, |wait| wait.parse().unwrap());
        wrong += usize::from(reply.status == 403);
        if wait >= 4 {
            return wrong;
        }
        if wait > 0 {
            t.clock.advance_s(3);
        }
    }
}

/// Returns the audit entries about failures, oldest first.
async fn failures(t: &Taskwell) -> Vec<Vec<Option<String>>> {
    let log = "SELECT action, subject, actor, detail FROM audit WHERE action IN ('login_failed', \
               'proof_failed') ORDER BY id";
    t.rows(log).await
}

fn all_of(reply: &Reply) -> (u16, Option<String>, Option<String>, String) {
    let header = |name| reply.header(name).map(str::to_owned);
    (reply.status, header("www-authenticate"), header("ratelimit-policy"), reply.text().to_owned())
}

#[on_each_database]
async fn a_code_is_guessed_no_further_than_the_limit_also_after_logins_without_one(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    let (secret, _) = turn_on(&t, &ada).await;
    limited(&mut t);
    let with = |code: &str| json!({ "username": "ada", "password": PASSWORD, "totp_code": code });
    t.clock.advance_s(60);
    let home = t.post(LOGIN).from(HERE).json(&with(&code(&secret, &t, 0))).send().await;
    assert_eq!(home.status, 200, "{home:?}");
    let addresses: Vec<String> = (0..30).map(|n| format!("198.51.100.{n}")).collect();
    for from in &addresses {
        let asked = try_as(&t, "ada", PASSWORD, from).send().await;
        assert!(asked.text().contains("totp_code"), "{asked:?}");
    }
    let mut wrong = 0;
    for from in &addresses {
        for _ in 0..10 {
            let reply = t.post(LOGIN).from(from).json(&with("000000")).send().await;
            wrong += usize::from(reply.text().contains("is wrong"));
        }
    }
    assert_eq!(wrong, 50);
    t.clock.advance_s(60);
    let home = t.post(LOGIN).from(HERE).json(&with(&code(&secret, &t, 0))).send().await;
    assert_eq!(home.status, 200, "the owner is not locked out: {home:?}");
}

#[on_each_database]
async fn names_have_half_each_and_proofs_count_with_them(t: Taskwell) {
    let mut t = t;
    let token = t.user("ada").await;
    limited(&mut t);
    assert_eq!(compared(&t, "Ada", HERE, 30).await, 5);
    assert_eq!(
        compared(&t, "ADA@example.org", HERE, 30).await,
        5,
        "no refusal tells that both are one account"
    );
    for proof in proofs(&t, &token) {
        let reply = proof.send().await;
        assert_eq!(
            (reply.status, reply.header("ratelimit-policy")),
            (429, Some("\"proof-failures\";q=10;w=60"))
        );
    }
    t.clock.advance_s(3600);
    let mut wrong = 0;
    for _ in 0..3 {
        for proof in proofs(&t, &token) {
            wrong += usize::from(proof.send().await.status == 403);
        }
    }
    assert_eq!(wrong, 10);
    for name in ["ada", "ada@example.org"] {
        wrong += use_up(&t, &token).await;
        let reply = try_as(&t, name, PASSWORD, HERE).send().await;
        assert_eq!(
            (reply.status, reply.header("ratelimit-policy")),
            (429, Some("\"login-failures\";q=5;w=60"))
        );
    }
    for n in 0..30 {
        let from = format!("198.51.100.{n}");
        wrong +=
            compared(&t, "ada", &from, 30).await + compared(&t, "ada@example.org", &from, 30).await;
    }
    // One more for each 36 seconds that the clock has advanced.
    assert!((100..=105).contains(&wrong), "{wrong}");
    assert_eq!(
        try_as(&t, "nobody", "x", "198.51.100.1").send().await.status,
        401,
        "others are not held up"
    );
}

#[on_each_database]
async fn right_passwords_count_for_nothing_through_any_door(t: Taskwell) {
    let mut t = t;
    let token = t.user("ada").await;
    limited(&mut t);
    for _ in 0..15 {
        assert_eq!(try_as(&t, "ada", PASSWORD, HERE).send().await.status, 200);
        let proof = t
            .post("/api/v1/users/me/totp")
            .from(HERE)
            .token(&token)
            .json(&json!({ "password": PASSWORD }));
        assert_eq!(proof.send().await.status, 201);
    }
    assert_eq!(compared(&t, "ada", HERE, 30).await, 5);
    // The page that changes a password is another endpoint.
    let form = "login=ada&current_password=wrong&new_password=Difference.Engine-1822&token=";
    let page = t.post("/change-password").from(HERE).form(form).send().await;
    assert_eq!(page.status, 429);
    assert!(page.header("retry-after").is_some() && page.header("ratelimit").is_some(), "{page:?}");
}

#[on_each_database]
async fn a_deactivated_account_answers_counts_and_stores_the_same_for_every_password(t: Taskwell) {
    let mut t = t;
    let root = t.user("root").await;
    t.make_admin("root").await;
    for name in ["ada", "asleep", "sleeping"] {
        t.user(name).await;
    }
    for id in [3, 4] {
        let off = t
            .patch(&format!("/api/v1/users/{id}"))
            .token(&root)
            .json(&json!({ "is_active": false }));
        assert_eq!(off.send().await.status, 200);
    }
    limited(&mut t);
    let mut told = Vec::new();
    for (name, password) in
        [("ada", "Wrong.Engine-1843"), ("asleep", "Wrong.Engine-1843"), ("sleeping", PASSWORD)]
    {
        let before = failures(&t).await.len();
        let mut answers = Vec::new();
        for _ in 0..8 {
            answers.push(all_of(&try_as(&t, name, password, HERE).send().await));
        }
        let stored = failures(&t).await.split_off(before);
        told.push((
            answers,
            stored.into_iter().map(|mut row| (row.remove(0), row.pop())).collect::<Vec<_>>(),
        ));
    }
    let statuses: Vec<u16> = told[0].0.iter().map(|answer| answer.0).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    assert_eq!(told[0].1.len(), 5);
    for other in &told[1..] {
        // Without the wait, which depends on the elapsed time.
        let but_the_wait = |told: &[(u16, Option<String>, Option<String>, String)]| -> Vec<_> {
            told.iter()
                .map(|(status, a, b, text)| {
                    (*status, a.clone(), b.clone(), (*status == 401).then(|| text.clone()))
                })
                .collect()
        };
        assert_eq!((but_the_wait(&other.0), &other.1), (but_the_wait(&told[0].0), &told[0].1));
    }
}

#[on_each_database]
async fn every_guess_that_fails_is_written_down(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    for proof in proofs(&t, &ada) {
        assert_eq!(proof.send().await.status, 403);
    }
    let proof = |detail: Option<&str>, actor: Option<&str>| {
        let action = if actor.is_some() { "proof_failed" } else { "login_failed" };
        [Some(action), Some("1"), actor, detail].map(|text| text.map(str::to_owned)).to_vec()
    };
    assert_eq!(failures(&t).await, vec![proof(None, Some("1")); 5]);
    turn_on(&t, &ada).await;
    let before = failures(&t).await.len();
    assert_eq!(try_as(&t, "ada", PASSWORD, HERE).send().await.status, 401);
    let wrong = json!({ "username": "ada", "password": PASSWORD, "totp_code": "123" });
    assert_eq!(t.post(LOGIN).json(&wrong).send().await.status, 401);
    t.reopen(|settings| settings.verified_email_required = true);
    assert_eq!(try_as(&t, "ada", PASSWORD, HERE).send().await.status, 403);
    assert_eq!(try_as(&t, "ada", "wrong", HERE).send().await.status, 401);
    let wanted = [Some("code_needed"), Some("wrong_code"), Some("unverified_email"), None]
        .map(|detail| proof(detail, None));
    assert_eq!(failures(&t).await[before..], wanted);
    let log = t.get("/api/v1/audit").token(&ada).send().await.json();
    let read =
        log.as_array().unwrap().iter().filter(|entry| entry["action"] == json!("proof_failed"));
    assert!(read.count() >= 5, "its owner reads it");
}

#[on_each_database]
async fn what_is_longer_than_any_value_is_unknown_through_every_door(t: Taskwell) {
    let token = t.user("ada").await;
    // The maximum size of a body, each character of which would become 18 others.
    let long = "\u{fdfa}".repeat(5000);
    let name = format!("{long}@example.org");
    let login = |member: &str| json!({ member: name, "password": PASSWORD });
    for (door, body, status) in [
        (LOGIN, login("username"), 401),
        (LOGIN, login("email"), 401),
        ("/auth", login("email"), 401),
        ("/user/login", login("email"), 404),
        ("/api/auth/signin", login("email"), 400),
        (LOGIN, json!({ "username": "ada", "password": long }), 401),
        (LOGIN, json!({ "username": "ada", "password": PASSWORD, "totp_code": long }), 200),
        (
            "/api/v1/auth/signup",
            json!({ "username": long, "email": "x@example.org", "password": PASSWORD }),
            422,
        ),
        (
            "/api/v1/auth/signup",
            json!({ "username": "x", "email": name, "password": PASSWORD }),
            422,
        ),
        (
            "/api/v1/auth/signup",
            json!({ "username": "x", "email": "x@example.org", "password": long }),
            422,
        ),
        ("/api/v1/auth/refresh", json!({ "refresh_token": long }), 401),
        ("/api/auth/refresh", json!({ "refresh_token": long }), 401),
        ("/user/refresh-token", json!({ "refresh_token": long }), 401),
        ("/user/logout", json!({ "refresh_token": long }), 401),
        ("/api/v1/auth/password/reset", json!({ "token": long, "new_password": PASSWORD }), 401),
        ("/api/v1/auth/email/verify", json!({ "token": long }), 401),
    ] {
        let reply = t.post(door).from(HERE).json(&body).send().await;
        assert_eq!(reply.status, status, "{door} {reply:?}");
    }
    for (path, body) in [
        ("/api/v1/users/me/totp", json!({ "password": long })),
        ("/api/v1/users/me/totp/confirm", json!({ "code": long })),
        (
            "/api/v1/users/me/password",
            json!({ "current_password": long, "new_password": "Difference.Engine-1822" }),
        ),
    ] {
        let reply = t.post(path).token(&token).json(&body).send().await;
        assert_eq!(reply.status, 403, "{path} {reply:?}");
    }
    let stored = format!("{:?}", t.rows("SELECT * FROM audit").await);
    assert!(!stored.contains('\u{fdfa}') && stored.len() < 10_000, "{stored}");
}
