//! The end of the process: immediate if no request is in flight, with one remaining file.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::commands::done;
use crate::support::PASSWORD;
use crate::support::process::{Server, taskwell};
use crate::support::wait::pause_of_a_slow_client;

/// Far more than a stop needs, far less than any timeout that it could run into.
const STOP_MAX: Duration = Duration::from_secs(5);

fn stop_by(mut server: Server, signal: &str) {
    let started = Instant::now();
    let pid = server.child.id().to_string();
    Command::new("kill").args([signal, &pid]).status().unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
    assert!(started.elapsed() < STOP_MAX, "{signal}: took {:?}", started.elapsed());
}

#[test]
fn both_signals_stop_the_server_though_connections_are_open() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(folder.path());
        let silent = server.connect();
        let mut kept = server.connect();
        kept.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        kept.read_exact(&mut [0]).unwrap();
        stop_by(server, signal);
        drop(silent);
    }
}

#[test]
fn event_streams_end_whole_when_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let token = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let token = token["access_token"].as_str().unwrap();
    let mut streams: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for stream in &mut streams {
        let head = format!(
            "GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"\"last\":0}\n\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            text.push(byte[0]);
        }
    }
    stop_by(server, "-TERM");
    for mut stream in streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "0\r\n\r\n");
    }
}

#[test]
fn a_request_that_never_ends_is_cut_off_when_patience_ends() {
    let folder = tempfile::tempdir().unwrap();
    let patience = ["--port", "0", "--shutdown-timeout-seconds", "1"];
    let server = Server::run(taskwell(folder.path()).args(patience));
    let mut endless = server.connect();
    let head = "POST /user/login HTTP/1.1\r\nhost: x\r\ncontent-type: \
                application/json\r\ncontent-length: 9\r\n\r\n{";
    endless.write_all(head.as_bytes()).unwrap();
    assert_eq!(server.send("GET", "/livez", "", None).status, 200);
    stop_by(server, "-TERM");
}

/// Proxies open a connection and send the request a moment later; they do not send a POST twice.
#[test]
fn each_connection_that_was_accepted_is_answered_during_a_stop() {
    /// Between a connection and its request, when both machines are busy.
    const PAUSE: Duration = Duration::from_millis(60);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    // An idle connection keeps the server from stopping at once.
    let mut idle = server.connect();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    let mut asked = Vec::new();
    while let Ok(mut client) = TcpStream::connect_timeout(&server.address.parse().unwrap(), PAUSE) {
        asked.push(std::thread::spawn(move || {
            pause_of_a_slow_client(PAUSE);
            client.set_read_timeout(Some(STOP_MAX)).unwrap();
            client.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")?;
            let mut answer = String::new();
            client.read_to_string(&mut answer).map(|_| answer)
        }));
        pause_of_a_slow_client(Duration::from_millis(3));
    }
    let all = asked.len();
    let answers: Vec<_> = asked.into_iter().map(|client| client.join().unwrap()).collect();
    let is_served = |answer: &&std::io::Result<String>| {
        answer.as_ref().is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
    };
    assert_eq!(
        answers.iter().filter(is_served).count(),
        all,
        "{:?}",
        answers.iter().rfind(|one| !is_served(one))
    );
    assert!(all > 100, "{all} connections are too few to say anything");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_stop_leaves_one_file_also_when_another_process_wrote_last() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The server's own writer has done nothing yet when it folds the log.
    done(folder, &["migrate"], "");
    let server = Server::start(folder);
    assert_eq!(server.send("GET", "/readyz", "", None).status, 200);
    done(folder, &["user", "create", "--email", "ada@example.org"], PASSWORD);
    stop_by(server, "-TERM");
    for name in ["taskwell.db-wal", "taskwell.db-shm"] {
        assert!(!folder.join(name).exists(), "{name} is left");
    }
    assert_eq!(done(folder, &["user", "list"], "").lines().count(), 1);
}

#[test]
fn standard_output_has_one_line_and_comes_when_the_server_listens() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = taskwell(folder.path())
        .args(["--port", "0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with('\n') {
        out.read_exact(&mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    let address = text.trim_end().strip_prefix("Taskwell listens on http://").unwrap().to_owned();
    let server = Server { child, address };
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    stop_by(server, "-TERM");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
