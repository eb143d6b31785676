//! Several instances share counters in Redis. Each counts on its own while Redis is unreachable.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::ports::free_port;
use crate::support::prepare::{Program, require};
use crate::support::process::{Server, taskwell};
use crate::support::wait::until_listening;
use crate::support::{PASSWORD, Reply};

pub struct Redis {
    child: Child,
}

impl Redis {
    pub fn start(port: u16, folder: &Path) -> Redis {
        require(Program::Redis);
        let mut child = Command::new("redis-server")
            .current_dir(folder)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until_listening("Redis", &mut child, &format!("127.0.0.1:{port}"));
        Redis { child }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Log message of an instance that counts in Redis again.
const REACHABLE: &str = "Redis is reachable again";

fn serve(folder: &Path, redis: &str) -> Server {
    let mut command = taskwell(folder);
    command.env("RATE_LIMITS", "on").env("RUST_LOG", "info");
    Server::run(command.args(["--port", "0", "--redis-url", redis]))
}

/// Returns how many wrong passwords pass when consecutive ones go to different instances.
pub fn wrong_passwords(instances: &[Server], name: &str) -> usize {
    let proof = json!({ "username": name, "password": "wrong" });
    let statuses = (0..14).map(|n| {
        let reply = instances[n % 2].send("POST", "/api/v1/auth/login", "", Some(&proof));
        if reply.status == 429 {
            assert!(
                reply.header("retry-after").is_some() && reply.header("ratelimit").is_some(),
                "{reply:?}"
            );
        }
        reply.status
    });
    statuses.filter(|status| *status == 401).count()
}

#[test]
fn instances_count_together_and_each_for_itself_while_redis_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let port = free_port();
    let redis = Redis::start(port, folder);
    let url = format!("redis://127.0.0.1:{port}");
    let mut instances = [(); 2].map(|()| serve(folder, &url));
    let logs = instances.each_mut().map(Server::log);
    for name in ["ada", "bob", "carol"] {
        let new = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD
        });
        assert_eq!(instances[0].send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    }
    let right = json!({ "username": "ada", "password": PASSWORD });
    let log_in = || instances[1].send("POST", "/api/v1/auth/login", "", Some(&right)).status;
    // Correct passwords don't count.
    assert!((0..15).all(|_| log_in() == 200));
    assert_eq!(wrong_passwords(&instances, "ada"), 5);
    assert_eq!(log_in(), 429);
    drop(redis);
    let passed = wrong_passwords(&instances, "bob");
    assert!((10..=12).contains(&passed), "{passed}");
    let started = Instant::now();
    instances[0].send("POST", "/api/v1/auth/login", "", Some(&right));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let _redis = Redis::start(port, folder);
    for log in logs {
        log.wait_for(REACHABLE);
    }
    assert_eq!(wrong_passwords(&instances, "carol"), 5);
}

/// Asserts which attempts count, by accounts whose names begin with `phase`.
fn only_wrong_ones_count(server: &Server, phase: &str) {
    let sign_up = |name: &str| {
        let new = json!({
            "username": name, "email": format!("{name}@example.org"), "password": PASSWORD
        });
        assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    };
    let log_in = |name: &str, password: &str| {
        let proof = json!({ "username": name, "password": password });
        server.send("POST", "/api/v1/auth/login", "", Some(&proof))
    };
    let prove = |token: &str, password: &str| {
        server
            .send("POST", "/api/v1/users/me/totp", token, Some(&json!({ "password": password })))
            .status
    };
    let text = |reply: &Reply, member: &str| reply.json()[member].as_str().unwrap().to_owned();
    let name = format!("{phase}-right");
    sign_up(&name);
    let first = log_in(&name, PASSWORD);
    let (token, mut refresh) = (text(&first, "access_token"), text(&first, "refresh_token"));
    for n in 0..15 {
        assert_eq!(log_in(&name, PASSWORD).status, 200, "{phase}: login {n}");
        assert_eq!(prove(&token, PASSWORD), 201, "{phase}: proof {n}");
        let next = server.send(
            "POST",
            "/api/v1/auth/refresh",
            "",
            Some(&json!({ "refresh_token": refresh })),
        );
        assert_eq!(next.status, 200, "{phase}: refresh {n}");
        refresh = text(&next, "refresh_token");
    }
    let statuses: Vec<u16> = (0..7).map(|_| log_in(&name, "wrong").status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429], "{phase}");
    let name = format!("{phase}-proofs");
    sign_up(&name);
    let token = text(&log_in(&name, PASSWORD), "access_token");
    let statuses: Vec<u16> = (0..12).map(|_| prove(&token, "wrong")).collect();
    assert_eq!(statuses, [[403; 10].as_slice(), &[429; 2]].concat(), "{phase}");
    assert_eq!(log_in(&name, PASSWORD).status, 429, "{phase}: the account has no tries left");
}

/// Returns the number of keys in Redis.
fn keys(port: u16) -> String {
    let mut redis = TcpStream::connect(("127.0.0.1", port)).unwrap();
    redis.write_all(b"DBSIZE\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    redis.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[test]
fn only_wrong_passwords_count_with_redis_while_it_is_away_and_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let port = free_port();
    let redis = Redis::start(port, folder);
    let url = format!("redis://127.0.0.1:{port}");
    let mut server = serve(folder, &url);
    let log = server.log();
    only_wrong_ones_count(&server, "there");
    assert_ne!(keys(port), ":0", "it is Redis that counts");
    drop(redis);
    only_wrong_ones_count(&server, "away");
    let _redis = Redis::start(port, folder);
    log.wait_for(REACHABLE);
    only_wrong_ones_count(&server, "back");
    assert_ne!(keys(port), ":0", "it is Redis that counts again");
}
