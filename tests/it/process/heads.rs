//! Request heads that HTTP forbids, byte by byte.

use std::io::Write as _;

use crate::support::Reply;
use crate::support::http2::Http2;
use crate::support::process::{Server, read_reply};

/// Returns the response to a head with these lines, of which the first is the request line.
fn ask(server: &Server, lines: &[&[u8]]) -> Reply {
    let mut stream = server.connect();
    let mut head = lines.join(&b"\r\n"[..]);
    head.extend(b"\r\nconnection: close\r\n\r\n");
    stream.write_all(&head).unwrap();
    read_reply(&mut stream).unwrap()
}

#[test]
fn a_request_of_http_1_1_has_one_valid_host() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for path in
        ["/livez", "/api/v1/tasks", "/api/tasks", "/api/auth/signin", "/tasks", "/user/login"]
    {
        let line = format!("GET {path} HTTP/1.1");
        let get = line.as_bytes();
        for hosts in [
            &[][..],
            &[&b"host: a"[..], b"host: b"],
            &[b"host: a", b"Host: a"],
            &[b"host: a b"],
            &[b"host: a, b"],
            &[b"host: user@a"],
            &[b"host: a:port"],
            &[b"host: http://a/"],
            &[b"host: \xe9"],
        ] {
            let reply = ask(&server, &[&[get], hosts].concat());
            assert_eq!(reply.status, 400, "{path} {hosts:?} {reply:?}");
            assert!(reply.text().contains("Host"), "{reply:?}");
        }
    }
    let get: &[u8] = b"GET /livez HTTP/1.1";
    for host in [
        &b"host: a"[..],
        b"host:",
        b"host: a.example:8000",
        b"host: [::1]:8000",
        b"host: 127.0.0.1",
    ] {
        assert_eq!(ask(&server, &[get, host]).status, 200, "{host:?}");
    }
    // HTTP/1.0 needs no `Host`, but two of them are invalid there, too.
    let old: &[u8] = b"GET /livez HTTP/1.0";
    assert_eq!(ask(&server, &[old, b"accept: */*"]).status, 200);
    assert_eq!(ask(&server, &[old, b"host: a", b"host: b"]).status, 400);
    // HTTP/2 says it otherwise.
    let mut http2 = Http2::connect(&server, 65_535);
    http2.ask(1, "GET", "/livez", &[], false);
    assert!(http2.next().unwrap().is_ok());
}

#[test]
fn a_refused_head_is_told_to_pages_of_allowed_origins() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let reply = ask(&server, &[b"GET /api/v1/tasks HTTP/1.1", b"origin: http://localhost:3000"]);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (400, Some("application/problem+json"))
    );
    assert_eq!(reply.header("access-control-allow-origin"), Some("http://localhost:3000"));
}

#[test]
fn a_transfer_coding_that_nobody_knows_is_not_implemented() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for (path, kind) in
        [("/api/v1/auth/login", "application/problem+json"), ("/auth", "application/json")]
    {
        for (codings, status) in [
            (&["gzip, chunked"][..], 501),
            (&["gzip", "chunked"], 501),
            (&["identity, chunked"], 501),
            (&["chunked"], 400),
            (&["Chunked"], 400),
        ] {
            let mut stream = server.connect();
            let codings = codings.iter().map(|coding| format!("transfer-encoding: {coding}\r\n"));
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: \
                 application/json\r\n{}\r\n",
                codings.collect::<String>()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(b"2\r\n{}\r\n0\r\n\r\n").unwrap();
            let reply = read_reply(&mut stream).unwrap();
            let status = if status == 400 && kind.contains("problem") { 422 } else { status };
            assert_eq!(
                (reply.status, reply.header("content-type")),
                (status, Some(kind)),
                "{head}"
            );
        }
    }
}

#[test]
fn a_null_byte_in_a_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let get: &[u8] = b"GET /livez HTTP/1.1";
    for lines in [
        &[&b"GET /liv\0ez HTTP/1.1"[..], b"host: x"][..],
        &[get, b"host: x\0"],
        &[get, b"host: x", b"user-agent: a\0b"],
        &[get, b"host: x", b"idempotency-key: a\0b"],
        &[get, b"host: x", b"x-request-id: a\0b"],
        &[get, b"host: x", b"a\0b: c"],
    ] {
        assert_eq!(ask(&server, lines).status, 400, "{lines:?}");
    }
}
