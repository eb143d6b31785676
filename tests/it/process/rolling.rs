//! Two instances restart one after the other behind the proxies in `deploy/`, and clients notice
//! nothing.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::ports::free_port;
use crate::support::postgres::Database;
use crate::support::process::{Log, Server, taskwell};
use crate::support::wait::until;
use crate::support::{PASSWORD, proxies};

const CLIENTS: usize = 8;
/// Number of restarts of each instance.
const ROUNDS: usize = 2;

fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(file);
    std::fs::read_to_string(path).unwrap()
}

/// Returns the deployed settings of a proxy, adapted to the ports of this test.
fn settings(file: &str, listen: (&str, u16), instances: [u16; 2]) -> String {
    let mut text =
        deployed(file).replacen(listen.0, &listen.0.replace("80", &listen.1.to_string()), 1);
    for (n, port) in instances.iter().enumerate() {
        let name = format!("taskwell-{}:8000", n + 1);
        assert_eq!(text.matches(&name).count(), 1, "{name} in {file}");
        text = text.replace(&name, &format!("127.0.0.1:{port}"));
    }
    text
}

fn nginx(folder: &Path, instances: [u16; 2]) -> Server {
    let port = free_port();
    proxies::nginx(folder, port, &settings("nginx.conf", ("listen 80;", port), instances))
}

fn haproxy(folder: &Path, instances: [u16; 2]) -> Server {
    let port = free_port();
    proxies::haproxy(folder, port, &settings("haproxy.cfg", ("bind :80", port), instances))
}

fn instance(folder: &Path, database: &Database, port: u16) -> (Server, Log) {
    let mut server = Server::run(
        taskwell(folder)
            .args(["--port", &port.to_string()])
            .env("DATABASE_URL", &database.url)
            .env("JWT_SECRET", "rolling instances share one secret, 32 bytes or more")
            .env("RUST_LOG", "info"),
    );
    let log = server.log();
    let is_ready = || server.try_send("GET", "/readyz", "", None).map(|reply| reply.status);
    until("an instance is ready", || is_ready() == Some(200));
    (server, log)
}

/// Creates and reads tasks until it is stopped. Returns their titles, and all failures.
fn client(
    front: &Server,
    token: &str,
    n: usize,
    is_over: &AtomicBool,
) -> (Vec<String>, Vec<String>) {
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        let title = format!("{n}/{}", made.len() + failed.len());
        let reply =
            front.try_send("POST", "/api/v1/tasks", token, Some(&json!({ "title": title })));
        match reply {
            Some(reply) if reply.status == 201 => {
                let path = format!("/api/v1/tasks/{}", reply.json()["uuid"].as_str().unwrap());
                let change = json!({ "status": "in_progress" });
                for (method, body) in [("GET", None), ("PATCH", Some(&change))] {
                    let reply = front.try_send(method, &path, token, body);
                    if reply.as_ref().is_none_or(|reply| reply.status != 200) {
                        failed.push(format!("{method} {path}: {reply:?}"));
                    }
                }
                made.push(title);
            }
            reply => failed.push(format!("POST {title}: {reply:?}")),
        }
    }
    (made, failed)
}

async fn roll(proxied: impl FnOnce(&Path, [u16; 2]) -> Server) {
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port()];
    let mut instances = ports.map(|port| Some(instance(folder.path(), &database, port)));
    let front = proxied(folder.path(), ports);
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(front.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    let token = front.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let token = token["access_token"].as_str().unwrap();
    let is_over = AtomicBool::new(false);
    let (made, failed) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (front, is_over) = (&front, &is_over);
                scope.spawn(move || client(front, token, n, is_over))
            })
            .collect();
        for _ in 0..ROUNDS {
            for (at, port) in ports.into_iter().enumerate() {
                let (old, _log) = instances[at].take().unwrap();
                assert_eq!(old.stop(), Some(0));
                let (new, log) = instance(folder.path(), &database, port);
                // The proxy sends requests to the new one, so the next may stop.
                log.wait_for("\"path\":\"/api/v1/tasks\"");
                instances[at] = Some((new, log));
            }
        }
        is_over.store(true, Ordering::Relaxed);
        let all = clients.into_iter().map(|client| client.join().unwrap());
        all.fold((Vec::new(), Vec::new()), |mut sum, (made, failed)| {
            sum.0.extend(made);
            sum.1.extend(failed);
            sum
        })
    });
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), made.len());
    let mut stored = Vec::new();
    let mut path = "/api/v1/tasks?limit=1000".to_owned();
    loop {
        let reply = front.send("GET", &path, token, None);
        let page = reply.json();
        stored.extend(
            page.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap().to_owned()),
        );
        let Some(link) = reply.header("link") else {
            break;
        };
        link.split(['<', '>']).nth(1).unwrap().clone_into(&mut path);
    }
    assert_eq!(stored.len(), made.len());
    assert_eq!(stored.into_iter().collect::<HashSet<_>>(), made.into_iter().collect());
}

#[tokio::test]
async fn instances_behind_nginx_are_restarted_unseen() {
    roll(nginx).await;
}

#[tokio::test]
async fn instances_behind_haproxy_are_restarted_unseen() {
    roll(haproxy).await;
}
