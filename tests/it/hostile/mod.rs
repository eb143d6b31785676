//! Invalid input of many kinds at every operation of the OpenAPI document. Each error has its
//! tree's format and names every invalid field, and nothing is stored.

mod bodies;
mod members;
mod paths;
mod tokens;

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Call, PASSWORD, Reply, Taskwell};

/// The trees, by error format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tree {
    V1,
    Web,
    WebAuth,
    Root,
}

impl Tree {
    fn of(path: &str) -> Tree {
        let below = |base: &str| path == base || path.starts_with(&format!("{base}/"));
        match path {
            _ if below("/api/v1") => Tree::V1,
            _ if below("/api/auth") => Tree::WebAuth,
            _ if below("/api") => Tree::Web,
            _ => Tree::Root,
        }
    }

    fn invalid(self) -> u16 {
        if self == Tree::V1 { 422 } else { 400 }
    }
}

/// An operation of the document.
#[derive(Debug)]
pub struct Endpoint {
    pub method: Method,
    /// The path in the document, such as `/tasks/{task_id}`.
    pub path: String,
    pub tree: Tree,
    /// Whether it needs no token.
    pub public: bool,
    /// The media types of the body; empty if the operation reads no body.
    types: Vec<String>,
    /// Maximum size of the body in bytes, from the document.
    pub bytes_max: usize,
    /// The name of the body's schema.
    schema: String,
    members: Vec<Member>,
    /// Names of the query parameters.
    query: Vec<String>,
}

/// A member of a body.
#[derive(Debug)]
struct Member {
    name: String,
    required: bool,
    nullable: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Number,
    Texts,
}

pub fn endpoints() -> Vec<Endpoint> {
    let document: Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            all.push(endpoint(&document, path, method, operation));
        }
    }
    assert!(all.len() > 30, "the document names few operations: {all:?}");
    all
}

fn endpoint(document: &Value, path: &str, method: &str, operation: &Value) -> Endpoint {
    let none = serde_json::Map::new();
    let content = operation["requestBody"]["content"].as_object().unwrap_or(&none);
    let schema =
        content.values().next().map_or("", |body| body["schema"]["$ref"].as_str().unwrap());
    let schema = schema.rsplit('/').next().unwrap().to_owned();
    let object = &document["components"]["schemas"][&schema];
    let required =
        |name: &str| object["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
    let members =
        object["properties"].as_object().unwrap_or(&none).iter().map(|(name, property)| Member {
            name: name.clone(),
            required: required(name),
            nullable: property.to_string().contains("\"null\""),
            kind: match property["type"].as_str() {
                Some("boolean") => Kind::Flag,
                Some("integer") => Kind::Number,
                Some("array") => Kind::Texts,
                _ => Kind::Text,
            },
        });
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
    Endpoint {
        method: Method::from_bytes(method.to_uppercase().as_bytes()).unwrap(),
        path: path.to_owned(),
        tree: Tree::of(path),
        public: operation["security"] == json!([]),
        types: content.keys().cloned().collect(),
        bytes_max: bytes_max(operation),
        members: members.collect(),
        schema,
        query: query.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect(),
    }
}

fn bytes_max(operation: &Value) -> usize {
    let contents = operation["responses"]["413"]["content"].as_object();
    let examples = contents.and_then(|all| all.values().next()?["examples"].as_object());
    let told = examples
        .and_then(|examples| examples.keys().next()?.split(' ').find_map(|word| word.parse().ok()));
    told.unwrap_or(0)
}

impl Endpoint {
    pub fn reads_body(&self) -> bool {
        !self.types.is_empty()
    }

    /// Returns a valid body.
    pub fn good_body(&self) -> Value {
        let members = self.members.iter().filter(|member| {
            // A login with an email ignores the username.
            self.schema != "Login" || member.name != "username"
        });
        let body = members.map(|member| (member.name.clone(), good(&self.schema, &member.name)));
        Value::Object(body.collect())
    }
}

fn good(schema: &str, member: &str) -> Value {
    let login = matches!(schema, "Login" | "RootLogin" | "WebSignIn");
    match member {
        "title" | "description" => json!("a text"),
        "status" => json!("pending"),
        "priority" => json!("high"),
        "due_date" | "completed_at" => json!("2030-01-02T03:04:05Z"),
        "completed" | "is_active" => json!(true),
        "keep_tokens" => json!(false),
        "role" => json!("user"),
        "email" if login || schema == "ForgotPassword" => json!("root@example.org"),
        "email" => json!("newcomer@example.org"),
        "username" => json!("newcomer"),
        "name" => json!("A Newcomer"),
        "password" | "confirmPassword" | "current_password" => json!(PASSWORD),
        "new_password" => json!("Difference.Engine-1822"),
        "refresh_token" | "token" => json!("0".repeat(64)),
        "totp_code" | "code" => json!("287082"),
        "scopes" => json!(["tasks:read", "admin"]),
        "expires_in_days" => json!(30),
        other => panic!("{schema} has a member that these tests do not know: {other}"),
    }
}

/// A store with an admin, who sends all requests, another user, and a task of the admin.
struct World<'t> {
    t: &'t Taskwell,
    token: String,
    task_uuid: String,
    session: String,
    personal: String,
}

