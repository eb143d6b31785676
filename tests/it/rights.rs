//! Permissions: each operation of the document for each kind of caller. The test fails if the list
//! lacks an operation or contains a removed one, so that each new operation states its permissions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::Right::{Admin, Own, OwnThing, Public, Session, Task};
use crate::forged::Made;
use crate::hostile::{Endpoint, Tree, endpoints};
use crate::support::{PASSWORD, Taskwell, on_each_database};

/// The callers that may use an operation.
#[derive(Debug, Clone, Copy)]
enum Right {
    /// Everybody. The token is ignored.
    Public,
    /// Every user, for their own data, and tokens with one of these scopes.
    Own(&'static [&'static str]),
    /// The owner of the task in the path, and tokens with this scope.
    Task(&'static str),
    /// Every user with a session, but no personal access token.
    Session,
    /// As `Session`, for an item of the user's own in the path.
    OwnThing,
    /// Admins, and tokens with their scope.
    Admin,
}

const READ: &[&str] = &["tasks:read"];
const WRITE: &[&str] = &["tasks:write"];
const ACCOUNT: &[&str] = &["account:read"];

/// Each operation, its callers, and the status for them.
const RIGHTS: [(&str, Right, u16); 63] = [
    ("POST /api/auth/forgot-password", Public, 200),
    ("POST /api/auth/refresh", Public, 200),
    ("POST /api/auth/reset-password", Public, 200),
    ("POST /api/auth/signin", Public, 200),
    ("POST /api/auth/signout", Session, 200),
    ("POST /api/auth/signup", Public, 200),
    ("POST /api/auth/verify-email", Public, 200),
    ("GET /api/tasks", Own(READ), 200),
    ("POST /api/tasks", Own(WRITE), 201),
    ("DELETE /api/tasks/{task_id}", Task("tasks:write"), 200),
    ("GET /api/tasks/{task_id}", Task("tasks:read"), 200),
    ("PUT /api/tasks/{task_id}", Task("tasks:write"), 200),
    ("PATCH /api/tasks/{task_id}/complete", Task("tasks:write"), 200),
    ("GET /api/v1/audit", Own(&["account:read", "admin"]), 200),
    ("POST /api/v1/auth/email/verification", Session, 202),
    ("POST /api/v1/auth/email/verify", Public, 200),
    ("POST /api/v1/auth/login", Public, 200),
    ("POST /api/v1/auth/logout", Session, 200),
    ("POST /api/v1/auth/password/forgot", Public, 202),
    ("POST /api/v1/auth/password/reset", Public, 200),
    ("POST /api/v1/auth/refresh", Public, 200),
    ("POST /api/v1/auth/register", Public, 201),
    ("POST /api/v1/auth/signup", Public, 201),
    ("GET /api/v1/changes", Own(READ), 200),
    ("GET /api/v1/events", Own(READ), 200),
    ("GET /api/v1/tasks", Own(READ), 200),
    ("POST /api/v1/tasks", Own(WRITE), 201),
    ("DELETE /api/v1/tasks/{task_id}", Task("tasks:write"), 204),
    ("GET /api/v1/tasks/{task_id}", Task("tasks:read"), 200),
    ("PATCH /api/v1/tasks/{task_id}", Task("tasks:write"), 200),
    ("PUT /api/v1/tasks/{task_id}", Task("tasks:write"), 200),
    ("GET /api/v1/users", Admin, 200),
    ("DELETE /api/v1/users/me", Session, 204),
    ("GET /api/v1/users/me", Own(ACCOUNT), 200),
    ("PATCH /api/v1/users/me", Session, 200),
    ("POST /api/v1/users/me/password", Session, 200),
    ("DELETE /api/v1/users/me/sessions", Session, 204),
    ("GET /api/v1/users/me/sessions", Own(ACCOUNT), 200),
    ("DELETE /api/v1/users/me/sessions/{session_id}", OwnThing, 204),
    ("GET /api/v1/users/me/tokens", Own(ACCOUNT), 200),
    ("POST /api/v1/users/me/tokens", Session, 201),
    ("DELETE /api/v1/users/me/tokens/{token_id}", OwnThing, 204),
    ("DELETE /api/v1/users/me/totp", Session, 204),
    ("GET /api/v1/users/me/totp", Session, 200),
    ("POST /api/v1/users/me/totp", Session, 201),
    ("POST /api/v1/users/me/totp/confirm", Session, 200),
    ("DELETE /api/v1/users/{user_id}", Admin, 204),
    ("GET /api/v1/users/{user_id}", Admin, 200),
    ("PATCH /api/v1/users/{user_id}", Admin, 200),
    ("DELETE /api/v1/users/{user_id}/sessions", Admin, 204),
    ("GET /api/v1/users/{user_id}/sessions", Admin, 200),
    ("DELETE /api/v1/users/{user_id}/sessions/{session_id}", Admin, 204),
    ("GET /api/v1/users/{user_id}/tasks", Admin, 200),
    ("POST /auth", Public, 200),
    ("POST /auth/register", Public, 200),
    ("GET /tasks", Own(READ), 200),
    ("POST /tasks", Own(WRITE), 201),
    ("DELETE /tasks/{task_id}", Task("tasks:write"), 200),
    ("GET /tasks/{task_id}", Task("tasks:read"), 200),
    ("POST /user/login", Public, 200),
    ("POST /user/logout", Public, 200),
    // Contract 000's refresh needs only its token.
    ("POST /user/refresh-token", Public, 200),
    ("POST /user/signup", Public, 201),
];

