//! The accept loop and the process: stop, limits, logs, health, HTTP/2.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PASSWORD;
use crate::support::process::{Server, read_reply, taskwell};

#[test]
fn a_stop_lets_a_request_under_way_finish_and_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut stream = server.connect();
    let body =
        json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD }).to_string();
    let head = format!(
        "POST /api/v1/auth/signup HTTP/1.1\r\nhost: x\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body.as_bytes()[..10]).unwrap();
    // An answer on another connection shows that the server had time to see the first one.
    assert_eq!(server.send("GET", "/livez", "", None).status, 200);
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    while server.try_send("GET", "/livez", "", None).is_some() {}
    stream.write_all(&body.as_bytes()[10..]).unwrap();
    assert_eq!(read_reply(&mut stream).unwrap().status, 201);
    let mut server = server;
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn health_and_version_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for path in ["/livez", "/readyz"] {
        let reply = server.send("GET", path, "", None);
        assert_eq!((reply.status, reply.json()), (200, json!({ "status": "ok" })));
    }
    let version = server.send("GET", "/version", "", None).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_connection_that_does_not_ask_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    // Nothing at all, half a head, half of HTTP/2's first bytes.
    let openings: [&[u8]; 3] = [b"", b"GET /livez HTTP/1.1\r\nhost:", b"PRI * HTTP"];
    let started = Instant::now();
    let mut streams = openings.map(|opening| {
        let mut stream = server.connect();
        stream.write_all(opening).unwrap();
        stream
    });
    for (stream, opening) in streams.iter_mut().zip(openings) {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let opening = String::from_utf8_lossy(opening);
        assert!(started.elapsed() < Duration::from_secs(20), "{opening:?} was waited for");
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "{opening:?} was answered");
    }
    // Not immediately either, because a slow client has time.
    assert!(started.elapsed() > Duration::from_secs(5));
}

#[test]
fn connections_beyond_the_cap_wait_for_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::run(taskwell(folder.path()).args(["--port", "0", "--max-connections", "2"]));
    let request = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    // Requests in flight: their bodies are still to come.
    let [first, second] = [(); 2].map(|()| {
        let mut stream = server.connect();
        let head = "POST /auth HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: \
                    100-continue\r\ncontent-length: 5\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 25]).unwrap();
        stream
    });
    let mut byte = [0];
    let mut third = server.connect();
    third.write_all(request).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(third.read_exact(&mut byte).is_err(), "a third connection was served");
    drop(second);
    // The first one keeps its place.
    third.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    third.read_exact(&mut byte).unwrap();
    drop(first);
}

#[test]
fn http2_is_spoken_in_clear_text() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut stream = server.connect();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    // A SETTINGS frame on stream 0 (RFC 9113, section 3.4).
    assert_eq!((frame[3], &frame[5..]), (4, &[0, 0, 0, 0][..]));
}

#[test]
fn a_client_of_http2_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let url = format!("http://{}/livez", server.address);
    let args = [
        "--silent",
        "--http2-prior-knowledge",
        "--write-out",
        " %{http_version} %{http_code}",
        &url,
    ];
    let output = Command::new("curl").args(args).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), r#"{"status":"ok"} 2 200"#);
}

#[test]
fn what_is_refused_is_not_logged_either() {
    let folder = tempfile::tempdir().unwrap();
    let mut server =
        Server::run(taskwell(folder.path()).args(["--port", "0"]).env("RUST_LOG", "trace"));
    let mut stderr = server.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let wrong = json!({
        "email": "canary", "username": "canary canary", "name": "canary\0", "password": "canary",
        "confirmPassword": "canary2", "title": "canary\0", "status": "canary",
        "refresh_token": "canary"
    });
    let paths = [
        "/api/v1/auth/signup",
        "/api/v1/auth/login",
        "/api/v1/auth/refresh",
        "/api/v1/tasks",
        "/api/auth/signup",
        "/api/auth/signin",
        "/api/auth/refresh",
        "/api/tasks",
        "/user/signup",
        "/user/login",
        "/user/logout",
        "/user/refresh-token",
        "/auth/register",
        "/auth",
        "/tasks",
    ];
    for path in paths {
        let reply = server.send("POST", path, "canary-token", Some(&wrong));
        assert!((400..500).contains(&reply.status), "{path}: {reply:?}");
    }
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let log = reader.join().unwrap().unwrap();
    assert!(!log.contains("canary"), "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("\"path\"")).count(), paths.len(), "{log}");
}

#[test]
fn each_request_has_one_json_line_and_no_secret_is_in_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut server =
        Server::run(taskwell(folder.path()).args(["--port", "0"]).env("RUST_LOG", "trace"));
    let mut stderr = server.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let password = "canary password 1843";
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": password });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let tokens = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let made =
        server.send("POST", "/api/v1/tasks", access, Some(&json!({ "title": "canary title" })));
    server.send("GET", "/api/v1/tasks?q=canary-query", access, None);
    let id = made.header("x-request-id").unwrap().to_owned();
    let pid = server.child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let log = reader.join().unwrap().unwrap();
    for secret in ["canary", access, refresh, "ada@example.org"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_request: Vec<&Value> =
        lines.iter().filter(|line| line["request_id"] == id.as_str()).collect();
    assert_eq!(of_request.len(), 1, "{log}");
    assert_eq!(
        (&of_request[0]["path"], &of_request[0]["status"]),
        (&json!("/api/v1/tasks"), &json!(201))
    );
}

#[test]
fn a_port_that_is_taken_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let port = server.address.rsplit(':').next().unwrap();
    let output =
        taskwell(folder.path()).args(["--port", port]).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && told.contains(&server.address) && told.contains("PORT"),
        "{told}"
    );
}
