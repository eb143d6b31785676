//! Connections that waste resources: idle ones, unread ones, and too many from one client. The
//! server still serves all other clients.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::PASSWORD;
use crate::support::http2::{DATA, GOAWAY, Http2, RST_STREAM};
use crate::support::process::{Server, read_reply, taskwell};
use crate::support::wait::pause_of_a_slow_client;

const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";

fn start(settings: &[(&str, &str)]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::run(taskwell(folder.path()).args(["--port", "0"]).envs(settings.iter().copied()));
    (folder, server)
}

fn account(server: &Server) -> String {
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    assert_eq!(server.send("POST", "/api/v1/auth/signup", "", Some(&new)).status, 201);
    let tokens = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Sends a small request. Returns whether there was a response.
fn ask(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    if stream.write_all(LIVEZ).is_err() {
        return false;
    }
    while !bytes.ends_with(b"{\"status\":\"ok\"}") {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
            _ => return false,
        }
    }
    true
}

/// Returns the time until the server closes the connection, without sending more.
fn closed_after(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    started.elapsed()
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn between_requests_a_connection_has_its_own_time() {
    let (_folder, server) = start(&[("IDLE_TIMEOUT_SECONDS", "14")]);
    let mut stream = server.connect();
    assert!(ask(&mut stream));
    // Longer than the timeout for a head.
    stream.set_read_timeout(Some(Duration::from_secs(11))).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(ask(&mut stream), "an idle connection was closed too early");
    // The next head has the same timeout.
    stream.write_all(b"GET /livez HT").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let took = closed_after(&mut stream);
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(13), "{took:?}");
}

#[test]
fn an_idle_connection_is_closed_whatever_it_speaks() {
    let (_folder, server) = start(&[("IDLE_TIMEOUT_SECONDS", "1")]);
    let mut stream = server.connect();
    assert!(ask(&mut stream));
    let took = closed_after(&mut stream);
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(5), "{took:?}");
    let mut http2 = Http2::connect(&server, 65_535);
    let started = Instant::now();
    http2.ask(1, "GET", "/livez", &[], false);
    let mut kinds = Vec::new();
    while let Some(frame) = http2.next() {
        kinds.push(frame.kind);
    }
    assert!(kinds.contains(&DATA) && kinds.contains(&GOAWAY), "{kinds:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn http2_that_asks_nothing_is_closed_though_it_answers_pings() {
    let (_folder, server) = start(&[]);
    let started = Instant::now();
    let mut http2 = Http2::connect(&server, 65_535);
    while http2.next().is_some() {}
    let took = started.elapsed();
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(15), "{took:?}");
}

/// Creates tasks of 8 MiB in total, far more than the buffers of a connection hold.
fn long_list(server: &Server, token: &str) {
    let task = json!({ "title": "long", "description": "🦀".repeat(20_000) });
    for _ in 0..100 {
        assert_eq!(server.send("POST", "/api/v1/tasks", token, Some(&task)).status, 201);
    }
}

#[test]
fn an_answer_that_nobody_reads_is_cut() {
    let (_folder, server) = start(&[("WRITE_TIMEOUT_SECONDS", "1")]);
    let token = account(&server);
    let mut events = server.connect();
    let head =
        format!("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    events.write_all(head.as_bytes()).unwrap();
    long_list(&server, &token);
    let head = format!(
        "GET /api/v1/tasks HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer \
         {token}\r\n\r\n"
    );
    let mut unread = server.connect();
    unread.write_all(head.as_bytes()).unwrap();
    // Longer than the server's write timeout.
    pause_of_a_slow_client(Duration::from_secs(3));
    assert!(
        !read_to_end(&mut unread).ends_with(b"0\r\n\r\n"),
        "an answer that nobody read was kept"
    );
    // An open stream sends a comment every 15 seconds.
    let (started, mut bytes) = (Instant::now(), [0; 4096]);
    while events.read(&mut bytes).is_ok_and(|count| count > 0) {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "an event stream that nobody read was kept"
        );
    }
}

/// The kernel's buffers are far larger than the amount that such a client reads within the write
/// timeout.
#[test]
fn an_answer_that_is_read_slowly_is_whole() {
    let (_folder, server) = start(&[("WRITE_TIMEOUT_SECONDS", "2")]);
    let token = account(&server);
    long_list(&server, &token);
    let mut read = server.connect();
    let head = format!(
        "GET /api/v1/tasks HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer \
         {token}\r\n\r\n"
    );
    read.write_all(head.as_bytes()).unwrap();
    let (started, mut bytes) = (Instant::now(), vec![0; 64 * 1024]);
    while started.elapsed() < Duration::from_secs(8) {
        read.read_exact(&mut bytes).unwrap();
        pause_of_a_slow_client(Duration::from_millis(200));
    }
    assert!(read_to_end(&mut read).ends_with(b"0\r\n\r\n"), "an answer that was read was cut");
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    rest
}