/// A user, with all that a path may name.
struct Person {
    name: String,
    id: String,
    token: String,
    session: String,
    personal: String,
}

impl Person {
    async fn new(t: &Taskwell, name: &str) -> Person {
        let token = t.user(name).await;
        let id = t.get("/api/v1/users/me").token(&token).send().await.json()["id"].to_string();
        let sessions = t.get("/api/v1/users/me/sessions").token(&token).send().await.json();
        let (personal, _) = scoped(t, &token, &["tasks:read"]).await;
        let session = sessions[0]["id"].as_str().unwrap().to_owned();
        Person { name: name.to_owned(), id, token, session, personal }
    }
}

/// Creates a personal access token. Returns its id and its secret.
async fn scoped(t: &Taskwell, session: &str, scopes: &[&str]) -> (String, String) {
    let new = json!({ "name": "a script", "scopes": scopes, "expires_in_days": 1 });
    let made = t.post("/api/v1/users/me/tokens").token(session).json(&new).send().await.json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

/// Returns invalid tokens, each with the reason.
async fn dead(t: &Taskwell, root: &mut String) -> Vec<(&'static str, String)> {
    let expired = t.user("expired").await;
    let (_, expired_personal) =
        scoped(t, &expired, &["tasks:read", "tasks:write", "account:read"]).await;
    t.clock.advance_s(86_401);
    *root = t.login("root").await;
    let revoked = t.user("revoked").await;
    let (id, deleted_personal) =
        scoped(t, &revoked, &["tasks:read", "tasks:write", "account:read"]).await;
    t.delete(&format!("/api/v1/users/me/tokens/{id}")).token(&revoked).send().await;
    assert_eq!(t.post("/api/v1/auth/logout").token(&revoked).send().await.status, 200);
    let asleep = Person::new(t, "asleep").await;
    let (_, asleep_personal) =
        scoped(t, &asleep.token, &["tasks:read", "tasks:write", "account:read"]).await;
    let off = t
        .patch(&format!("/api/v1/users/{}", asleep.id))
        .token(root)
        .json(&json!({ "is_active": false }));
    assert_eq!(off.send().await.status, 200);
    let gone = Person::new(t, "gone").await;
    assert_eq!(
        t.delete(&format!("/api/v1/users/{}", gone.id)).token(root).send().await.status,
        204
    );
    let made = Made::of(root);
    let proof = json!({ "username": "root", "password": PASSWORD });
    let refresh = t.post("/api/v1/auth/login").json(&proof).send().await.json();
    vec![
        ("expired", expired),
        ("expired personal", expired_personal),
        ("revoked", revoked),
        ("deleted personal", deleted_personal),
        ("deactivated", asleep.token),
        ("deactivated personal", asleep_personal),
        ("deleted account", gone.token),
        ("wrong audience", made.with_claim("aud", Some(json!("other")))),
        ("a refresh token", refresh["refresh_token"].as_str().unwrap().to_owned()),
        ("nonsense", "x".to_owned()),
    ]
}

/// The callers of one operation.
struct Cast<'t> {
    t: &'t Taskwell,
    endpoint: &'t Endpoint,
    dead: &'t [(&'static str, String)],
    root: &'t str,
    ada: Person,
    bob: Person,
    /// Tokens with one scope each. Ada owns them, except the one with the admin scope.
    scoped: Vec<(&'static str, String)>,
    /// A token of the admin with all scopes except the admin scope.
    plain: String,
}

