//! Bodies that are not JSON objects, are too large, or have another type.

use axum::http::Method;

use super::{Endpoint, Tree, World, assert_invalid, assert_shape, endpoints, good};
use crate::support::{Call, Taskwell, on_each_database};

/// Far deeper than the limit, in fewer bytes than any limit of a body.
const NESTED: usize = 2500;

fn with_body(call: Call<'_>, body: impl Into<Vec<u8>>) -> Call<'_> {
    call.header("content-type", "application/json").body(body.into())
}

/// Texts that are not a JSON object with members of the operation. `NAME` stands for the name of a
/// member.
const BROKEN: [&str; 35] = [
    "",
    "   \n",
    "{",
    "}",
    "{\"",
    "{\"NAME\"",
    "{\"NAME\":",
    "{\"NAME\":}",
    "{\"NAME\":1,}",
    "{'NAME':1}",
    "{NAME:1}",
    "{\"NAME\":NaN}",
    "{\"NAME\":-Infinity}",
    "{\"NAME\":01}",
    "{\"NAME\":0x10}",
    "{\"NAME\":1e400}",
    "{\"NAME\":\"a\nb\"}",
    "{\"NAME\":\"\0\"}",
    "{\"NAME\":\"\\ud800\"}",
    "{\"NAME\":\"\\x41\"}",
    "{\"NAME\":tru}",
    "{} {}",
    "{}x",
    "{/* why */}",
    "\u{feff}",
    "\u{feff}\u{feff}{}",
    "null",
    "true",
    "5",
    "\"{}\"",
    "[]",
    "[{}]",
    "nul",
    "<a/>",
    "NAME=1",
];

/// Returns bodies that are invalid for every operation. `NAME` stands for the name of a member.
fn broken() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = BROKEN.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(format!("{{\"NAME\":{}}}", "9".repeat(5000)).into_bytes());
    for bytes in
        [b"\xff".as_slice(), b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"]
    {
        // In a known member and in an unknown one.
        for name in ["NAME", "unknown"] {
            bodies.push([b"{\"", name.as_bytes(), b"\":\"", bytes, b"\"}"].concat());
        }
    }
    for name in ["NAME", "unknown"] {
        bodies.push(
            format!("{{\"{name}\":{}{}}}", "[".repeat(NESTED), "]".repeat(NESTED)).into_bytes(),
        );
        bodies.push(
            format!("{{\"{name}\":{}1{}}}", "{\"a\":".repeat(NESTED), "}".repeat(NESTED))
                .into_bytes(),
        );
        bodies.push(format!("{{\"{name}\":{}", "[".repeat(NESTED)).into_bytes());
    }
    bodies.push("[".repeat(NESTED).into_bytes());
    bodies
}

/// Returns the media types that an endpoint accepts. The document omits some that client generators
/// cannot handle.
fn read_types(endpoint: &Endpoint) -> Vec<&'static str> {
    let mut types = vec!["application/json"];
    if endpoint.path == "/api/v1/auth/login" {
        types.extend(["application/x-www-form-urlencoded", "multipart/form-data"]);
    }
    if endpoint.method == Method::PATCH && endpoint.tree == Tree::V1 {
        types.push("application/merge-patch+json");
    }
    assert!(
        endpoint.types.iter().all(|documented| types.contains(&documented.as_str())),
        "{endpoint:?}"
    );
    types
}

fn for_member(body: &[u8], name: &str) -> Vec<u8> {
    let at = body.windows(4).position(|window| window == b"NAME");
    at.map_or(body.to_vec(), |at| [&body[..at], name.as_bytes(), &body[at + 4..]].concat())
}

fn with_bodies() -> Vec<Endpoint> {
    endpoints().into_iter().filter(Endpoint::reads_body).collect()
}

#[on_each_database]
async fn what_is_no_json_object_is_refused_everywhere(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &with_bodies() {
        for body in broken() {
            let body = for_member(&body, &endpoint.members[0].name);
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let what = format!("{} {} {start}", endpoint.method, endpoint.path);
            let reply = world.refused(with_body(world.call(endpoint), body), &what).await;
            assert_invalid(endpoint.tree, &reply, &[("body", "syntax")], &what);
        }
    }
}

