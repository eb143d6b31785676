//! Sessions: how tokens are issued, ended and refused.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::wait::until_async;
use crate::support::{PASSWORD, Store, Taskwell, on_each_database};

async fn tokens(t: &Taskwell, name: &str) -> (String, String) {
    let proof = json!({ "username": name, "password": PASSWORD });
    let body = t.post("/api/v1/auth/login").json(&proof).send().await.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn refresh(t: &Taskwell, token: &str) -> crate::support::Reply {
    t.post("/api/v1/auth/refresh").json(&json!({ "refresh_token": token })).send().await
}

async fn is_good(t: &Taskwell, token: &str) -> bool {
    t.get("/api/v1/users/me").token(token).send().await.status == 200
}

#[on_each_database]
async fn a_refresh_token_is_good_once_and_reuse_ends_the_session(t: Taskwell) {
    t.user("ada").await;
    let (_, first) = tokens(&t, "ada").await;
    let second = refresh(&t, &first).await.json();
    let access = second["access_token"].as_str().unwrap();
    assert!(is_good(&t, access).await);
    t.clock.advance_s(11);
    assert_eq!(refresh(&t, &first).await.status, 401);
    assert!(!is_good(&t, access).await);
    assert_eq!(refresh(&t, second["refresh_token"].as_str().unwrap()).await.status, 401);
}

#[on_each_database]
async fn an_answer_that_was_lost_is_given_again(t: Taskwell) {
    t.user("ada").await;
    let (_, first) = tokens(&t, "ada").await;
    let replies = join_all((0..64).map(|_| refresh(&t, &first))).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    let successors: BTreeSet<String> =
        replies.iter().map(|reply| reply.json()["refresh_token"].to_string()).collect();
    assert_eq!(successors.len(), 1);
    let count = t.rows("SELECT count(*) FROM refresh_tokens").await;
    assert_eq!(count[0][0].as_deref(), Some("3"), "the login before, the first, its successor");
    let second = replies[0].json();
    let next = refresh(&t, second["refresh_token"].as_str().unwrap()).await;
    assert_eq!(next.status, 200);
    // Its successor was used, so the sender of the first one has stolen it.
    assert_eq!(refresh(&t, &first).await.status, 401);
    assert!(!is_good(&t, next.json()["access_token"].as_str().unwrap()).await);
}

#[on_each_database]
async fn a_token_that_rotates_is_none_at_contract_000s_door_and_stays_as_it_was(t: Taskwell) {
    t.user("ada").await;
    let proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    let stored = async || {
        let mut rows = t.rows("SELECT * FROM sessions ORDER BY uuid").await;
        rows.extend(t.rows("SELECT * FROM refresh_tokens ORDER BY hash").await);
        rows
    };
    for (login, own) in
        [("/api/v1/auth/login", "/api/v1/auth/refresh"), ("/api/auth/signin", "/api/auth/refresh")]
    {
        let first = t.post(login).json(&proof).send().await.json()["refresh_token"].clone();
        let next = t
            .post(own)
            .json(&json!({
                "refresh_token": first
            }))
            .send()
            .await
            .json()["refresh_token"]
            .clone();
        t.clock.advance_s(60);
        let before = stored().await;
        // The one in use, and the used one, whose reuse at its own door would end the session.
        for token in [&next, &first] {
            let reply =
                t.post("/user/refresh-token").json(&json!({ "refresh_token": token })).send().await;
            assert_eq!(
                (reply.status, &reply.json()["detail"]),
                (401, &json!("Invalid token")),
                "{login}"
            );
        }
        assert_eq!(stored().await, before, "{login}");
        assert_eq!(t.post(own).json(&json!({ "refresh_token": next })).send().await.status, 200);
    }
}

#[on_each_database]
async fn a_token_of_contract_000_is_the_same_after_each_refresh_at_every_door(t: Taskwell) {
    t.user("ada").await;
    let proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    let token = t.post("/user/login").json(&proof).send().await.json()["refresh_token"].clone();
    let body = json!({ "refresh_token": token });
    for door in
        ["/api/v1/auth/refresh", "/api/auth/refresh", "/user/refresh-token", "/api/v1/auth/refresh"]
    {
        for _ in 0..2 {
            let reply = t.post(door).json(&body).send().await;
            assert_eq!(reply.status, 200, "{door}: {reply:?}");
            let told = reply.json();
            let access = told.get("access_token").or(told.get("token")).unwrap().as_str().unwrap();
            assert!(is_good(&t, access).await);
            if door != "/user/refresh-token" {
                assert_eq!(told["refresh_token"], token, "{door}");
            }
            t.clock.advance_s(60);
        }
    }
    assert_eq!(t.rows("SELECT 1 FROM refresh_tokens WHERE used_at IS NOT NULL").await.len(), 0);
    assert_eq!(t.post("/user/logout").json(&body).send().await.status, 200);
    assert_eq!(refresh(&t, token.as_str().unwrap()).await.status, 401);
}

#[on_each_database]
async fn a_session_that_is_older_than_the_rule_is_refreshed_at_every_door(t: Taskwell) {
    t.user("ada").await;
    let (_, first) = tokens(&t, "ada").await;
    t.rows("UPDATE sessions SET rotates = NULL").await;
    let body = json!({ "refresh_token": first });
    for _ in 0..2 {
        assert_eq!(t.post("/user/refresh-token").json(&body).send().await.status, 200);
    }
    let next = refresh(&t, &first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_ne!(next, first);
    t.clock.advance_s(60);
    assert_eq!(t.post("/user/refresh-token").json(&body).send().await.status, 401, "reuse");
    assert_eq!(refresh(&t, &next).await.status, 401);
}

#[on_each_database]
async fn a_session_that_nobody_uses_ends_and_one_in_use_does_not(t: Taskwell) {
    t.user("ada").await;
    let (_, idle) = tokens(&t, "ada").await;
    let (mut access, mut token) = tokens(&t, "ada").await;
    for _ in 0..20 {
        t.clock.advance_s(86_000);
        assert!(is_good(&t, &access).await, "an access token is a use too");
        let next = refresh(&t, &token).await.json();
        next["access_token"].as_str().unwrap().clone_into(&mut access);
        next["refresh_token"].as_str().unwrap().clone_into(&mut token);
    }
    assert_eq!(refresh(&t, &idle).await.json()["detail"], "Refresh token expired");
    let list = t.get("/api/v1/users/me/sessions").token(&access).send().await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    t.clock.advance_s(15 * 86_400);
    assert_eq!(refresh(&t, &token).await.status, 401);
}

#[on_each_database]
async fn the_last_use_is_kept_to_the_hour(t: Taskwell) {
    let token = t.user("ada").await;
    let last_use = async || {
        let list = t.get("/api/v1/users/me/sessions").token(&token).send().await.json();
        list[0]["last_used_at"].as_str().unwrap().to_owned()
    };
    let first = last_use().await;
    t.clock.advance_s(3599);
    assert_eq!(last_use().await, first);
    t.clock.advance_s(60);
    // The server stores it after the answer.
    until_async("the last use is stored", async || last_use().await > first).await;
    let second = last_use().await;
    t.clock.advance_s(4000);
    t.task(&token, "a write is a use too").await;
    assert!(last_use().await > second);
}

#[on_each_database]
async fn admins_see_and_end_sessions_of_others(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    let other = t.login("ada").await;
    let sessions = "/api/v1/users/2/sessions";
    assert_eq!(t.get(sessions).token(&ada).send().await.status, 403);
    assert_eq!(t.delete(sessions).token(&ada).send().await.status, 403);
    let list = t.get(sessions).token(&root).send().await.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["current"]), (2, &json!(false)));
    let one = format!("{sessions}/{}", list[0]["id"].as_str().unwrap());
    assert_eq!(t.delete(&one).token(&ada).send().await.status, 403);
    assert_eq!(t.delete(&one).token(&root).send().await.status, 204);
    assert_eq!(t.delete(&one).token(&root).send().await.status, 404);
    assert!(is_good(&t, &ada).await && !is_good(&t, &other).await);
    assert_eq!(t.delete(sessions).token(&root).send().await.status, 204);
    assert!(!is_good(&t, &ada).await && is_good(&t, &root).await);
}

