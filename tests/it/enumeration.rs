//! Responses do not reveal whether an account exists, except where a contract requires it (000's
//! login, the sign-ups): neither do limits, stored data or, therefore, response times.
//! `postgres/trips.rs` counts the round trips to PostgreSQL.

use serde_json::{Value, json};

use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const HERE: &str = "192.0.2.1";

/// Returns a response without its `X-Request-Id`.
fn all_of(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .filter(|(name, _)| *name != "x-request-id")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (reply.status, headers, reply.text().to_owned())
}

/// Names for logins: three accounts, and one without an account.
const NAMES: [&str; 4] = ["ada", "asleep", "verified", "nobody"];

async fn populate(t: &Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    for name in &NAMES[..3] {
        t.user(name).await;
    }
    let off =
        t.patch("/api/v1/users/3").token(&root).json(&json!({ "is_active": false })).send().await;
    assert_eq!(off.status, 200);
    t.rows("UPDATE users SET email_verified = TRUE WHERE id = 4").await;
}

/// Logins with a wrong password, in each tree, by address and by username.
fn logins<'t>(t: &'t Taskwell, name: &str) -> Vec<(&'static str, Call<'t>)> {
    let by_email =
        json!({ "email": format!("{name}@example.org"), "password": "Wrong.Engine-1843" });
    let by_name = json!({ "username": name, "password": "Wrong.Engine-1843" });
    let form = format!("username={name}&password=Wrong.Engine-1843");
    let page =
        format!("login={name}&current_password=Wrong.Engine-1843&new_password={PASSWORD}&token=");
    let urlencoded = "application/x-www-form-urlencoded";
    vec![
        ("v1 by address", t.post("/api/v1/auth/login").json(&by_email)),
        ("v1 by name", t.post("/api/v1/auth/login").json(&by_name)),
        ("v1 by form", t.post("/api/v1/auth/login").header("content-type", urlencoded).body(form)),
        ("web", t.post("/api/auth/signin").json(&by_email)),
        ("root", t.post("/auth").json(&by_email)),
        ("the page", t.post("/change-password").header("content-type", urlencoded).body(page)),
    ]
}

#[on_each_database]
async fn a_wrong_password_and_an_unknown_account_are_answered_alike(t: Taskwell) {
    populate(&t).await;
    let mut told = Vec::new();
    for name in NAMES {
        for (door, call) in logins(&t, name) {
            told.push((door, all_of(&call.from(HERE).send().await)));
        }
    }
    let doors = told.len() / NAMES.len();
    for (n, (door, answer)) in told.iter().enumerate() {
        assert_eq!(answer, &told[n % doors].1, "{} {door}", NAMES[n / doors]);
        assert_eq!(answer.0, 401, "{door}");
    }
}

#[on_each_database]
async fn what_a_failed_login_stores_is_the_same_but_for_whom_it_was(t: Taskwell) {
    populate(&t).await;
    let mut stored = Vec::new();
    for name in NAMES {
        let before = t.rows("SELECT id FROM audit").await.len();
        for (_, call) in logins(&t, name) {
            call.from(HERE).send().await;
        }
        let log = "SELECT actor, action, client, detail FROM audit ORDER BY id";
        stored.push(t.rows(log).await.split_off(before));
    }
    assert_eq!(stored[0].len(), 6);
    assert!(stored.iter().all(|rows| *rows == stored[0]), "{stored:?}");
}

#[on_each_database]
async fn asking_for_a_new_password_answers_and_stores_the_same_for_everybody(t: Taskwell) {
    let mut t = t;
    populate(&t).await;
    t.reopen(|settings| settings.mails = true);
    let (mut told, mut stored) = (Vec::new(), Vec::new());
    for name in NAMES {
        let before = t.rows("SELECT id FROM audit").await.len();
        for door in ["/api/v1/auth/password/forgot", "/api/auth/forgot-password"] {
            let address = json!({ "email": format!("{}@Example.org", name.to_uppercase()) });
            told.push(all_of(&t.post(door).from(HERE).json(&address).send().await));
        }
        let mut rows = t
            .rows("SELECT actor, action, client, detail FROM audit ORDER BY id")
            .await
            .split_off(before);
        rows.extend(
            t.rows("SELECT kind, user_id, detail, attempts FROM mail_queue ORDER BY id").await,
        );
        let to = t.rows("SELECT DISTINCT recipient FROM mail_queue").await;
        assert_eq!(to, [[Some(format!("{name}@example.org"))]]);
        stored.push(rows);
        // The recipient, if any, is determined now.
        let mut mails = Vec::new();
        while let Some(mail) = t.operator.next_mail().await.unwrap() {
            t.operator.mail_sent(mail.id).await.unwrap();
            mails.push(mail.to);
        }
        let wanted = if matches!(name, "ada" | "verified") {
            vec![format!("{name}@example.org"); 2]
        } else {
            vec![]
        };
        assert_eq!(mails, wanted);
    }
    assert!(told.iter().enumerate().all(|(n, answer)| *answer == told[n % 2]), "{told:?}");
    assert_eq!(stored[0].len(), 4);
    assert!(stored.iter().all(|rows| *rows == stored[0]), "{stored:?}");
}

