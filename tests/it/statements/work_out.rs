//! Every use case that reads or writes the store, through the router.

use rusqlite::Connection;
use serde_json::json;
use taskwell_core::accounts::{self, SignUp};
use taskwell_core::app::{App, Operator};
use taskwell_core::db::{DatabaseLocation, Db, SourceDb};
use taskwell_core::ids::UserId;
use taskwell_core::import;
use taskwell_core::sessions::LoginContext;
use taskwell_core::settings::{Scheme, Settings};
use taskwell_core::users::password::{Password, Policy};
use taskwell_core::users::{self, Email};

use crate::support::{PASSWORD, SECRET, Taskwell};

/// Runs each use case that reads or writes the store, through the router.
pub async fn work_out(t: &Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    work_on_tasks(t, &root, &ada).await;
    work_on_sessions(t).await;
    work_on_accounts(t, &root, &ada).await;
    work_on_import(t).await;
    work_on_tokens(t, &root).await;
    work_on_mail(t).await;
    work_on_keys(t, &root).await;
    work_on_names(t).await;
}

async fn work_on_tasks(t: &Taskwell, root: &str, ada: &str) {
    let uuid = t.task(ada, "here").await["uuid"].as_str().unwrap().to_owned();
    answers(t.get("/api/v1/tasks/1").token(ada).send().await.status, 200);
    answers(t.get(&format!("/api/v1/tasks/{uuid}")).token(ada).send().await.status, 200);
    answers(t.get(&format!("/api/tasks/{uuid}")).token(root).send().await.status, 403);
    answers(
        t.patch("/api/v1/tasks/1")
            .token(ada)
            .json(&json!({ "title": "there" }))
            .send()
            .await
            .status,
        200,
    );
    for sort in ["created_at", "updated_at", "due_date", "priority"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            for filter in [
                "",
                "&status=pending&priority=low&q=x",
                "&due_before=2030-01-01&due_after=2020-01-01",
            ] {
                let list = format!("/api/v1/tasks?sort={sort}{filter}");
                answers(t.get(&list).token(ada).send().await.status, 200);
            }
        }
    }
    // A page within the tasks without a due date.
    answers(t.get("/api/v1/tasks?sort=due_date&offset=9").token(ada).send().await.status, 200);
    answers(t.get("/api/v1/changes").token(ada).send().await.status, 200);
    answers(t.get("/api/v1/users/2/tasks").token(root).send().await.status, 200);
    answers(t.delete("/api/v1/tasks/1").token(ada).send().await.status, 204);
}

async fn work_on_sessions(t: &Taskwell) {
    // Without a username, the server derives one from the address.
    let new =
        json!({ "email": "g@example.org", "password": PASSWORD, "confirmPassword": PASSWORD });
    let opened = t.post("/api/auth/signup").json(&new).send().await.json();
    let refresh = json!({ "refresh_token": opened["refresh_token"] });
    answers(t.post("/api/auth/refresh").json(&refresh).send().await.status, 200);
    let next = t.post("/api/auth/refresh").json(&refresh).send().await.json();
    answers(
        t.post("/api/auth/signout").token(next["token"].as_str().unwrap()).send().await.status,
        200,
    );
    let proof = json!({ "email": "g@example.org", "password": PASSWORD });
    let opened = t.post("/user/login").json(&proof).send().await.json();
    let refresh = json!({ "refresh_token": opened["refresh_token"] });
    answers(t.post("/user/refresh-token").json(&refresh).send().await.status, 200);
    let sessions = t.get("/api/v1/users/me/sessions");
    answers(sessions.token(opened["access_token"].as_str().unwrap()).send().await.status, 200);
    answers(t.post("/user/logout").json(&refresh).send().await.status, 200);
}

async fn work_on_accounts(t: &Taskwell, root: &str, ada: &str) {
    let me = t.get("/api/v1/users/me").token(ada).send().await.json();
    let one = format!("/api/v1/users/{}", me["uuid"].as_str().unwrap());
    answers(t.get("/api/v1/users?q=ada").token(root).send().await.status, 200);
    answers(t.get(&one).token(root).send().await.status, 200);
    for role in ["admin", "user"] {
        answers(t.patch(&one).token(root).json(&json!({ "role": role })).send().await.status, 200);
    }
    let change = json!({ "current_password": PASSWORD, "new_password": "Difference.Engine-1822" });
    answers(t.post("/api/v1/users/me/password").token(ada).json(&change).send().await.status, 200);
    let change =
        json!({ "email": "countess@example.org", "current_password": "Difference.Engine-1822" });
    answers(t.patch("/api/v1/users/me").token(ada).json(&change).send().await.status, 200);
    answers(t.delete("/api/v1/users/me/sessions").token(ada).send().await.status, 204);
    answers(t.delete(&one).token(root).send().await.status, 204);
}