impl Cast<'_> {
    async fn ask(&self, token: Option<&str>, whose: &Person, body: Option<Value>) -> u16 {
        let Cast { t, endpoint, .. } = self;
        let task = t
            .post("/api/v1/tasks")
            .token(&self.ada.token)
            .json(&json!({ "title": "hers" }))
            .send()
            .await;
        let task = if task.status == 201 { task.json() } else { Value::Null };
        let task = if endpoint.tree == Tree::Web {
            task["uuid"].as_str().unwrap_or("").to_owned()
        } else {
            task["id"].to_string()
        };
        let path = endpoint.path.replace("{task_id}", &task).replace("{user_id}", &whose.id);
        let path =
            path.replace("{session_id}", &whose.session).replace("{token_id}", &whose.personal);
        let mut call = t.call(endpoint.method.clone(), &path);
        if let Some(token) = token {
            call = call.token(token);
        }
        if endpoint.reads_body() {
            // An unused name, and a token that everybody may create.
            let good = endpoint
                .good_body()
                .to_string()
                .replace("newcomer", &format!("new-{}", whose.name));
            let good = serde_json::from_str(&good.replace(",\"admin\"", "")).unwrap();
            call = call.json(&body.unwrap_or(good));
        }
        call.send().await.status
    }

    async fn expect(&self, who: &str, token: Option<&str>, whose: &Person, status: u16) {
        let answer = self.ask(token, whose, None).await;
        assert_eq!(answer, status, "{} {} as {who}", self.endpoint.method, self.endpoint.path);
    }

    /// Asserts that tokens without one of these scopes are refused.
    async fn expect_scopes(&self, opening: &[&str], whose: &Person) {
        for (scope, token) in self.scoped.iter().filter(|(scope, _)| !opening.contains(scope)) {
            self.expect(scope, Some(token), whose, 403).await;
        }
    }

    /// Calls the operation as those who may use it. Destructive calls come last.
    async fn play(&self, right: Right, status: u16) {
        let (ada, bob) = (&self.ada, &self.bob);
        let of = |wanted: &str| {
            self.scoped.iter().find(|(scope, _)| *scope == wanted).unwrap().1.as_str()
        };
        match right {
            Public => return self.everybody().await,
            _ => self.nobody().await,
        }
        match right {
            Public => {}
            Own(scopes) => {
                self.expect_scopes(scopes, ada).await;
                for scope in scopes {
                    self.expect(scope, Some(of(scope)), ada, status).await;
                }
                self.expect("another user", Some(&bob.token), bob, status).await;
                self.expect("an admin", Some(self.root), ada, status).await;
                self.expect("a user", Some(&ada.token), ada, status).await;
            }
            Task(scope) => {
                let hidden = if self.endpoint.tree == Tree::Web { 403 } else { 404 };
                self.expect_scopes(&[scope], ada).await;
                self.expect("another user", Some(&bob.token), ada, hidden).await;
                self.expect("an admin", Some(self.root), ada, hidden).await;
                self.expect(scope, Some(of(scope)), ada, status).await;
                self.expect("its owner", Some(&ada.token), ada, status).await;
            }
            Session => {
                self.expect_scopes(&[], ada).await;
                self.expect("an admin's token", Some(&self.plain), ada, 403).await;
                let code = self.code().await;
                let answer = self.ask(Some(&ada.token), ada, code).await;
                assert_eq!(
                    answer, status,
                    "{} {} as a user",
                    self.endpoint.method, self.endpoint.path
                );
            }
            OwnThing => {
                self.expect_scopes(&[], ada).await;
                self.expect("another user", Some(&bob.token), ada, 404).await;
                self.expect("an admin", Some(self.root), ada, 404).await;
                self.expect("its owner", Some(&ada.token), ada, status).await;
            }
            Admin => {
                self.expect_scopes(&["admin"], ada).await;
                self.expect("an admin's token", Some(&self.plain), ada, 403).await;
                self.expect("another user", Some(&bob.token), ada, 403).await;
                self.expect("the user", Some(&ada.token), ada, 403).await;
                self.expect("admin", Some(of("admin")), bob, status).await;
                self.expect("an admin", Some(self.root), ada, status).await;
            }
        }
    }

    /// Asserts that callers without a valid token are refused.
    async fn nobody(&self) {
        self.expect("nobody", None, &self.ada, 401).await;
        for (wrong, token) in self.dead {
            self.expect(wrong, Some(token), &self.ada, 401).await;
        }
    }

    /// Asserts that the operation ignores tokens.
    async fn everybody(&self) {
        let tokens = self.dead.iter().chain(&self.scoped).map(|(_, token)| token.as_str());
        for token in tokens.chain([self.root, &self.ada.token]).map(Some).chain([None]) {
            let status = self.ask(token, &self.ada, Some(json!({}))).await;
            assert!(
                [400, 422].contains(&status),
                "{}: {status} with {token:?}",
                self.endpoint.path
            );
        }
    }

    /// Returns the code that turns a second factor on.
    async fn code(&self) -> Option<Value> {
        if !self.endpoint.path.ends_with("/confirm") {
            return None;
        }
        let call = self
            .t
            .post("/api/v1/users/me/totp")
            .token(&self.ada.token)
            .json(&json!({ "password": PASSWORD }));
        let secret = call.send().await.json()["secret"].as_str().unwrap().to_owned();
        Some(json!({ "code": crate::second_factor::code(&secret, self.t, 0) }))
    }
}