#[on_each_database]
async fn an_unknown_account_is_slowed_down_as_a_known_one(t: Taskwell) {
    let mut t = t;
    populate(&t).await;
    t.reopen(|settings| (settings.rate_limits, settings.mails) = (true, true));
    let mut told = Vec::new();
    for (n, name) in NAMES.iter().enumerate() {
        let here = format!("192.0.2.{n}");
        let mut answers = Vec::new();
        for _ in 0..13 {
            let proof = json!({ "username": name, "password": "Wrong.Engine-1843" });
            let reply = t.post("/api/v1/auth/login").from(&here).json(&proof).send().await;
            answers.push((reply.status, reply.header("ratelimit-policy").map(str::to_owned)));
        }
        for _ in 0..7 {
            let address = json!({ "email": format!("{name}@example.org") });
            let reply =
                t.post("/api/v1/auth/password/forgot").from(&here).json(&address).send().await;
            answers.push((reply.status, reply.header("ratelimit-policy").map(str::to_owned)));
        }
        told.push(answers);
    }
    let statuses: Vec<u16> = told[0].iter().map(|answer| answer.0).collect();
    assert_eq!(statuses[..13], [[401; 5].as_slice(), &[429; 8]].concat());
    assert_eq!(statuses[13..], [202; 7]);
    assert!(told.iter().all(|answers| *answers == told[0]), "{told:?}");
    // Above the limits, nothing is queued for any recipient.
    let queued =
        t.rows("SELECT recipient, count(*) FROM mail_queue GROUP BY recipient ORDER BY 1").await;
    let three = |name: &str| vec![Some(format!("{name}@example.org")), Some("3".into())];
    assert_eq!(queued, ["ada", "asleep", "nobody", "verified"].map(three));
}

#[on_each_database]
async fn somebody_elses_is_as_if_it_were_not_there(t: Taskwell) {
    let root = t.user("root").await;
    let mine = t.task(&root, "mine").await;
    let ada = t.user("ada").await;
    let made = t
        .post("/api/v1/users/me/tokens")
        .token(&root)
        .json(&json!({ "name": "x", "scopes": ["tasks:read"] }));
    let personal = made.send().await.json();
    let session = t.get("/api/v1/users/me/sessions").token(&root).send().await.json();
    let absent = json!("01a1fb26-21e1-73a9-8ab0-263b2a1e955b");
    let body = json!({ "title": "x", "completed": true });
    for (path, theirs, nobodys, methods) in [
        ("/api/v1/tasks/", &mine["id"], &json!(99), &["GET", "PUT", "PATCH", "DELETE"][..]),
        ("/api/v1/tasks/", &mine["uuid"], &absent, &["GET", "PUT", "PATCH", "DELETE"]),
        ("/tasks/", &mine["id"], &json!(99), &["GET", "DELETE"]),
        ("/tasks/", &mine["uuid"], &absent, &["GET", "DELETE"]),
        ("/api/v1/users/me/sessions/", &session[0]["id"], &absent, &["DELETE"]),
        ("/api/v1/users/me/tokens/", &personal["id"], &absent, &["DELETE"]),
        ("/api/v1/users/", &json!(1), &json!(99), &["GET", "PATCH", "DELETE"]),
    ] {
        for method in methods {
            let ask = async |id: &Value| {
                let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
                let call = t.call(method.parse().unwrap(), &format!("{path}{id}")).token(&ada);
                let call = if matches!(*method, "PUT" | "PATCH") { call.json(&body) } else { call };
                all_of(&call.send().await)
            };
            assert_eq!(ask(theirs).await, ask(nobodys).await, "{method} {path}");
        }
    }
    assert_eq!(t.get("/api/v1/tasks/1").token(&root).send().await.json()["title"], "mine");
}
