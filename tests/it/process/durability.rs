//! Acknowledged writes survive any end of the process. (Survival of a power cut follows from the
//! order of sync and response, which a killed process cannot show.)

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::postgres::Database;
use crate::support::prepare::{Program, require};
use crate::support::process::{Server, taskwell};

const KILLS: usize = 20;
const WRITERS: usize = 64;
/// Number of acknowledgements to wait for before each kill.
const ACKNOWLEDGED_MIN: usize = 200;

fn sign_up(server: &Server, name: &str) {
    let new =
        json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
    let reply = server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    assert_eq!(reply.status, 201, "{reply:?}");
}

fn login(server: &Server, name: &str) -> String {
    let proof = json!({ "username": name, "password": PASSWORD });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// Writes with all writers until the server is killed. Returns the id and title of each
/// acknowledged task.
fn write_until_killed(
    mut server: Server,
    tokens: &[String],
    cycle: usize,
) -> BTreeMap<i64, String> {
    let acknowledged = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        let (server, acknowledged) = (&server, &acknowledged);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let token = &tokens[writer % tokens.len()];
                scope.spawn(move || {
                    for n in 0.. {
                        let title = format!("cycle {cycle} writer {writer} number {n}");
                        let task = json!({ "title": title });
                        let Some(reply) =
                            server.try_send("POST", "/api/v1/tasks", token, Some(&task))
                        else {
                            return;
                        };
                        assert_eq!(reply.status, 201, "{reply:?}");
                        let id = reply.json()["id"].as_i64().unwrap();
                        acknowledged.lock().unwrap().insert(id, title);
                    }
                })
            })
            .collect();
        while acknowledged.lock().unwrap().len() < ACKNOWLEDGED_MIN {
            std::thread::yield_now();
        }
        let pid = server.child.id().to_string();
        std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        for writer in writers {
            writer.join().unwrap();
        }
    });
    server.child.wait().unwrap();
    acknowledged.into_inner().unwrap()
}

fn check(database: &Path, acknowledged: &BTreeMap<i64, String>) {
    let sql = rusqlite::Connection::open(database).unwrap();
    let sound: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    for (id, title) in acknowledged {
        let stored: String =
            sql.query_row("SELECT title FROM tasks WHERE id = ?1", [id], |row| row.get(0)).unwrap();
        assert_eq!(&stored, title);
        let changes: i64 = sql
            .query_row("SELECT count(*) FROM changes WHERE task_id = ?1", [id], |row| row.get(0))
            .unwrap();
        assert_eq!(changes, 1, "task {id} has no change");
    }
    // No gaps: the number of changes equals the counter, and the last change has its number.
    let mut counters = sql
        .prepare(
            "SELECT last, (SELECT count(*) FROM changes c WHERE c.owner = o.owner), (SELECT \
                  coalesce(max(seq), 0) FROM changes c WHERE c.owner = o.owner) FROM counters o",
        )
        .unwrap();
    let rows = counters.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    for row in rows {
        let (last, count, max): (i64, i64, i64) = row.unwrap();
        assert_eq!((last, last), (count, max));
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_in_the_middle_of_64_writers() {
    kill_among_writers(&tempfile::tempdir().unwrap());
}

#[test]
fn what_was_acknowledged_survives_kill_9_with_another_program_reading() {
    require(Program::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("taskwell.db");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let mut reader = std::process::Command::new("sqlite3");
                // It fails if there is no table yet.
                let _ = reader
                    .arg("-readonly")
                    .arg(&database)
                    .arg("select count(*) from tasks")
                    .output();
            }
        });
        let _end = End(&over);
        kill_among_writers(&folder);
    });
}

