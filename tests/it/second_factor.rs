//! The second factor: enrolled, required at every endpoint, recovered, turned off.

use ring::hmac;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

/// Returns the code of an authenticator (RFC 6238), computed independently.
pub fn code(secret: &str, t: &Taskwell, steps_ahead: i64) -> String {
    let bits: Vec<u8> = secret
        .bytes()
        .map(|c| if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 })
        .flat_map(|n| (0..5).rev().map(move |at| n >> at & 1))
        .collect();
    let key: Vec<u8> =
        bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |n, bit| n << 1 | bit)).collect();
    let step = t.clock.now().as_seconds() / 30 + steps_ahead;
    let tag =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let number =
        u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

async fn login(t: &Taskwell, door: &str, code: Option<&str>) -> Reply {
    let mut proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    if let Some(code) = code {
        proof["totp_code"] = json!(code);
    }
    t.post(door).json(&proof).send().await
}

/// Returns the secret and the recovery codes of an account with a second factor.
pub async fn turn_on(t: &Taskwell, token: &str) -> (String, Vec<Value>) {
    let proof = json!({ "password": PASSWORD });
    let made = t.post("/api/v1/users/me/totp").token(token).json(&proof).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 32);
    assert!(
        made.json()["uri"]
            .as_str()
            .unwrap()
            .ends_with(&format!("?secret={secret}&issuer=Taskwell"))
    );
    assert_eq!(login(t, "/api/v1/auth/login", None).await.status, 200, "it guards nothing yet");
    let confirm = |code: &str| json!({ "code": code });
    let path = "/api/v1/users/me/totp/confirm";
    assert_eq!(t.post(path).token(token).json(&confirm("000000")).send().await.status, 403);
    let on = t.post(path).token(token).json(&confirm(&code(&secret, t, 0))).send().await;
    assert_eq!(on.status, 200, "{on:?}");
    (secret, on.json()["recovery_codes"].as_array().unwrap().clone())
}

#[on_each_database]
async fn a_code_is_asked_for_at_every_door_and_is_good_once(t: Taskwell) {
    let ada = t.user("ada").await;
    let (secret, _) = turn_on(&t, &ada).await;
    assert_eq!(t.get("/api/v1/tasks").token(&ada).send().await.status, 200, "sessions go on");
    for door in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
        let refused = login(&t, door, None).await;
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(refused.text().contains("totp_code"), "{refused:?}");
        let wrong = login(&t, door, Some("123")).await;
        assert!(wrong.status == 401 && wrong.text().contains("is wrong"), "{wrong:?}");
        t.clock.advance_s(30);
        let right = code(&secret, &t, 0);
        let logged_in = login(&t, door, Some(&right)).await;
        assert_eq!(logged_in.status, 200, "{logged_in:?}");
        assert_eq!(login(&t, door, Some(&right)).await.status, 401, "used");
        assert_eq!(
            login(&t, door, Some(&code(&secret, &t, -1))).await.status,
            401,
            "older than a used one"
        );
    }
    let wrong = json!({
        "email": "ada@example.org", "password": "wrong", "totp_code": code(&secret, &t, 1)
    });
    let refused = t.post("/api/v1/auth/login").json(&wrong).send().await;
    assert_eq!(refused.json()["detail"], "Incorrect email or password");
    assert_eq!(login(&t, "/api/v1/auth/login", Some(&code(&secret, &t, 1))).await.status, 200);
}

#[on_each_database]
async fn a_recovery_code_is_good_once_and_none_is_stored(t: Taskwell) {
    let ada = t.user("ada").await;
    let (_, codes) = turn_on(&t, &ada).await;
    assert_eq!(codes.len(), 10);
    let door = "/api/v1/auth/login";
    let first = codes[0].as_str().unwrap();
    assert_eq!(login(&t, door, Some(first)).await.status, 200);
    assert_eq!(login(&t, door, Some(first)).await.status, 401);
    assert_eq!(
        login(&t, door, Some(&codes[1].as_str().unwrap().replace('-', "").to_uppercase()))
            .await
            .status,
        200
    );
    let stored = format!("{:?}", t.rows("SELECT * FROM recovery_codes").await);
    assert!(!codes.iter().any(|code| stored.contains(code.as_str().unwrap())));
    assert_eq!(t.rows("SELECT 1 FROM recovery_codes").await.len(), 8);
}

#[on_each_database]
async fn it_is_turned_on_and_off_with_the_password_by_sessions_alone(t: Taskwell) {
    let ada = t.user("ada").await;
    turn_on(&t, &ada).await;
    let (right, wrong) = (json!({ "password": PASSWORD }), json!({ "password": "wrong" }));
    let path = "/api/v1/users/me/totp";
    assert_eq!(t.post(path).token(&ada).json(&right).send().await.status, 409);
    assert_eq!(t.delete(path).token(&ada).json(&wrong).send().await.status, 403);
    let new = json!({ "name": "x", "scopes": ["tasks:read", "account:read", "tasks:write"] });
    let made = t.post("/api/v1/users/me/tokens").token(&ada).json(&new).send().await.json();
    let token = made["token"].as_str().unwrap();
    for call in [t.post(path), t.delete(path)] {
        assert_eq!(call.token(token).json(&right).send().await.status, 403);
    }
    assert_eq!(t.get(path).token(token).send().await.status, 403);
    let state = t.get(path).token(&ada).send().await.json();
    assert_eq!(state, json!({ "enabled": true, "recovery_codes_left": 10 }));
    assert_eq!(t.delete(path).token(&ada).json(&right).send().await.status, 204);
    let state = t.get(path).token(&ada).send().await.json();
    assert_eq!(state, json!({ "enabled": false, "recovery_codes_left": 0 }));
    assert_eq!(login(&t, "/api/v1/auth/login", None).await.status, 200);
    let log = t.get("/api/v1/audit").token(&ada).send().await.json();
    let actions: Vec<&str> =
        log.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(
        actions.contains(&"two_factor_on") && actions.contains(&"two_factor_off"),
        "{actions:?}"
    );
}
