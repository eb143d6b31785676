//! Repeats each write of each tree.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ENDS, KEY, NEW_PASSWORD, TOLD_ONCE, assert_reused, assert_same, new_user};
use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

/// A write of the document, with the ids of its path; `Null` means no body.
pub struct Write<'w> {
    pub token: &'w str,
    pub operation: &'static str,
    pub ids: &'w [&'w str],
    pub body: Value,
}

impl Write<'_> {
    pub fn call<'t>(&self, t: &'t Taskwell, key: &str, body: &Value) -> Call<'t> {
        let (method, template) = self.operation.split_once(' ').unwrap();
        let mut ids = self.ids.iter();
        let parts = template
            .split('/')
            .map(|part| if part.starts_with('{') { ids.next().unwrap() } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        let mut call = t.call(method.parse().unwrap(), &path).header(KEY, key);
        if !self.token.is_empty() {
            call = call.token(self.token);
        }
        if body.is_null() { call } else { call.json(body) }
    }

    /// Sends it three times, with another body in between: one effect, one response.
    async fn thrice(self, t: &Taskwell, done: &mut BTreeSet<&'static str>) -> Reply {
        assert!(done.insert(self.operation));
        let key = self.operation.replace(' ', ":");
        let first = self.call(t, &key, &self.body).send().await;
        assert!((200..300).contains(&first.status), "{}: {first:?}", self.operation);
        let mut other = self.body.clone();
        other["more"] = json!("than before");
        let refused = self.call(t, &key, &other).send().await;
        assert_reused(&refused, self.operation);
        for _ in 0..2 {
            let again = self.call(t, &key, &self.body).send().await;
            assert_same(&first, &again);
        }
        first
    }
}

async fn write_tasks(t: &Taskwell, token: &str, done: &mut BTreeSet<&'static str>) {
    let title =
        json!({ "title": "Write it down", "due_date": "2030-01-01", "description": "twice\n🦀" });
    let made = Write { token, operation: "POST /api/v1/tasks", ids: &[], body: title.clone() };
    let made = made.thrice(t, done).await;
    assert_eq!(made.header("location"), Some(&*format!("/api/v1/tasks/{}", made.json()["id"])));
    let id = made.json()["id"].to_string();
    for (operation, body) in [
        ("PUT /api/v1/tasks/{task_id}", json!({ "title": "Read it" })),
        ("PATCH /api/v1/tasks/{task_id}", json!({ "completed": true })),
        ("DELETE /api/v1/tasks/{task_id}", Value::Null),
    ] {
        Write { token, operation, ids: &[&id], body }.thrice(t, done).await;
    }
    let made = Write { token, operation: "POST /api/tasks", ids: &[], body: title.clone() };
    let made = made.thrice(t, done).await.json();
    for (operation, body) in [
        ("PUT /api/tasks/{task_id}", json!({ "title": "Read it" })),
        ("PATCH /api/tasks/{task_id}/complete", json!({ "completed": true })),
        ("DELETE /api/tasks/{task_id}", Value::Null),
    ] {
        Write { token, operation, ids: &[made["id"].as_str().unwrap()], body }
            .thrice(t, done)
            .await;
    }
    let made = Write { token, operation: "POST /tasks", ids: &[], body: title }
        .thrice(t, done)
        .await
        .json();
    let id = made["id"].to_string();
    Write { token, operation: "DELETE /tasks/{task_id}", ids: &[&id], body: Value::Null }
        .thrice(t, done)
        .await;
    // Three tasks were created, two of them changed twice, and all deleted, each once.
    assert_eq!(t.rows("SELECT last FROM counters WHERE last > 0").await, [[Some("10".to_owned())]]);
}

/// Returns the id of an account's newest session.
async fn session(t: &Taskwell, token: &str, path: &str) -> String {
    let list = t.get(path).token(token).send().await.json();
    list[0]["id"].as_str().unwrap().to_owned()
}

