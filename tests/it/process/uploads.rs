//! Bodies in transit: the limit on their total memory, and the delivery of refusals.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::http2::Http2;
use crate::support::process::{Server, read_reply, taskwell};

const MIB: usize = 1024 * 1024;

fn start() -> (tempfile::TempDir, Server, String) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::run(taskwell(folder.path()).args(["--port", "0"]));
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    let token = login(&server);
    (folder, server, token)
}

fn login(server: &Server) -> String {
    let proof = json!({ "email": "ada@example.org", "password": PASSWORD });
    let reply = server.send("POST", "/api/v1/auth/login", "", Some(&proof));
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// Returns the memory of a process, in MiB.
fn memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

/// Sends a body of 1 MiB without its last byte.
fn unfinished(server: &Server, path: &str, lines: &str) -> TcpStream {
    let mut stream = server.connect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: \
         application/json\r\n{lines}content-length: {MIB}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; MIB - 1]).unwrap();
    stream
}

fn is_answered(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let is_answered = stream.peek(&mut [0]).is_ok();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    is_answered
}

#[test]
fn bodies_under_way_hold_no_more_than_their_budget() {
    let (_folder, server, token) = start();
    let before = memory(&server);
    let bearer = format!("authorization: Bearer {token}\r\n");
    for (path, kind, members) in [
        (
            "/api/v1/tasks",
            "application/problem+json",
            &["type", "title", "status", "detail", "errors"][..],
        ),
        ("/api/tasks", "application/json", &["detail"]),
        ("/tasks", "application/json", &["detail", "message", "errors"]),
    ] {
        for with_key in [false, true] {
            let mut streams: Vec<TcpStream> = (0..60)
                .map(|n| {
                    // A request with a key is read before anybody is asked who sent it.
                    let lines =
                        if with_key { format!("idempotency-key: {n}\r\n") } else { bearer.clone() };
                    unfinished(&server, path, &lines)
                })
                .collect();
            let grown = memory(&server).saturating_sub(before);
            let mut answered: Vec<&mut TcpStream> =
                streams.iter_mut().filter_map(|s| is_answered(s).then_some(s)).collect();
            assert!((30..60).contains(&answered.len()), "{path}: {} were refused", answered.len());
            assert!(grown < 100, "{path}: {grown} MiB more");
            let reply = read_reply(answered.last_mut().unwrap()).unwrap();
            assert_eq!(
                (reply.status, reply.header("retry-after")),
                (503, Some("1")),
                "{path}: {reply:?}"
            );
            assert_eq!(reply.header("content-type"), Some(kind));
            let body = reply.json();
            assert!(members.iter().all(|name| body.get(name).is_some()), "{path}: {body}");
            // Small bodies have their own share.
            login(&server);
        }
        let long =
            json!({ "title": "long", "description": "🦀".repeat(20_000), "status": "pending" });
        // The server hears of the others' end in its own time.
        while server.send("POST", path, &token, Some(&long)).status == 503 {}
        assert_eq!(server.send("POST", path, &token, Some(&long)).status, 201, "{path}");
    }
}

#[test]
fn bodies_of_http2_hold_no_more_either() {
    let (_folder, server, _) = start();
    let before = memory(&server);
    let mut open = Vec::new();
    let mut refused = 0;
    for connection in 0..3 {
        let mut http2 = Http2::connect(&server, 65_535);
        let ids: Vec<u32> = (0..100).map(|n| 2 * n + 1).collect();
        for id in &ids {
            let key = format!("{connection}-{id}");
            let fields = [("content-type", "application/json"), ("idempotency-key", &*key)];
            http2.ask(*id, "POST", "/tasks", &fields, true);
        }
        let kept = http2.upload(&ids, MIB - 1);
        refused += ids.len() - kept.len();
        open.push(http2);
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 100, "{grown} MiB more");
    assert!(refused > 200, "{refused} were refused");
    login(&server);
}

#[test]
fn whoever_sends_too_much_reads_why() {
    let (_folder, server, _) = start();
    for _ in 0..20 {
        let mut stream = unfinished(&server, "/api/v1/auth/login", "");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("16384 bytes"), "{answer}");
    }
}
