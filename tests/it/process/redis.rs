//! Several instances count together in Redis, and each for itself while it is away.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};
use crate::support::workshop::require;

pub struct Redis {
    child: Child,
}

impl Redis {
    pub fn start(port: u16, folder: &Path) -> Redis {
        require("redis-server", &["redis-server"]);
        let child = Command::new("redis-server")
            .current_dir(folder)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Redis { child }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many wrong passwords pass when each goes to the other instance than the last.
pub fn wrong_passwords(instances: &[Server], name: &str) -> usize {
    let proof = json!({ "username": name, "password": "wrong" });
    let statuses = (0..40).map(|n| {
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
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let redis = Redis::start(port, folder);
    let url = format!("redis://127.0.0.1:{port}");
    let serve =
        || Server::run(taskwell(folder).env("RATE_LIMITS", "on").args(["--port", "0", "--redis-url", &url]));
    let instances = [serve(), serve()];
    for name in ["ada", "bob", "carol"] {
        let new = json!({ "username": name, "email": format!("{name}@example.org"), "password": PASSWORD });
        assert_eq!(instances[0].send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    }
    let right = json!({ "username": "ada", "password": PASSWORD });
    let log_in = || instances[1].send("POST", "/api/v1/auth/login", "", Some(&right)).status;
    // Right ones don't count.
    assert!((0..15).all(|_| log_in() == 200));
    assert_eq!(wrong_passwords(&instances, "ada"), 10);
    assert_eq!(log_in(), 429);
    drop(redis);
    let passed = wrong_passwords(&instances, "bob");
    assert!((20..=22).contains(&passed), "{passed}");
    let started = Instant::now();
    instances[0].send("POST", "/api/v1/auth/login", "", Some(&right));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let _redis = Redis::start(port, folder);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(wrong_passwords(&instances, "carol"), 10, "together again");
}
