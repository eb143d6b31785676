//! A low limit on open files: the server serves fewer connections, and still responds to health
//! checks.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};

/// Starts a server with these limits on open files: soft and hard.
fn limited(folder: &std::path::Path, soft: u32, hard: u32) -> Server {
    let command = taskwell(folder);
    let mut shell = Command::new("sh");
    let script = format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$0\" --port 0");
    shell.current_dir(folder).env_clear().args(["-c", &script]).arg(command.get_program());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap());
    }
    Server::run(shell.process_group(0))
}

fn files_max(server: &Server) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
    line.split_whitespace().nth(3).unwrap().to_owned()
}

#[test]
fn as_many_files_may_be_open_as_the_system_lets_us() {
    let folder = tempfile::tempdir().unwrap();
    let server = limited(folder.path(), 256, 4096);
    assert_eq!(files_max(&server), "4096");
}

#[test]
fn health_is_answered_though_event_streams_ask_for_more_files_than_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = limited(folder.path(), 256, 256);
    let mut tokens = Vec::new();
    for n in 0..20 {
        let new = json!({
            "username": format!("u{n}"), "email": format!("u{n}@example.org"), "password": PASSWORD
        });
        assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
        let reply = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
        tokens.push(reply["access_token"].as_str().unwrap().to_owned());
    }
    let mut streams = Vec::new();
    let mut count = 0;
    for n in 0..300 {
        let mut stream = server.connect();
        let token = &tokens[n % tokens.len()];
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        // A connection that the server closed to make room does not count as a stream.
        let mut status = [0; 12];
        if stream.write_all(head.as_bytes()).and_then(|()| stream.read_exact(&mut status)).is_ok() {
            count += usize::from(&status == b"HTTP/1.1 200");
            streams.push(stream);
        }
    }
    assert!(count >= 64, "{count} streams");
    for path in ["/readyz", "/livez"] {
        let reply = server.try_send("GET", path, "", None).unwrap();
        assert_eq!(reply.status, 200, "{path}");
    }
    server.child.kill().unwrap();
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("MAX_CONNECTIONS=10000") && log.contains("ulimit -n"), "{log}");
    assert!(!log.contains("cannot accept"), "{log}");
}
