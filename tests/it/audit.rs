//! The audit log: its entries, and who may read them.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Taskwell, on_each_database};

async fn log(t: &Taskwell, token: &str) -> Vec<Value> {
    let reply = t.get("/api/v1/audit").token(token).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json().as_array().unwrap().clone()
}

fn actions(log: &[Value]) -> Vec<&str> {
    log.iter().rev().map(|entry| entry["action"].as_str().unwrap()).collect()
}

#[on_each_database]
async fn what_is_done_to_an_account_is_written_down_and_its_owner_reads_it(t: Taskwell) {
    let ada = t.user("ada").await;
    let wrong = json!({ "username": "ada", "password": "wrong" });
    t.post("/api/v1/auth/login")
        .from("2001:db8::7")
        .header("user-agent", "curl/8")
        .json(&wrong)
        .send()
        .await;
    t.post("/api/v1/auth/login")
        .json(&json!({ "username": "nobody", "password": "wrong" }))
        .send()
        .await;
    let right = json!({ "username": "ada", "password": PASSWORD });
    let call = t.post("/api/v1/auth/login").from("192.0.2.9").header("user-agent", "curl/8");
    let second = call.json(&right).send().await.json()["access_token"].as_str().unwrap().to_owned();
    t.patch("/api/v1/users/me")
        .token(&ada)
        .json(&json!({ "name": "Ada", "email": "a@example.org", "current_password": PASSWORD }))
        .send()
        .await;
    let change = json!({ "current_password": PASSWORD, "new_password": "Difference.Engine-1822" });
    t.post("/api/v1/users/me/password").token(&ada).json(&change).send().await;
    assert_eq!(t.get("/api/v1/tasks").token(&second).send().await.status, 401);
    let log = log(&t, &ada).await;
    assert_eq!(
        actions(&log),
        [
            "signed_up",
            "logged_in",
            "login_failed",
            "logged_in",
            "account_changed",
            "password_changed"
        ]
    );
    let by = |at: usize| {
        (&log[at]["actor_id"], &log[at]["user_id"], &log[at]["client"], &log[at]["detail"])
    };
    assert_eq!(by(3), (&Value::Null, &json!(1), &json!("2001:db8::7"), &Value::Null));
    assert_eq!(by(2), (&json!(1), &json!(1), &json!("192.0.2.9"), &json!("curl/8")));
    assert_eq!(by(1).3, "name email");
    let text = format!("{log:?}");
    assert!(!text.contains(PASSWORD) && !text.contains("example.org"), "{text}");
}

#[on_each_database]
async fn admins_read_all_and_others_nothing_of_others(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    t.post("/api/v1/auth/login")
        .json(&json!({ "username": "nobody", "password": "wrong" }))
        .send()
        .await;
    t.patch("/api/v1/users/2").token(&root).json(&json!({ "role": "admin" })).send().await;
    t.patch("/api/v1/users/2").token(&root).json(&json!({ "role": "user" })).send().await;
    let own = log(&t, &ada).await;
    assert_eq!(actions(&own), ["signed_up", "logged_in", "account_changed", "account_changed"]);
    assert_eq!((&own[0]["actor_id"], &own[0]["detail"]), (&json!(1), &json!("role=user")));
    t.delete("/api/v1/users/2").token(&root).send().await;
    let all = log(&t, &root).await;
    assert_eq!(all.len(), 9, "{all:?}");
    assert_eq!((&all[0]["action"], &all[0]["user_id"]), (&json!("account_deleted"), &json!(2)));
    // Paged, each entry once.
    let (mut paged, mut next) = (Vec::new(), "/api/v1/audit?limit=2".to_owned());
    loop {
        let reply = t.get(&next).token(&root).send().await;
        paged.extend(reply.json().as_array().unwrap().clone());
        let Some(link) = reply.header("link") else { break };
        link.split(['<', '>']).nth(1).unwrap().clone_into(&mut next);
    }
    assert_eq!(paged, all);
}

#[on_each_database]
async fn from_where_somebody_else_acted_is_not_told_to_the_owner(t: Taskwell) {
    const ADMIN_AT: &str = "198.51.100.77";
    let root = t.user("root").await;
    let ada = t.user("ada").await;
    for admin in ["root", "ada"] {
        t.make_admin(admin).await;
    }
    let new = json!({ "name": "x", "scopes": ["account:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.json();
    let reader = made["token"].as_str().unwrap();
    let wrong = json!({ "username": "ada", "password": "wrong" });
    t.post("/api/v1/auth/login").from("203.0.113.9").json(&wrong).send().await;
    t.patch("/api/v1/users/me")
        .token(&ada)
        .from("192.0.2.1")
        .json(&json!({ "name": "Ada" }))
        .send()
        .await;
    for change in [json!({ "name": "A" }), json!({ "role": "user" })] {
        let call = t.patch("/api/v1/users/2").token(&root).from(ADMIN_AT);
        assert_eq!(call.json(&change).send().await.status, 200);
    }
    assert_eq!(
        t.delete("/api/v1/users/2/sessions/01a1fb26-21e1-73a9-8ab0-263b2a1e955b")
            .token(&root)
            .send()
            .await
            .status,
        404
    );
    let ended = t.get("/api/v1/users/2/sessions").token(&root).send().await.json();
    assert_eq!(ended.as_array().unwrap().len(), 1);
    // By a session, and by a token that is for nothing else.
    for token in [ada.as_str(), reader] {
        let own = log(&t, token).await;
        assert!(!format!("{own:?}").contains(ADMIN_AT), "{own:?}");
        let by = |at: usize| (&own[at]["actor_id"], &own[at]["client"], &own[at]["detail"]);
        assert_eq!(by(0), (&json!(1), &Value::Null, &json!("role=user")));
        assert_eq!(by(1), (&json!(1), &Value::Null, &json!("name")));
        assert_eq!(by(2), (&json!(2), &json!("192.0.2.1"), &json!("name")));
        assert_eq!(by(3), (&Value::Null, &json!("203.0.113.9"), &Value::Null));
    }
    assert!(format!("{:?}", log(&t, &root).await).contains(ADMIN_AT), "admins are told");
}

#[on_each_database]
async fn what_is_old_is_forgotten(t: Taskwell) {
    t.user("ada").await;
    t.clock.advance_s(366 * 86_400);
    let ada = t.login("ada").await;
    while t.operator.prune().await.unwrap() {}
    assert_eq!(actions(&log(&t, &ada).await), ["logged_in"]);
}

#[on_each_database]
async fn reuse_of_a_refresh_token_and_the_ends_of_sessions_are_there(t: Taskwell) {
    let ada = t.user("ada").await;
    let proof = json!({ "username": "ada", "password": PASSWORD });
    let tokens = t.post("/api/v1/auth/login").json(&proof).send().await.json();
    let old = json!({ "refresh_token": tokens["refresh_token"] });
    t.post("/api/v1/auth/refresh").json(&old).send().await;
    t.clock.advance_s(20);
    assert_eq!(t.post("/api/v1/auth/refresh").json(&old).send().await.status, 401);
    let third = t.login("ada").await;
    t.post("/api/v1/auth/logout").token(&third).send().await;
    assert_eq!(
        actions(&log(&t, &ada).await)[2..],
        ["logged_in", "refresh_token_reused", "logged_in", "logged_out"]
    );
}
