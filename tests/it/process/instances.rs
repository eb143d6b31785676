//! Two instances on one PostgreSQL, with and without Redis. A session that ends on one has ended on
//! the other.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::redis::{Redis, wrong_passwords};
use crate::support::PASSWORD;
use crate::support::ports::free_port;
use crate::support::postgres::Database;
use crate::support::process::{Server, taskwell};

/// A user with sessions on both instances.
struct Person {
    id: String,
    name: String,
    /// The session to end.
    access: String,
    refresh: String,
    /// Another one, and a personal access token.
    other: String,
    personal: String,
}

fn log_in(server: &Server, name: &str) -> (String, String) {
    let proof = json!({ "username": name, "password": PASSWORD });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    assert_eq!(reply.status, 200, "{reply:?}");
    let text = |member: &str| reply.json()[member].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

fn sign_up(server: &Server, name: &str) -> String {
    let new =
        json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
    let made = server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["user"]["id"].to_string()
}

impl Person {
    fn new([here, there]: [&Server; 2], name: &str) -> Person {
        let id = sign_up(here, name);
        let ((access, refresh), (other, _)) = (log_in(here, name), log_in(there, name));
        let new = json!({ "name": "x", "scopes": ["account:read"] });
        let made = here.send("POST", "/api/v1/users/me/tokens", &other, Some(&new)).json();
        let personal = made["token"].as_str().unwrap().to_owned();
        Person { id, name: name.to_owned(), access, refresh, other, personal }
    }
}

fn status(server: &Server, token: &str) -> u16 {
    server.send("GET", "/api/v1/users/me", token, None).status
}

fn refresh(server: &Server, token: &str) -> (u16, Value) {
    let reply =
        server.send("POST", "/api/v1/auth/refresh", "", Some(&json!({ "refresh_token": token })));
    (reply.status, reply.json())
}

/// The credentials that remain after a session has ended.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    OtherSession,
    /// Another session, and no personal access token.
    OtherSessionAlone,
    Tokens,
    Nothing,
}

/// Requests that end a session.
const ENDS: [(&str, Left); 9] = [
    ("POST /api/v1/auth/logout", Left::OtherSession),
    ("POST /api/auth/signout", Left::OtherSession),
    ("POST /user/logout", Left::OtherSession),
    ("POST /api/v1/users/me/password", Left::OtherSessionAlone),
    ("reuse", Left::OtherSession),
    ("DELETE /api/v1/users/me/sessions", Left::Tokens),
    ("DELETE /api/v1/users/ID/sessions", Left::Tokens),
    ("PATCH /api/v1/users/ID", Left::Nothing),
    ("DELETE /api/v1/users/ID", Left::Nothing),
];

fn end(server: &Server, how: &str, person: &Person, root: &str) {
    let Some((method, path)) = how.split_once(' ') else {
        let (_, second) = refresh(server, &person.refresh);
        assert_eq!(refresh(server, second["refresh_token"].as_str().unwrap()).0, 200);
        assert_eq!(refresh(server, &person.refresh).0, 401, "reuse");
        return;
    };
    let token = match how {
        // Ends the other sessions.
        "POST /api/v1/users/me/password" => &person.other,
        _ if path.contains("ID") => root,
        _ => &person.access,
    };
    let body = json!({
        "refresh_token": person.refresh, "is_active": false,
        "current_password": PASSWORD, "new_password": "Difference.Engine-1822",
    });
    let reply = server.send(method, &path.replace("ID", &person.id), token, Some(&body));
    assert!(reply.status < 300, "{how}: {reply:?}");
}

/// Ends sessions on one instance and checks the next request to the other one.
fn ends_hold_everywhere(instances: &[Server; 2], root: &str, round: &str) {
    for (n, (how, left)) in ENDS.iter().enumerate() {
        let (here, there) = (&instances[n % 2], &instances[(n + 1) % 2]);
        let person = Person::new([here, there], &format!("{round}{n}"));
        for token in [&person.access, &person.other, &person.personal] {
            assert_eq!((status(here, token), status(there, token)), (200, 200), "{how}");
        }
        end(here, how, &person, root);
        assert_eq!(status(there, &person.access), 401, "{round} {how}");
        assert_eq!(refresh(there, &person.refresh).0, 401, "{round} {how}");
        let alive = |is: bool| if is { 200 } else { 401 };
        assert_eq!(
            status(there, &person.other),
            alive(matches!(left, Left::OtherSession | Left::OtherSessionAlone)),
            "{round} {how}"
        );
        assert_eq!(
            status(there, &person.personal),
            alive(matches!(left, Left::OtherSession | Left::Tokens)),
            "{round} {how}"
        );
    }
}

/// Asserts that a role revoked on one instance is revoked on the other.
fn roles_hold_everywhere([here, there]: &[Server; 2], root: &str, round: &str) {
    let person = Person::new([here, there], &format!("{round}admin"));
    let path = format!("/api/v1/users/{}", person.id);
    let list = |server: &Server| server.send("GET", "/api/v1/users", &person.access, None).status;
    for (role, answer) in [("admin", 200), ("user", 403), ("admin", 200), ("user", 403)] {
        let reply = here.send("PATCH", &path, root, Some(&json!({ "role": role })));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(
            (list(there), list(here)),
            (answer, answer),
            "{round}: {} is {role}",
            person.name
        );
    }
}

#[tokio::test]
async fn what_ends_on_one_instance_is_refused_by_the_other_also_while_redis_is_away() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::new().await);
    let folder = folder.path();
    let port = free_port();
    let redis = Redis::start(port, folder);
    let command = |folder: &Path, args: &[&str]| -> Command {
        let mut command = taskwell(folder);
        command
            .env("DATABASE_URL", &database.url)
            .env("REDIS_URL", format!("redis://127.0.0.1:{port}"));
        command.env("JWT_SECRET", "one secret of both instances, 32 bytes or more");
        command.env("RATE_LIMITS", "on").args(args);
        command
    };
    let serve = || Server::run(&mut command(folder, &["--port", "0"]));
    let instances = [serve(), serve()];
    sign_up(&instances[0], "root");
    assert!(
        command(folder, &["user", "set-role", "root", "admin"]).output().unwrap().status.success()
    );
    let (root, _) = log_in(&instances[0], "root");

    ends_hold_everywhere(&instances, &root, "with");
    roles_hold_everywhere(&instances, &root, "with");
    sign_up(&instances[0], "ada");
    assert_eq!(wrong_passwords(&instances, "ada"), 5, "both count together");
    drop(redis);
    ends_hold_everywhere(&instances, &root, "without");
    roles_hold_everywhere(&instances, &root, "without");
    sign_up(&instances[0], "bob");
    let passed = wrong_passwords(&instances, "bob");
    assert!((10..=12).contains(&passed), "each counts for itself: {passed}");
}