#[test]
fn of_http2_the_one_answer_is_cut_that_nobody_reads() {
    let (_folder, server) = start(&[("WRITE_TIMEOUT_SECONDS", "1")]);
    let token = account(&server);
    long_list(&server, &token);
    let bearer = format!("Bearer {token}");
    let bearer = [("authorization", &*bearer)];
    let mut http2 = Http2::connect(&server, 1000);
    http2.ask(1, "GET", "/api/v1/tasks", &bearer, false);
    http2.ask(3, "GET", "/api/v1/events", &bearer, false);
    let started = Instant::now();
    loop {
        let frame = http2.next().unwrap();
        assert!(frame.kind != RST_STREAM || frame.id == 1, "{frame:?}");
        if frame.kind == RST_STREAM {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    // The connection and the stream that waits for events stay open.
    http2.ask(5, "GET", "/livez", &[], false);
    while !(http2.next().is_some_and(|frame| frame.id == 5 && frame.is_ok())) {}
    server.send("POST", "/api/v1/tasks", &token, Some(&json!({ "title": "news" })));
    while !(http2
        .next()
        .is_some_and(|frame| frame.id == 3 && frame.payload.starts_with(b"event: change")))
    {}
}

#[test]
fn where_places_run_short_the_longest_idle_go_and_never_a_request() {
    let (_folder, server) = start(&[("MAX_CONNECTIONS", "20")]);
    let body =
        json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD }).to_string();
    let head = format!(
        "POST /api/v1/auth/signup HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut busy = server.connect();
    busy.write_all(head.as_bytes()).unwrap();
    let mut idle: Vec<TcpStream> = (0..15)
        .map(|_| {
            let mut stream = server.connect();
            assert!(ask(&mut stream));
            stream
        })
        .collect();
    assert!(idle.iter_mut().all(is_open), "closed though there is room");
    for (n, oldest) in idle.iter_mut().enumerate() {
        let mut new = server.connect();
        assert!(ask(&mut new));
        closed_after(oldest);
        assert!(is_open(&mut busy), "{n}");
        std::mem::forget(new);
    }
    busy.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_reply(&mut busy).unwrap().status, 201);
}

#[test]
fn nobody_is_shut_out_by_connections_that_are_silent_or_idle() {
    let (_folder, server) = start(&[("MAX_CONNECTIONS", "20")]);
    let silent: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    let started = Instant::now();
    assert!(ask(&mut server.connect()));
    let halves = (0..40).map(|_| {
        let mut stream = server.connect();
        stream.write_all(b"GET /livez HTT").unwrap();
        stream
    });
    let halves: Vec<TcpStream> = halves.collect();
    assert!(ask(&mut server.connect()));
    let idle = (0..40).map(|_| {
        let mut http2 = Http2::connect(&server, 65_535);
        http2.ask(1, "GET", "/livez", &[], false);
        while http2.next().unwrap().kind != DATA {}
        http2
    });
    let idle: Vec<Http2> = idle.collect();
    assert!(ask(&mut server.connect()));
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
    drop((silent, halves, idle));
}

/// Returns an address of this machine other than loopback, if it has one.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent.
    socket.connect("198.51.100.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

#[test]
fn one_client_has_a_quarter_of_all_places() {
    let Some(own) = own_address() else {
        return;
    };
    let proxy = own.to_string();
    for (trusted, most) in [("203.0.113.7", 5), (&*proxy, 12)] {
        let (_folder, mut server) =
            start(&[("MAX_CONNECTIONS", "20"), ("HOST", "0.0.0.0"), ("TRUSTED_PROXIES", trusted)]);
        let port = server.address.rsplit(':').next().unwrap().parse().unwrap();
        let mut open: Vec<TcpStream> = Vec::new();
        for n in 0..12 {
            let mut stream = TcpStream::connect(SocketAddr::new(own, port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            assert_eq!(ask(&mut stream), n < most, "{trusted}: {n}");
            open.push(stream);
        }
        server.address = format!("127.0.0.1:{port}");
        assert_eq!(
            server.send("GET", "/livez", "", None).status,
            200,
            "the machine itself was shut out"
        );
        open.remove(0);
        let started = Instant::now();
        while !TcpStream::connect(SocketAddr::new(own, port))
            .is_ok_and(|mut stream| ask(&mut stream))
        {
            assert!(started.elapsed() < Duration::from_secs(20), "a place was not given back");
        }
        let pid = server.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        let mut log = String::new();
        server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let warnings = log.matches("TRUSTED_PROXIES").count();
        assert_eq!(warnings, usize::from(most == 5), "{log}");
    }
}