#[on_each_database]
async fn every_operation_answers_each_caller_as_the_list_says(t: Taskwell) {
    ask_as_everybody(t).await;
}

/// Calls every operation as each kind of caller.
pub async fn ask_as_everybody(mut t: Taskwell) {
    t.reopen(|settings| settings.mails = true);
    let mut root = t.user("root").await;
    t.make_admin("root").await;
    let dead = dead(&t, &mut root).await;
    let rights: BTreeMap<&str, (Right, u16)> =
        RIGHTS.iter().map(|(name, right, status)| (*name, (*right, *status))).collect();
    let all = endpoints();
    let names: BTreeSet<String> =
        all.iter().map(|endpoint| format!("{} {}", endpoint.method, endpoint.path)).collect();
    let listed: BTreeSet<String> = rights.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, names, "each operation stands in the list, and nothing else does");
    let (_, admin) = scoped(&t, &root, &["admin"]).await;
    let (_, plain) = scoped(&t, &root, &["tasks:read", "tasks:write", "account:read"]).await;
    for (n, endpoint) in all.iter().enumerate() {
        let (right, status) = rights[format!("{} {}", endpoint.method, endpoint.path).as_str()];
        assert_eq!(
            endpoint.public,
            matches!(right, Public),
            "{}: what the document says",
            endpoint.path
        );
        let (ada, bob) =
            (Person::new(&t, &format!("ada{n}")).await, Person::new(&t, &format!("bob{n}")).await);
        let mut tokens = vec![("admin", admin.clone())];
        for scope in ["tasks:read", "tasks:write", "account:read"] {
            tokens.push((scope, scoped(&t, &ada.token, &[scope]).await.1));
        }
        let cast = Cast {
            t: &t,
            endpoint,
            dead: &dead,
            root: &root,
            ada,
            bob,
            scoped: tokens,
            plain: plain.clone(),
        };
        cast.play(right, status).await;
    }
}
