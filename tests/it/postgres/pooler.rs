//! `PgBouncer` in transaction mode: each transaction gets any free connection.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::postgres::{Database, as_user, give_away};
use crate::support::prepare::{Program, require};
use crate::support::process::{Server, taskwell};
use crate::support::{PASSWORD, Taskwell};

/// Like the server's guard, it stops the pooler when this process ends.
const GUARD: &str =
    "pgbouncer pgbouncer.ini & cat > /dev/null; kill -INT $!; wait $!; rm -rf \"$PWD\"";

/// A pooler and its guard.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn start(folder: &Path, server: &Path) -> Pooler {
    require(Program::PgBouncer);
    let settings = format!(
        "[databases]\n* = host={} \
         user=taskwell\n[pgbouncer]\nunix_socket_dir={}\nlisten_port=5432\nauth_type=any\n\
         pool_mode=transaction\ndefault_pool_size=3\n",
        server.parent().unwrap().display(),
        folder.display()
    );
    std::fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
    give_away(folder);
    let mut guard = as_user(Path::new("sh"), folder)
        .args(["-c", GUARD])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(guard.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("process up")), "PgBouncer did not start");
    std::thread::spawn(move || lines.for_each(drop));
    Pooler(guard)
}

#[tokio::test]
async fn transactions_through_a_pooler_use_no_prepared_statements() {
    let folder = tempfile::tempdir().unwrap().keep();
    let database = Database::new().await;
    let _pooler = start(&folder, &Database::socket());
    let t = Taskwell::on_postgres_behind(&folder, database);
    let token = t.user("ada").await;
    for round in 1..=8 {
        let made = join_all((0..16).map(|_| t.task(&token, "one of many"))).await;
        let reads = made
            .iter()
            .map(|task| t.get(&format!("/api/v1/tasks/{}", task["id"])).token(&token).send());
        assert!(join_all(reads).await.iter().all(|reply| reply.status == 200));
        let change = json!({ "completed": true, "due_date": null });
        let changes = made.iter().map(|task| {
            t.put(&format!("/api/v1/tasks/{}", task["id"])).token(&token).json(&change).send()
        });
        assert!(join_all(changes).await.iter().all(|reply| reply.status == 200));
        let list = t
            .get("/api/v1/tasks?status=completed&sort=-updated_at")
            .token(&token)
            .send()
            .await
            .json();
        assert_eq!(list.as_array().unwrap().len(), 16 * round);
    }
    let count = t.rows("SELECT count(*), max(seq) FROM changes").await;
    assert_eq!(count, [[Some("256".into()), Some("256".into())]]);
}

fn log_in(server: &Server) -> String {
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let proof = json!({ "username": "ada", "password": PASSWORD });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// Uses processes, because the driver numbers its statements per process: the two use the same
/// names for different texts.
#[tokio::test]
async fn two_instances_behind_a_pooler_with_default_settings_lose_nothing() {
    const ROUNDS: usize = 40;
    let folder = tempfile::tempdir().unwrap().keep();
    let database = Database::new().await;
    let _pooler = start(&folder, &Database::socket());
    let home = tempfile::tempdir().unwrap();
    let url = database.url_by(&folder);
    let run = || {
        let mut command = taskwell(home.path());
        command
            .env("DATABASE_URL", &url)
            .env("JWT_SECRET", "a secret of the tests, 32 bytes or more");
        Server::run(command.args(["--port", "0"]))
    };
    let servers = [run(), run()];
    let token = log_in(&servers[0]);
    let write = |server: &Server, writer: usize| {
        let mut kept = Vec::new();
        for round in 0..ROUNDS {
            let title = format!("{writer}.{round}");
            let made =
                server.send("POST", "/api/v1/tasks", &token, Some(&json!({ "title": title })));
            assert_eq!(made.status, 201, "{made:?}");
            let path = format!("/api/v1/tasks/{}", made.json()["id"]);
            assert_eq!(server.send("GET", &path, &token, None).json()["title"], title);
            let title = format!("{title} changed");
            let changed = server.send("PUT", &path, &token, Some(&json!({ "title": title })));
            assert_eq!(changed.status, 200, "{changed:?}");
            if round % 4 == 0 {
                assert_eq!(server.send("DELETE", &path, &token, None).status, 204);
            } else {
                kept.push(title);
            }
        }
        kept
    };
    let mut kept = std::thread::scope(|scope| {
        let writers = (0..4).map(|writer| {
            let (server, write) = (&servers[writer % 2], &write);
            scope.spawn(move || write(server, writer))
        });
        let writers: Vec<_> = writers.collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    kept.sort();
    let stored = database.rows("SELECT title FROM tasks").await;
    let mut stored: Vec<String> = stored.into_iter().map(|row| row[0].clone().unwrap()).collect();
    stored.sort();
    assert_eq!(stored, kept);
    let changes = (4 * (2 * ROUNDS + ROUNDS / 4)).to_string();
    let counted = database
        .rows("SELECT count(*), max(seq), (SELECT max(last) FROM counters) FROM changes")
        .await;
    assert_eq!(counted, [[Some(changes.clone()), Some(changes.clone()), Some(changes)]]);
}
