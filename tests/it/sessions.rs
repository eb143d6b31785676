//! Sessions: how tokens come, go, and are refused.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::{PASSWORD, SECRET, Store, Taskwell, on_each_database};

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

/// A token's claims, signed by us.
fn forge(claims: &Value, secret: &[u8]) -> String {
    // jsonwebtoken signs with the provider that the app has installed.
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn claims_of(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims
}

on_each_database! {
    async fn a_refresh_token_is_good_once_and_reuse_ends_the_session(t) {
        t.user("ada").await;
        let (_, first) = tokens(&t, "ada").await;
        let second = refresh(&t, &first).await.json();
        let access = second["access_token"].as_str().unwrap();
        assert!(is_good(&t, access).await);
        assert_eq!(refresh(&t, &first).await.status, 401);
        assert!(!is_good(&t, access).await);
        assert_eq!(refresh(&t, second["refresh_token"].as_str().unwrap()).await.status, 401);
    }

    async fn logout_kills_access_and_refresh_token_and_no_other_session(t) {
        let other = t.user("ada").await;
        let (access, token) = tokens(&t, "ada").await;
        t.post("/api/v1/auth/logout").token(&access).send().await;
        assert!(!is_good(&t, &access).await);
        assert_eq!(refresh(&t, &token).await.status, 401);
        assert!(is_good(&t, &other).await);
    }

    async fn access_tokens_live_a_day_and_sessions_30(t) {
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

    async fn a_token_that_is_not_ours_is_refused(t) {
        let token = t.user("ada").await;
        let claims = claims_of(&token);
        assert!(is_good(&t, &forge(&claims, SECRET)).await, "the forger can't forge");
        let (head, rest) = token.split_once('.').unwrap();
        let body = rest.split_once('.').unwrap().0;
        let mut forged = vec![
            forge(&claims, b"another secret of the tests, 32 bytes"),
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."),
            format!("{head}.{body}"), format!("{head}.{body}."), format!("{token}x"), "x".repeat(9000), String::new(),
        ];
        for (name, value) in [("iss", json!("other")), ("exp", json!(1)), ("exp", json!("never")), ("uid", json!(2)),
            ("sid", json!("01a1fb26-21e1-73a9-8ab0-263b2a1e955b")), ("exp", Value::Null)] {
            let mut changed = claims.clone();
            changed[name] = value;
            forged.push(forge(&changed, SECRET));
        }
        for token in forged {
            let reply = t.get("/api/v1/users/me").token(&token).send().await;
            assert_eq!(reply.status, 401, "{token}");
        }
        let twice = t.get("/api/v1/users/me").token(&token).token(&token).send().await;
        assert_eq!(twice.status, 401);
        let basic = t.get("/api/v1/users/me").header("authorization", "Basic YWRhOng=").send().await;
        assert_eq!(basic.status, 401);
    }

    async fn what_is_wrong_with_a_body_is_told_only_to_a_living_session(t) {
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

    async fn sessions_are_listed_and_ended_by_their_owner(t) {
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

    async fn a_session_is_stored_without_its_tokens(t) {
        t.user("ada").await;
        let (access, token) = tokens(&t, "ada").await;
        let mut rows = t.rows("SELECT * FROM users").await;
        rows.extend(t.rows("SELECT * FROM sessions").await);
        rows.extend(t.rows("SELECT * FROM refresh_tokens").await);
        let mut stored = format!("{rows:?}");
        if let Store::Sqlite(folder) = &t.store {
            stored += &String::from_utf8_lossy(&std::fs::read(folder.path().join("taskwell.db-wal")).unwrap());
        }
        assert!(stored.contains("ada@example.org"));
        for secret in [access.as_str(), &token, PASSWORD] {
            assert!(!stored.contains(secret));
        }
    }
}
