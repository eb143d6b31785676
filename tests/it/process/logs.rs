//! Logging never delays a request.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::time::{Duration, Instant};

use crate::support::process::{Server, taskwell};

#[test]
fn a_log_that_nobody_reads_holds_nothing_up_and_says_later_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut server =
        Server::run(taskwell(folder.path()).args(["--port", "0"]).env("RUST_LOG", "trace"));
    let mut stream = server.connect();
    // More than wait to be written and fit into the pipe.
    for _ in 0..6000 {
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    }
    let log = BufReader::new(server.child.stderr.take().unwrap());
    let told =
        log.lines().map(Result::unwrap).find(|line| line.contains("dropped log lines")).unwrap();
    assert!(told.contains("\"lines\":"), "{told}");
}

#[test]
fn a_server_whose_log_nobody_reads_stops_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::run(taskwell(folder.path()).args(["--port", "0"]).env("RUST_LOG", "trace"));
    for _ in 0..500 {
        assert_eq!(server.send("GET", "/api/v1/tasks", "x", None).status, 401);
    }
    let started = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_misspelled_level_is_refused_and_an_empty_one_is_the_default() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in ["warning", "inof", "none", "taskwell_core", "taskwell_core=loud", "info,inof"] {
        let output =
            taskwell(folder.path()).arg("migrate").env("RUST_LOG", wrong).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success()
                && told.contains("RUST_LOG")
                && told.contains("error, warn, info"),
            "{told}"
        );
    }
    let output = taskwell(folder.path()).arg("migrate").env("RUST_LOG", "").output().unwrap();
    assert!(
        output.status.success()
            && String::from_utf8(output.stderr).unwrap().contains("migrated the database")
    );
}