#[on_each_database]
async fn logout_kills_access_and_refresh_token_and_no_other_session(t: Taskwell) {
    let other = t.user("ada").await;
    let (access, token) = tokens(&t, "ada").await;
    t.post("/api/v1/auth/logout").token(&access).send().await;
    assert!(!is_good(&t, &access).await);
    assert_eq!(refresh(&t, &token).await.status, 401);
    assert!(is_good(&t, &other).await);
}

#[on_each_database]
async fn access_tokens_live_a_day_and_sessions_30(t: Taskwell) {
    t.user("ada").await;
    let (access, token) = tokens(&t, "ada").await;
    t.clock.advance_s(86_399);
    assert!(is_good(&t, &access).await);
    t.clock.advance_s(2);
    assert!(!is_good(&t, &access).await);
    let next = refresh(&t, &token).await.json()["refresh_token"].as_str().unwrap().to_owned();
    t.clock.advance_s(29 * 86_400);
    let reply = refresh(&t, &next).await;
    assert_eq!((reply.status, &reply.json()["detail"]), (401, &json!("Refresh token expired")));
}

#[on_each_database]
async fn what_is_wrong_with_a_body_is_told_only_to_a_living_session(t: Taskwell) {
    let token = t.user("ada").await;
    let bad = t.post("/api/v1/tasks").token(&token).json(&json!({})).send().await;
    assert_eq!(bad.status, 422);
    t.post("/api/v1/auth/logout").token(&token).send().await;
    for body in ["{}", "{", "[]"] {
        let call = t.post("/api/v1/tasks").token(&token).header("content-type", "application/json");
        assert_eq!(call.body(body).send().await.status, 401);
    }
    assert_eq!(t.get("/api/v1/tasks/x").token(&token).send().await.status, 401);
    assert_eq!(t.get("/api/v1/tasks?limit=x").token(&token).send().await.status, 401);
}