#[on_each_database]
async fn a_member_that_comes_twice_is_refused_everywhere(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &with_bodies() {
        for member in &endpoint.members {
            let value = good(&endpoint.schema, &member.name);
            let whole = endpoint.good_body().to_string();
            let again = format!("{{\"{0}\":{value},\"{0}\":{value},{1}", member.name, &whole[1..]);
            let what = format!("{} {} {again}", endpoint.method, endpoint.path);
            let reply = world.refused(with_body(world.call(endpoint), again), &what).await;
            assert_invalid(endpoint.tree, &reply, &[("body", "duplicate")], &what);
        }
    }
}

#[on_each_database]
async fn a_body_of_one_byte_too_many_is_refused_everywhere(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &with_bodies() {
        let what = format!("{} {}", endpoint.method, endpoint.path);
        // A body of the maximum size is read, and found to be empty.
        let reply = world
            .refused(with_body(world.call(endpoint), vec![b' '; endpoint.bytes_max]), &what)
            .await;
        assert_invalid(endpoint.tree, &reply, &[("body", "syntax")], &what);
        let mut body = endpoint.good_body().to_string().into_bytes();
        body.resize(endpoint.bytes_max + 1, b' ');
        let reply = world.refused(with_body(world.call(endpoint), body), &what).await;
        assert_shape(endpoint.tree, &reply, 413, &what);
        assert!(
            reply.text().contains(&format!("{} bytes", endpoint.bytes_max)),
            "{what}: {reply:?}"
        );
        let carries_task = endpoint.members.iter().any(|member| member.name == "title");
        assert_eq!(
            endpoint.bytes_max,
            if carries_task { 1024 * 1024 } else { 16 * 1024 },
            "{what}"
        );
    }
}

#[on_each_database]
async fn the_longest_task_fits_however_it_is_written(t: Taskwell) {
    let world = World::new(&t).await;
    let crabs = "\\ud83e\\udd80".repeat(20_000);
    // Each letter is three before composition.
    let letters = "\\u0073\\u0323\\u0307".repeat(20_000);
    for endpoint in with_bodies().iter().filter(|endpoint| endpoint.bytes_max > 16 * 1024) {
        for text in [&crabs, &letters] {
            let mut body = endpoint.good_body();
            body["description"] = "LONG".into();
            let body = body.to_string().replace("LONG", text);
            let reply = with_body(world.call(endpoint), body).send().await;
            assert!(reply.status < 300, "{} {}: {reply:?}", endpoint.method, endpoint.path);
        }
    }
}

#[on_each_database]
async fn a_body_of_another_type_is_refused_everywhere(t: Taskwell) {
    let world = World::new(&t).await;
    let types = [
        "",
        "text/plain",
        "application/xml",
        "application/json-seq",
        "application/jsonx",
        "json",
        "*/*",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
    ];
    for endpoint in &with_bodies() {
        let body = endpoint.good_body().to_string();
        let what = format!("{} {}", endpoint.method, endpoint.path);
        let reply = world.refused(world.call(endpoint).body(body.clone()), &what).await;
        assert_shape(endpoint.tree, &reply, 415, &what);
        let read = read_types(endpoint);
        for kind in types.iter().filter(|kind| !read.contains(&kind.split(';').next().unwrap())) {
            let what = format!("{what} {kind}");
            let call = world.call(endpoint).header("content-type", kind).body(body.clone());
            assert_shape(endpoint.tree, &world.refused(call, &what).await, 415, &what);
        }
        for kind in read {
            // The error shows that the body was read, although the type is in capitals and has a
            // parameter.
            let kind = format!("{}; charset=utf-8", kind.to_uppercase());
            let call = world.call(endpoint).header("content-type", &kind).body("%00=%FF&[");
            let reply = world.refused(call, &what).await;
            assert_shape(endpoint.tree, &reply, endpoint.tree.invalid(), &what);
        }
    }
}

#[on_each_database]
async fn a_broken_form_is_refused(t: Taskwell) {
    let world = World::new(&t).await;
    for (form, wrong) in [
        ("", &[("email", "required"), ("password", "required")][..]),
        ("username=root", &[("password", "required")]),
        ("password=x", &[("email", "required")]),
        ("username=root&password=x&password=y", &[("body", "duplicate")]),
        ("username=%FF&password=x", &[("body", "syntax")]),
        ("username=root&password=%C3%28", &[("body", "syntax")]),
    ] {
        let reply = world.refused(t.post("/api/v1/auth/login").form(form), form).await;
        assert_invalid(Tree::V1, &reply, wrong, form);
    }
}