impl World<'_> {
    async fn new(t: &Taskwell) -> World<'_> {
        let token = t.user("root").await;
        t.user("ada").await;
        // Two admins, so that each may be changed.
        t.make_admin("root").await;
        t.make_admin("ada").await;
        let task_uuid = t.task(&token, "here before").await["uuid"].as_str().unwrap().to_owned();
        let sessions = t.get("/api/v1/users/me/sessions").token(&token).send().await.json();
        let session = sessions[0]["id"].as_str().unwrap().to_owned();
        let new = json!({ "name": "a script", "scopes": ["tasks:read"] });
        let made = t.post("/api/v1/users/me/tokens").token(&token).json(&new).send().await.json();
        let personal = made["id"].as_str().unwrap().to_owned();
        World { t, token, task_uuid, session, personal }
    }

    fn path(&self, endpoint: &Endpoint) -> String {
        let task = if endpoint.tree == Tree::Web { &self.task_uuid } else { "1" };
        let path = endpoint.path.replace("{task_id}", task).replace("{user_id}", "2");
        path.replace("{session_id}", &self.session).replace("{token_id}", &self.personal)
    }

    /// Returns a request with a valid path and a valid token.
    fn call(&self, endpoint: &Endpoint) -> Call<'_> {
        self.call_at(endpoint, &self.path(endpoint))
    }

    fn call_at(&self, endpoint: &Endpoint, path: &str) -> Call<'_> {
        let call = self.t.call(endpoint.method.clone(), path);
        if endpoint.public { call } else { call.token(&self.token) }
    }

    /// Sends a request that must be refused, and asserts that the store is unchanged.
    async fn refused(&self, call: Call<'_>, what: &str) -> Reply {
        let before = self.rows().await;
        let reply = call.send().await;
        assert!(reply.status >= 400, "{what}: was taken: {reply:?}");
        assert_eq!(before, self.rows().await, "{what}: something was stored: {reply:?}");
        reply
    }

    /// Returns all stored data.
    async fn rows(&self) -> Vec<Vec<Option<String>>> {
        let mut rows = Vec::new();
        for table in [
            "users",
            "sessions",
            "refresh_tokens",
            "personal_tokens",
            "counters",
            "tasks",
            "changes",
        ] {
            rows.extend(self.t.rows(&format!("SELECT * FROM {table} ORDER BY 1")).await);
        }
        rows
    }
}

/// Asserts that a response is a complete error in the format of `tree`.
fn assert_shape(tree: Tree, reply: &Reply, status: u16, what: &str) {
    assert_eq!(reply.status, status, "{what}: {reply:?}");
    let kind = if tree == Tree::V1 { "application/problem+json" } else { "application/json" };
    assert_eq!(reply.header("content-type"), Some(kind), "{what}: {reply:?}");
    let body = reply.json();
    let members: BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let text = |name: &str| assert!(!body[name].as_str().unwrap().is_empty(), "{what}: {reply:?}");
    match tree {
        Tree::V1 => {
            assert_eq!(
                members,
                BTreeSet::from(["type", "title", "status", "detail", "errors"]),
                "{what}"
            );
            assert_eq!(body["status"], status, "{what}: {reply:?}");
            text("detail");
        }
        Tree::Root => {
            assert_eq!(members, BTreeSet::from(["detail", "message", "errors"]), "{what}");
            assert_eq!(body["detail"], body["message"], "{what}: {reply:?}");
            text("detail");
        }
        Tree::Web => {
            assert_eq!(members, BTreeSet::from(["detail"]), "{what}");
            text("detail");
        }
        Tree::WebAuth => {
            assert_eq!(members, BTreeSet::from(["success", "error", "error_code"]), "{what}");
            assert_eq!(body["success"], false, "{what}: {reply:?}");
            text("error");
            text("error_code");
        }
    }
    for error in body["errors"].as_array().unwrap_or(&Vec::new()) {
        assert!(
            ["field", "code", "message"].iter().all(|name| error[name].is_string()),
            "{what}: {reply:?}"
        );
    }
}

/// Asserts that a response names exactly these invalid fields, each with this code.
fn assert_invalid(tree: Tree, reply: &Reply, wrong: &[(&str, &str)], what: &str) {
    assert_shape(tree, reply, tree.invalid(), what);
    let body = reply.json();
    match tree {
        Tree::V1 | Tree::Root => {
            let told = body["errors"].as_array().unwrap().iter();
            let told: BTreeSet<(&str, &str)> = told
                .map(|error| (error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
                .collect();
            assert_eq!(told, wrong.iter().copied().collect(), "{what}: {reply:?}");
        }
        Tree::Web => {
            for (field, _) in wrong {
                let told = body["detail"].as_str().unwrap();
                assert!(
                    told.contains(&format!("{field}: ")),
                    "{what}: {field} is not told: {reply:?}"
                );
            }
        }
        Tree::WebAuth => assert_invalid_sign_in(&body, wrong, what),
    }
}

/// Asserts that the code names the invalid field, as in contract 001. If there are several, the
/// text names each.
fn assert_invalid_sign_in(body: &Value, wrong: &[(&str, &str)], what: &str) {
    let code = match wrong[0] {
        (_, "required" | "null" | "type") => "VALIDATION_ERROR",
        ("email", _) => "INVALID_EMAIL",
        ("password", _) => "WEAK_PASSWORD",
        ("confirmPassword", _) => "PASSWORDS_DO_NOT_MATCH",
        _ => "VALIDATION_ERROR",
    };
    assert_eq!(body["error_code"], code, "{what}: {body}");
    for (field, _) in wrong.iter().filter(|_| wrong.len() > 1 || code == "VALIDATION_ERROR") {
        let told = body["error"].as_str().unwrap();
        assert!(told.contains(&format!("{field}: ")), "{what}: {field} is not told: {body}");
    }
}
