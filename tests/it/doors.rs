//! Changes to one's own account through every endpoint: with each name of the account in a path,
//! each kind of token, and each place that takes a password.

use serde_json::{Value, json};

use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const KEY: &str = "idempotency-key";
const FORM: &str = "application/x-www-form-urlencoded";

/// An admin with a session, and a personal access token with all scopes.
struct Admin {
    session: String,
    token: String,
    /// Each name of the account in a path.
    names: Vec<String>,
    /// The id of one of its sessions.
    session_id: String,
}

impl Admin {
    async fn new(t: &Taskwell) -> Admin {
        let session = t.user("root").await;
        t.user("second").await;
        // With two admins, each may be changed.
        t.make_admin("root").await;
        t.make_admin("second").await;
        let new = json!({
            "name": "x", "scopes": ["tasks:read", "tasks:write", "account:read", "admin"]
        });
        let made = t.post("/api/v1/users/me/tokens").token(&session).json(&new).send().await.json();
        let me = t.get("/api/v1/users/me").token(&session).send().await.json();
        let uuid = me["uuid"].as_str().unwrap();
        let names = vec![
            "me".into(),
            me["id"].to_string(),
            uuid.to_owned(),
            uuid.to_uppercase(),
            format!("{uuid}/"),
        ];
        let sessions = t.get("/api/v1/users/me/sessions").token(&session).send().await.json();
        let session_id = sessions[0]["id"].as_str().unwrap().to_owned();
        Admin { session, token: made["token"].as_str().unwrap().to_owned(), names, session_id }
    }
}

/// Returns all operations that control the account of that name, each with its body.
fn decisions<'t>(t: &'t Taskwell, name: &str, session_id: &str) -> Vec<Call<'t>> {
    let (name, slash) = name.strip_suffix('/').map_or((name, ""), |name| (name, "/"));
    let path = format!("/api/v1/users/{name}");
    let change = |body: Value| t.patch(&format!("{path}{slash}")).json(&body);
    vec![
        change(json!({ "email": "thief@example.org" })),
        change(json!({ "email": "thief@example.org", "current_password": PASSWORD })),
        change(json!({ "username": "thief" })),
        change(json!({ "role": "user" })),
        change(json!({ "is_active": false })),
        t.delete(&format!("{path}/sessions/{session_id}{slash}")),
        t.delete(&format!("{path}/sessions{slash}")),
        t.delete(&format!("{path}{slash}")).json(&json!({ "password": PASSWORD })),
    ]
}

async fn accounts(t: &Taskwell) -> Vec<Vec<Option<String>>> {
    let mut rows = t.rows("SELECT * FROM users ORDER BY id").await;
    rows.extend(t.rows("SELECT * FROM sessions ORDER BY uuid").await);
    rows
}

async fn email(t: &Taskwell, name: &str) -> String {
    let rows = t.rows(&format!("SELECT email FROM users WHERE username = '{name}'")).await;
    rows[0][0].clone().unwrap()
}

fn assert_wants_password(reply: &Reply) {
    assert_eq!(reply.status, 422, "{reply:?}");
    let error = &reply.json()["errors"][0];
    assert_eq!((&error["field"], &error["code"]), (&json!("current_password"), &json!("required")));
}

/// Returns a password whose bcrypt hash would equal that of the correct one.
fn twice() -> String {
    format!("{PASSWORD}\0{PASSWORD}")
}

#[on_each_database]
async fn no_token_decides_over_its_owners_account_whatever_its_name(t: Taskwell) {
    let root = Admin::new(&t).await;
    let before = accounts(&t).await;
    for name in &root.names {
        for (n, call) in decisions(&t, name, &root.session_id).into_iter().enumerate() {
            let reply = call.token(&root.token).header(KEY, &format!("{name}-{n}")).send().await;
            assert_eq!(reply.status, 403, "{name} {n}: {reply:?}");
        }
    }
    assert_eq!(accounts(&t).await, before);
    // The token controls other accounts. Only the session controls its own.
    for (n, call) in
        decisions(&t, "2", "01a1fb26-21e1-73a9-8ab0-263b2a1e955b").into_iter().enumerate()
    {
        let status = call.token(&root.token).send().await.status;
        assert!(if n == 5 { status == 404 } else { status < 300 }, "{n}: {status}");
    }
    t.user("third").await;
    t.make_admin("third").await;
    let own = &root.names[1];
    for name in &root.names[1..] {
        let name = name.trim_end_matches('/');
        let path = format!("/api/v1/users/{name}");
        let named = t.patch(&path).token(&root.session).json(&json!({ "name": name })).send().await;
        assert_eq!((named.status, &named.json()["name"]), (200, &json!(name)));
    }
    let path = format!("/api/v1/users/{own}");
    assert_eq!(t.delete(&format!("{path}/sessions")).token(&root.session).send().await.status, 204);
    let again = t.login("root").await;
    assert_eq!(t.delete(&path).token(&again).send().await.status, 204);
}