/// Ends another thread's loop when the test ends, also if it fails.
pub struct End<'a>(pub &'a std::sync::atomic::AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_among_writers(folder: &tempfile::TempDir) {
    let names = ["ada", "grace", "edsger", "barbara"];
    let mut acknowledged = BTreeMap::new();
    let mut tokens: Vec<String> = Vec::new();
    for cycle in 0..KILLS {
        let server = Server::start(folder.path());
        if cycle == 0 {
            for name in names {
                sign_up(&server, name);
            }
            // The same tokens work through all restarts, because the secret and the sessions
            // survive too.
            tokens = names.iter().map(|name| login(&server, name)).collect();
        }
        acknowledged.extend(write_until_killed(server, &tokens, cycle));
    }
    assert!(acknowledged.len() >= KILLS * ACKNOWLEDGED_MIN);
    check(&folder.path().join("taskwell.db"), &acknowledged);
}

/// Creates a task with its title as the idempotency key.
fn send_once(server: &Server, token: &str, title: &str) -> Option<String> {
    let (line, task) = (format!("idempotency-key: {title}\r\n"), json!({ "title": title }));
    let reply = server.try_send_with("POST", "/api/v1/tasks", token, &line, Some(&task))?;
    assert_eq!(reply.status, 201, "{reply:?}");
    Some(reply.text().to_owned())
}

/// A writer's last response, and its request without a response.
type Told = (Option<(String, String)>, Option<String>);

/// Repeats the answered request, then the unanswered one, then continues until the server is
/// killed.
fn write_again(
    (last, open): &mut Told,
    server: &Server,
    token: &str,
    name: &str,
    told: &AtomicUsize,
) {
    if let Some((title, text)) = last {
        let Some(again) = send_once(server, token, title) else { return };
        assert_eq!(*text, again);
    }
    for n in 0.. {
        let title = open.get_or_insert_with(|| format!("{name}.{n}")).clone();
        let Some(text) = send_once(server, token, &title) else { return };
        (*last, *open) = (Some((title, text)), None);
        told.fetch_add(1, Ordering::SeqCst);
    }
}

fn send_again_after_kills(start: impl Fn() -> Server) {
    let mut token = String::new();
    let mut writers: Vec<Told> = vec![(None, None); 16];
    for cycle in 0..6 {
        let mut server = start();
        if cycle == 0 {
            sign_up(&server, "ada");
            token = login(&server, "ada");
        }
        let told = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let (server, token, told) = (&server, &token, &told);
            let spawn = |(writer, state)| {
                scope.spawn(move || {
                    write_again(state, server, token, &format!("{cycle}.{writer}"), told);
                })
            };
            let writers: Vec<_> = writers.iter_mut().enumerate().map(spawn).collect();
            // A writer that ends before the server has failed.
            while told.load(Ordering::SeqCst) < 100
                && !writers.iter().any(ScopedJoinHandle::is_finished)
            {
                std::thread::yield_now();
            }
            let pid = server.child.id().to_string();
            std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        });
        server.child.wait().unwrap();
    }
    let server = start();
    let open = writers.iter().filter_map(|(_, open)| open.as_ref());
    assert!(open.inspect(|title| drop(send_once(&server, &token, title).unwrap())).count() > 0);
    let all = server.send("GET", "/api/v1/tasks", &token, None).json();
    let titles: Vec<&str> =
        all.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect();
    let each: HashSet<&str> = titles.iter().copied().collect();
    assert_eq!(each.len(), titles.len(), "a task was made twice");
    assert!(titles.len() >= 6 * 100);
}

#[test]
fn what_is_sent_again_after_kill_9_is_done_once_and_answered_alike() {
    let folder = tempfile::tempdir().unwrap();
    send_again_after_kills(|| Server::start(folder.path()));
}

#[tokio::test]
async fn what_is_sent_again_after_kill_9_is_done_once_on_postgresql_too() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::new().await;
    send_again_after_kills(|| {
        let mut command = taskwell(folder.path());
        let command = command.args(["--port", "0", "--database-url", &database.url]);
        Server::run(command.env("JWT_SECRET", "a secret of all cycles, 32 bytes or more"))
    });
}