#[on_each_database]
async fn sessions_are_listed_and_ended_by_their_owner(t: Taskwell) {
    let token = t.user("ada").await;
    let proof = json!({ "username": "ada", "password": PASSWORD });
    let call = t.post("/api/v1/auth/login").header("user-agent", "a browser");
    let second = call.json(&proof).send().await.json()["access_token"].as_str().unwrap().to_owned();
    let list = t.get("/api/v1/users/me/sessions").token(&token).send().await.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["user_agent"]), (2, &json!("a browser")));
    assert_eq!((&list[0]["current"], &list[1]["current"]), (&json!(false), &json!(true)));
    let path = format!("/api/v1/users/me/sessions/{}", list[0]["id"].as_str().unwrap());
    let other = t.user("grace").await;
    assert_eq!(t.delete(&path).token(&other).send().await.status, 404);
    assert_eq!(t.delete(&path).token(&token).send().await.status, 204);
    assert!(!is_good(&t, &second).await);
    assert_eq!(t.delete(&path).token(&token).send().await.status, 404);
    assert_eq!(t.delete("/api/v1/users/me/sessions").token(&token).send().await.status, 204);
    assert!(!is_good(&t, &token).await);
}

#[on_each_database]
async fn a_session_is_stored_without_its_tokens(t: Taskwell) {
    t.user("ada").await;
    let (access, token) = tokens(&t, "ada").await;
    let mut rows = t.rows("SELECT * FROM users").await;
    rows.extend(t.rows("SELECT * FROM sessions").await);
    rows.extend(t.rows("SELECT * FROM refresh_tokens").await);
    let mut stored = format!("{rows:?}");
    if let Store::Sqlite(folder) = &t.store {
        stored += &String::from_utf8_lossy(
            &std::fs::read(folder.path().join("taskwell.db-wal")).unwrap(),
        );
    }
    assert!(stored.contains("ada@example.org"));
    for secret in [access.as_str(), &token, PASSWORD] {
        assert!(!stored.contains(secret));
    }
}