#[on_each_database]
async fn another_address_of_ones_own_asks_for_the_password_whatever_its_name(t: Taskwell) {
    let root = Admin::new(&t).await;
    for (n, name) in root.names.iter().enumerate() {
        let path = format!("/api/v1/users/{name}");
        let change =
            async |body: &Value| t.patch(&path).token(&root.session).json(body).send().await;
        let now = email(&t, "root").await;
        for other in [format!("other{n}@example.org"), now.to_uppercase()] {
            assert_wants_password(&change(&json!({ "email": other })).await);
            for wrong in ["wrong", "", &twice()] {
                let body = json!({ "email": other, "name": "x", "current_password": wrong });
                let reply = change(&body).await;
                assert_eq!(
                    (reply.status, &reply.json()["detail"]),
                    (403, &json!("Incorrect password")),
                    "{name}"
                );
            }
        }
        assert_eq!(email(&t, "root").await, now);
        // An unchanged address needs no password, whatever else changes, and the server ignores a
        // given one.
        for body in [
            json!({ "email": now, "name": name }),
            json!({ "email": now, "current_password": "wrong" }),
        ] {
            assert_eq!(change(&body).await.json()["name"], json!(name));
        }
        let body =
            json!({ "email": format!("other{n}@example.org"), "current_password": PASSWORD });
        assert_eq!(change(&body).await.json()["email"], body["email"]);
    }
    // An admin changes the address of another user without a password.
    for (path, other) in
        [("/api/v1/users/2", "a@example.org"), ("/api/v1/users/2", "b@example.org")]
    {
        let reply =
            t.patch(path).token(&root.session).json(&json!({ "email": other })).send().await;
        assert_eq!((reply.status, &reply.json()["email"]), (200, &json!(other)));
    }
}

#[on_each_database]
async fn a_wrong_password_for_another_address_counts_as_one_by_every_name(t: Taskwell) {
    let mut t = t;
    let root = Admin::new(&t).await;
    t.reopen(|settings| settings.rate_limits = true);
    let mut refused = None;
    for n in 0..12 {
        let path = format!("/api/v1/users/{}", root.names[n % root.names.len()]);
        let body =
            json!({ "email": "thief@example.org", "current_password": format!("wrong {n}") });
        let reply = t.patch(&path).token(&root.session).json(&body).send().await;
        if reply.status == 429 {
            refused = Some(n);
            break;
        }
        assert_eq!(reply.status, 403, "{reply:?}");
    }
    assert_eq!(refused, Some(10));
    // The server ignores the correct password, too.
    let body = json!({ "email": "thief@example.org", "current_password": PASSWORD });
    assert_eq!(
        t.patch("/api/v1/users/me").token(&root.session).json(&body).send().await.status,
        429
    );
    // A new name needs no proof, so it still works.
    let body = json!({ "name": "Root" });
    assert_eq!(
        t.patch("/api/v1/users/me").token(&root.session).json(&body).send().await.status,
        200
    );
}

#[on_each_database]
async fn another_address_that_is_sent_again_is_answered_again(t: Taskwell) {
    let ada = t.user("ada").await;
    let change = async |email: &str, key: &str| {
        let body = json!({ "email": email, "current_password": PASSWORD });
        t.patch("/api/v1/users/me").token(&ada).header(KEY, key).json(&body).send().await
    };
    let first = change("one@example.org", "k").await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(change("two@example.org", "l").await.status, 200);
    let change_password =
        json!({ "current_password": PASSWORD, "new_password": "Difference.Engine-1822" });
    assert_eq!(
        t.post("/api/v1/users/me/password").token(&ada).json(&change_password).send().await.status,
        200
    );
    // By now, its password is wrong and its address has changed.
    let again = change("one@example.org", "k").await;
    assert_eq!((again.status, again.text()), (200, first.text()));
    assert_eq!(email(&t, "ada").await, "two@example.org");
    assert_eq!(change("three@example.org", "m").await.status, 403);
}

#[on_each_database]
async fn a_password_with_a_zero_byte_proves_nothing_and_is_chosen_nowhere(t: Taskwell) {
    let ada = t.user("ada").await;
    let twice = twice();
    let proofs = json!({
        "email": "ada@example.org", "password": twice, "current_password": twice,
        "new_password": "Difference.Engine-1822",
    });
    for door in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
        let reply = t.post(door).json(&proofs).send().await;
        assert_eq!(reply.status, 401, "{door}: {reply:?}");
    }
    let pair = format!("{PASSWORD}%00{PASSWORD}");
    let form = t.post("/api/v1/auth/login").header("content-type", FORM);
    assert_eq!(form.body(format!("username=ada&password={pair}")).send().await.status, 401);
    let page = t.post("/change-password").header("content-type", FORM);
    let fields =
        format!("token=&login=ada&current_password={pair}&new_password=Difference.Engine-1822");
    assert_eq!(page.body(fields).send().await.status, 401);
    for (method, path) in [
        ("POST", "/api/v1/users/me/password"),
        ("POST", "/api/v1/users/me/totp"),
        ("DELETE", "/api/v1/users/me/totp"),
        ("DELETE", "/api/v1/users/me"),
    ] {
        let reply = t.call(method.parse().unwrap(), path).token(&ada).json(&proofs).send().await;
        assert_eq!(reply.status, 403, "{method} {path}: {reply:?}");
    }
    let new = json!({
        "username": "bob", "name": "bob", "email": "bob@example.org", "password": twice,
        "confirmPassword": twice,
    });
    for door in [
        "/api/v1/auth/signup",
        "/api/v1/auth/register",
        "/api/auth/signup",
        "/user/signup",
        "/auth/register",
    ] {
        let reply = t.post(door).json(&new).send().await;
        assert!([400, 422].contains(&reply.status), "{door}: {reply:?}");
    }
    let change = json!({ "current_password": PASSWORD, "new_password": twice });
    assert_eq!(
        t.post("/api/v1/users/me/password").token(&ada).json(&change).send().await.status,
        422
    );
    t.login("ada").await;
}