async fn work_on_tokens(t: &Taskwell, root: &str) {
    let eve = t.user("frances").await;
    let new = json!({ "name": "x", "scopes": ["tasks:read"] });
    let made = t.post("/api/v1/users/me/tokens").token(&eve).json(&new).send().await.json();
    answers(t.get("/api/v1/tasks").token(made["token"].as_str().unwrap()).send().await.status, 200);
    answers(t.get("/api/v1/users/me/tokens").token(&eve).send().await.status, 200);
    let path = format!("/api/v1/users/me/tokens/{}", made["id"].as_str().unwrap());
    answers(t.delete(&path).token(&eve).send().await.status, 204);
    answers(t.get("/api/v1/audit").token(&eve).send().await.status, 200);
    let proof = json!({ "password": PASSWORD });
    let totp = "/api/v1/users/me/totp";
    answers(t.post(totp).token(&eve).json(&proof).send().await.status, 201);
    let made = t.post(totp).token(&eve).json(&proof).send().await.json();
    let code =
        json!({ "code": crate::second_factor::code(made["secret"].as_str().unwrap(), t, 0) });
    let on = t.post(&format!("{totp}/confirm")).token(&eve).json(&code).send().await.json();
    let again = json!({
        "username": "frances", "password": PASSWORD, "totp_code": on["recovery_codes"][0]
    });
    answers(t.post("/api/v1/auth/login").json(&again).send().await.status, 200);
    answers(t.get(totp).token(&eve).send().await.status, 200);
    answers(t.delete(totp).token(&eve).json(&proof).send().await.status, 204);
    answers(t.get("/api/v1/audit").token(root).send().await.status, 200);
    let user = t.operator.write(|tx| users::find_by_login(tx, "frances")).await.unwrap();
    accounts::reset_password(&t.operator, user.id, Password::claimed(PASSWORD)).await.unwrap();
}

async fn work_on_mail(t: &Taskwell) {
    let settings = Settings { mails: true, scheme: Scheme::Bcrypt(4), ..Settings::default() };
    let (app, operator, _) = App::open(&t.place, &[SECRET], settings, t.clock.clone()).unwrap();
    let new = || SignUp {
        username: None,
        name: None,
        email: Email::parse("henry@example.org").unwrap(),
        password: Password::claimed(PASSWORD),
    };
    accounts::register(&app, new(), &LoginContext::default()).await.unwrap();
    let verify = next_token(&operator).await;
    accounts::email::verify_email(&app, verify, LoginContext::default()).await.unwrap();
    accounts::email::forgot_password(
        &app,
        Email::parse("henry@example.org").unwrap(),
        LoginContext::default(),
    )
    .await
    .unwrap();
    let reset = next_token(&operator).await;
    accounts::email::reset_forgotten(
        &app,
        reset,
        PASSWORD.into(),
        Policy::House,
        LoginContext::default(),
    )
    .await
    .unwrap();
    t.clock.advance_s(3600);
    let door = LoginContext { user_agent: Some("another".into()), ..LoginContext::default() };
    accounts::login(&app, "henry@example.org".into(), Password::claimed(PASSWORD), door)
        .await
        .unwrap();
}

async fn work_on_keys(t: &Taskwell, root: &str) {
    let new = json!({ "username": "ian", "email": "ian@example.org", "password": PASSWORD });
    answers(
        t.post("/api/v1/auth/signup").header("idempotency-key", "k").json(&new).send().await.status,
        201,
    );
    let call = t.post("/api/v1/tasks").token(root).header("idempotency-key", "k");
    answers(call.json(&json!({ "title": "once" })).send().await.status, 201);
    while t.operator.prune().await.unwrap() {}
}

async fn work_on_names(t: &Taskwell) {
    t.user("müller").await;
    let shadowed = t.operator.write(|tx| users::shadowed(tx, UserId(0))).await.unwrap();
    assert_eq!(shadowed, []);
}

/// Returns the token of the next mail and marks the mail as sent.
async fn next_token(operator: &Operator) -> String {
    let mail = operator.next_mail().await.unwrap().unwrap();
    operator.mail_sent(mail.id).await.unwrap();
    let (_, token) = mail.text.split_once("token=").unwrap();
    token.chars().take_while(char::is_ascii_alphanumeric).collect()
}

async fn work_on_import(t: &Taskwell) {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch(&format!(
            "CREATE TABLE user (id INTEGER, username TEXT, email TEXT, password TEXT);
             CREATE TABLE task (id INTEGER, owner_id INTEGER, title TEXT);
             INSERT INTO user VALUES (1, 'eve', 'e@example.org', '$2b$04${}');
             INSERT INTO task VALUES (1, 1, 'there')",
            "a".repeat(53)
        ))
        .unwrap();
    let from = SourceDb::open(&DatabaseLocation::Sqlite(other)).await.unwrap();
    let (to, _) = Db::open(&t.place, &Settings::default(), &t.clock).unwrap();
    let report = import::run(&from, &to, &[], t.clock.now(), true, |_| ()).await.unwrap();
    assert_eq!(report.tasks.come, 1);
}

fn answers(status: u16, wanted: u16) {
    assert_eq!(status, wanted);
}