async fn write_accounts(t: &Taskwell, ada: &str, done: &mut BTreeSet<&'static str>) {
    for (name, operation) in [
        ("ken", "POST /api/v1/auth/signup"),
        ("dennis", "POST /api/v1/auth/register"),
        ("brian", "POST /user/signup"),
    ] {
        Write { token: "", operation, ids: &[], body: new_user(name) }.thrice(t, done).await;
    }
    let login = json!({ "email": "brian@example.org", "password": PASSWORD });
    let tokens = t.post("/user/login").json(&login).send().await.json();
    let body = json!({ "refresh_token": tokens["refresh_token"] });
    Write { token: "", operation: "POST /user/logout", ids: &[], body }.thrice(t, done).await;

    t.login("ada").await;
    let other = session(t, ada, "/api/v1/users/me/sessions").await;
    let new = json!({ "name": "a script", "scopes": ["tasks:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(ada).json(&new).send().await.json();
    let made = made["id"].as_str().unwrap();
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    for (operation, ids, body) in [
        ("PATCH /api/v1/users/me", &[][..], json!({ "name": "Ada" })),
        ("DELETE /api/v1/users/me/sessions/{session_id}", &[&*other], Value::Null),
        ("DELETE /api/v1/users/me/tokens/{token_id}", &[made], Value::Null),
        ("DELETE /api/v1/users/me/totp", &[], json!({ "password": PASSWORD })),
        ("POST /api/v1/users/me/password", &[], change),
    ] {
        Write { token: ada, operation, ids, body }.thrice(t, done).await;
    }
}

async fn write_as_admin(t: &Taskwell, root: &str, done: &mut BTreeSet<&'static str>) {
    let bob = t.user("bob").await;
    let id = t.get("/api/v1/users/me").token(&bob).send().await.json()["id"].to_string();
    let other = session(t, root, &format!("/api/v1/users/{id}/sessions")).await;
    for (operation, ids, body) in [
        ("PATCH /api/v1/users/{user_id}", &[&*id][..], json!({ "role": "admin" })),
        ("DELETE /api/v1/users/{user_id}/sessions/{session_id}", &[&*id, &*other], Value::Null),
        ("DELETE /api/v1/users/{user_id}/sessions", &[&*id], Value::Null),
        ("DELETE /api/v1/users/{user_id}", &[&*id], Value::Null),
    ] {
        Write { token: root, operation, ids, body }.thrice(t, done).await;
    }
}

/// Returns the token of the next mail that contains one.
async fn mailed(t: &Taskwell) -> String {
    loop {
        let mail = t.operator.next_mail().await.unwrap().unwrap();
        t.operator.mail_sent(mail.id).await.unwrap();
        if let Some((_, token)) = mail.text.split_once("token=") {
            return token.chars().take_while(char::is_ascii_alphanumeric).collect();
        }
    }
}

async fn write_by_mail(t: &Taskwell, done: &mut BTreeSet<&'static str>) {
    let token = &t.user("grace").await;
    let sent = Write {
        token,
        operation: "POST /api/v1/auth/email/verification",
        ids: &[],
        body: Value::Null,
    };
    sent.thrice(t, done).await;
    assert_eq!(
        t.rows("SELECT id FROM mail_queue").await.len(),
        2,
        "one by the sign-up, one asked for"
    );
    mailed(t).await;
    for (verify, forgot, reset) in [
        (
            "POST /api/v1/auth/email/verify",
            "POST /api/v1/auth/password/forgot",
            "POST /api/v1/auth/password/reset",
        ),
        (
            "POST /api/auth/verify-email",
            "POST /api/auth/forgot-password",
            "POST /api/auth/reset-password",
        ),
    ] {
        let body = json!({ "token": mailed(t).await });
        Write { token: "", operation: verify, ids: &[], body }.thrice(t, done).await;
        let body = json!({ "email": "grace@example.org" });
        Write { token: "", operation: forgot, ids: &[], body }.thrice(t, done).await;
        assert_eq!(t.rows("SELECT id FROM mail_queue").await.len(), 1);
        let body = json!({ "token": mailed(t).await, "new_password": NEW_PASSWORD });
        Write { token: "", operation: reset, ids: &[], body }.thrice(t, done).await;
        t.user(&format!("grace{}", done.len())).await;
    }
}

/// Returns each write of the document.
fn operations() -> BTreeSet<String> {
    let document: Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys().filter(|method| *method != "get");
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    all.collect()
}

#[on_each_database]
async fn each_write_of_each_tree_that_is_sent_again_is_answered_as_the_first_time(t: Taskwell) {
    let mut t = t;
    let done = &mut BTreeSet::new();
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    write_tasks(&t, &ada, done).await;
    write_accounts(&t, &ada, done).await;
    write_as_admin(&t, &root, done).await;
    t.reopen(|settings| settings.mails = true);
    write_by_mail(&t, done).await;
    let known = done.iter().copied().chain(TOLD_ONCE).chain(ENDS);
    assert_eq!(known.map(str::to_owned).collect::<BTreeSet<_>>(), operations());
    let stored = format!("{:?}", t.rows("SELECT * FROM idempotency_keys").await);
    for secret in [PASSWORD, NEW_PASSWORD, "$2", "POST:"] {
        assert!(!stored.contains(secret), "{secret} in {stored}");
    }
}
