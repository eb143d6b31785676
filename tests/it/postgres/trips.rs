//! Round trips on a request's critical path, counted between Taskwell and the server.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::postgres::{Database, SOCKET};
use crate::support::wait::network_delay;
use crate::support::{PASSWORD, Taskwell};

/// Artificial delay of the server, long enough that a whole batch is sent before its first response
/// arrives.
const DELAY: Duration = Duration::from_millis(2);

/// A socket in a folder that leads to the server and counts how often one side waits for the other.
struct Wire {
    folder: tempfile::TempDir,
    trips: Arc<AtomicUsize>,
}

impl Wire {
    fn new() -> Wire {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let trips = Arc::new(AtomicUsize::new(0));
        let counted = trips.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) =
                    (client.unwrap(), UnixStream::connect(Database::socket()).unwrap());
                let asking = Arc::new(AtomicBool::new(false));
                let (trips, asked) = (counted.clone(), asking.clone());
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    pass(from, to, || {
                        if !asked.swap(true, Ordering::SeqCst) {
                            trips.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                });
                std::thread::spawn(move || {
                    pass(server, client, || {
                        network_delay(DELAY);
                        asking.store(false, Ordering::SeqCst);
                    });
                });
            }
        });
        Wire { folder, trips }
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, before: impl Fn()) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        before();
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Requests, and their maximum number of round trips.
const CALLS: [(&str, &str, Option<&str>, usize); 7] = [
    ("GET", "/api/v1/tasks/{id}", None, 1),
    ("GET", "/api/v1/tasks?limit=2", None, 1),
    ("GET", "/api/v1/changes?limit=2", None, 1),
    ("GET", "/api/v1/users/me", None, 1),
    ("POST", "/api/v1/tasks", Some("new"), 3),
    ("PUT", "/api/v1/tasks/{id}", Some("change"), 2),
    ("DELETE", "/api/v1/tasks/{id}", None, 2),
];

#[tokio::test]
async fn a_read_takes_one_trip_and_a_write_at_most_three() {
    let wire = Wire::new();
    let t = Taskwell::on_postgres_by(wire.folder.path()).await;
    let token = t.user("ada").await;
    t.task(&token, "here").await;
    let mut turn = 0;
    let keyed = [false, true].into_iter();
    let calls = keyed.flat_map(|keyed| CALLS.map(|call| (keyed, call)));
    for (keyed, (method, path, body, most)) in calls {
        // A connection prepares each statement at its first use. The last of these runs has no new
        // ones.
        let mut trips = 0;
        for _ in 0..8 {
            turn += 1;
            let id = t.task(&token, "another").await["id"].to_string();
            let mut call =
                t.call(method.parse().unwrap(), &path.replace("{id}", &id)).token(&token);
            if let Some(title) = body {
                call = call.json(&json!({ "title": format!("{title} {turn}") }));
            }
            if keyed {
                call = call.header("idempotency-key", &turn.to_string());
            }
            let before = wire.trips.load(Ordering::SeqCst);
            let reply = call.send().await;
            trips = wire.trips.load(Ordering::SeqCst) - before;
            assert!(reply.status < 300, "{reply:?}");
        }
        assert!((1..=most).contains(&trips), "{method} {path}: {trips} trips, {most} allowed");
    }
}

#[tokio::test]
async fn an_unknown_account_and_a_deactivated_one_cost_as_many_trips_as_any() {
    let wire = Wire::new();
    let mut t = Taskwell::on_postgres_by(wire.folder.path()).await;
    t.user("ada").await;
    t.user("asleep").await;
    t.rows("UPDATE users SET is_active = FALSE WHERE username = 'asleep'").await;
    t.reopen(|settings| settings.mails = true);
    for (path, body) in [
        (
            "/api/v1/auth/login",
            json!({ "email": "NAME@example.org", "password": "Wrong.Engine-1843" }),
        ),
        ("/api/v1/auth/login", json!({ "username": "NAME", "password": "Wrong.Engine-1843" })),
        ("/api/v1/auth/password/forgot", json!({ "email": "NAME@example.org" })),
    ] {
        let mut trips = Vec::new();
        for name in ["ada", "nobody", "asleep"] {
            let mut body: Value =
                serde_json::from_str(&body.to_string().replace("NAME", name)).unwrap();
            if name == "asleep" && body.get("password").is_some() {
                body["password"] = PASSWORD.into();
            }
            // The last of these runs has no statement to prepare, on any connection.
            let mut last = 0;
            for _ in 0..24 {
                let before = wire.trips.load(Ordering::SeqCst);
                t.post(path).json(&body).send().await;
                last = wire.trips.load(Ordering::SeqCst) - before;
            }
            trips.push(last);
        }
        assert_eq!(trips, [trips[0]; 3], "{path}");
    }
}
