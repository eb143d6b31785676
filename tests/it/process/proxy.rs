//! Behind nginx with compression: the versions of tasks stay unchanged, so that they can guard
//! writes.

use serde_json::{Value, json};

use crate::support::ports::free_port;
use crate::support::process::Server;
use crate::support::{PASSWORD, proxies};

#[test]
fn a_proxy_that_compresses_leaves_versions_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let port = free_port();
    // A proxy that compresses as much as possible.
    let settings = format!(
        "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types *; server {{ listen \
         127.0.0.1:{port}; location / {{ proxy_pass http://{}; proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; }} }}",
        server.address
    );
    let nginx = proxies::nginx(folder.path(), port, &settings);
    let new = json!({ "username": "ada", "email": "ada@example.org", "password": PASSWORD });
    server.send("POST", "/api/v1/auth/signup", "", Some(&new));
    let tokens = server.send("POST", "/api/v1/auth/login", "", Some(&new)).json();
    let token = tokens["access_token"].as_str().unwrap();
    let send = |method: &str, path: &str, lines: &str, body: Option<&Value>| {
        let lines = format!("accept-encoding: gzip, deflate, br\r\n{lines}");
        nginx.try_send_with(method, path, token, &lines, body).unwrap()
    };
    // nginx is at work: what has no version it compresses itself.
    let me = send("GET", "/api/v1/users/me", "", None);
    assert_eq!((me.status, me.header("content-encoding")), (200, Some("gzip")), "{me:?}");
    for description in ["short".to_owned(), "long ".repeat(2000)] {
        let new = json!({ "title": "x", "description": description });
        let made = send("POST", "/api/v1/tasks", "", Some(&new));
        assert_eq!(made.status, 201, "{made:?}");
        let path = made.header("location").unwrap().to_owned();
        let mut tag = made.header("etag").unwrap().to_owned();
        for title in ["y", "z"] {
            let read = send("GET", &path, "", None);
            assert_eq!(
                (read.header("etag"), read.header("content-encoding")),
                (Some(&*tag), Some("gzip"))
            );
            assert!(tag.ends_with("-gzip\""), "{tag}");
            let known = send("GET", &path, &format!("if-none-match: {tag}\r\n"), None);
            assert_eq!(known.status, 304);
            let guarded = format!("if-match: {tag}\r\n");
            let written = send("PUT", &path, &guarded, Some(&json!({ "title": title })));
            assert_eq!(written.status, 200, "{tag} {written:?}");
            let stale = send("PUT", &path, &guarded, Some(&json!({ "title": "stale" })));
            assert_eq!(stale.status, 412, "{tag}");
            written.header("etag").unwrap().clone_into(&mut tag);
        }
    }
}
