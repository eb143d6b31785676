//! Invalid ids, parameters, methods and paths.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;

use super::{Endpoint, Tree, World, assert_invalid, assert_shape, endpoints};
use crate::support::{Reply, Taskwell, on_each_database};

/// Texts that are not an id in any tree.
const NO_IDS: [&str; 24] = [
    "0",
    "-1",
    "+1",
    "01",
    "1.5",
    "1.0",
    "1e3",
    "0x10",
    "abc",
    "null",
    "%00",
    "1%00",
    "%FF",
    "%20",
    "1%20",
    "1%2F2",
    "%2e%2e",
    "%D9%A3",
    "0190163d8694739bbeea966c26f8ad90",
    "%7B0190163d-8694-739b-beea-966c26f8ad90%7D",
    "urn:uuid:0190163d-8694-739b-beea-966c26f8ad90",
    "0190163d-8694-739b-beea-966c26f8ad9",
    "'%20OR%201=1",
    "%F0%9F%98%80",
];

/// Returns the parameter of a path, if it has one.
fn parameter(endpoint: &Endpoint) -> Option<&str> {
    let (_, rest) = endpoint.path.split_once('{')?;
    rest.split_once('}').map(|(name, _)| name)
}

const WRONG_DATES: [&str; 6] =
    ["", "soon", "2026-02-30", "2026-13-01T00:00:00Z", "%00", "2026-12-31T10:00:00%2B99:99"];

/// Returns invalid values of a query parameter, encoded, with the code of the error.
fn flaws(name: &str) -> Vec<(String, &'static str)> {
    let all = |code: &'static str, texts: &[&str]| {
        texts.iter().map(|text| ((*text).to_owned(), code)).collect::<Vec<_>>()
    };
    let mut flaws = match name {
        "limit" => all(
            "range",
            &[
                "0",
                "1001",
                "-1",
                "%2B5",
                "1.5",
                "1e2",
                "abc",
                "",
                "99999999999999999999",
                "%00",
                "%D9%A3",
            ],
        ),
        "since" | "last_event_id" => all(
            "range",
            &["-1", "%2B5", "1.5", "1e2", "abc", "", "9223372036854775808", "%00", "%D9%A3"],
        ),
        "cursor" => all(
            "format",
            &["", "x", "%00", "00", "zz0000000000000000", "fe00000000000000000000000000000000"],
        ),
        "status" | "priority" => {
            all("unknown_word", &["", "done", "PENDING", "%00", "pending,low"])
        }
        "due_before" | "due_after" => all("format", &WRONG_DATES),
        "q" => [
            all("control_character", &["a%00b", "a%1Bb", "a%C2%85b"]),
            all("too_long", &[&"x".repeat(201), &"x+".repeat(17)]),
        ]
        .concat(),
        "offset" | "skip" => {
            all("range", &["-1", "%2B5", "1.5", "1e2", "abc", "", "100001", "%00", "%D9%A3"])
        }
        "page" => {
            all("range", &["0", "-1", "%2B5", "1.5", "abc", "", "4294967296", "%00", "%D9%A3"])
        }
        "completed" => all("unknown_word", &["", "yes", "1", "null", "true%00", "true,false"]),
        "sort" => {
            all("unknown_word", &["", "title", "--created_at", "created_at,id", "id;DROP", "%00"])
        }
        other => panic!("a parameter that these tests do not know: {other}"),
    };
    flaws.push(("%FF".into(), "syntax"));
    flaws.push(("%C3%28".into(), "syntax"));
    flaws
}

/// Sends a request, with a valid body if it needs one.
async fn refused_at(world: &World<'_>, endpoint: &Endpoint, path: &str) -> Reply {
    let mut call = world.call_at(endpoint, path);
    if endpoint.reads_body() {
        call = call.json(&endpoint.good_body());
    }
    world.refused(call, &format!("{} {path}", endpoint.method)).await
}

/// Returns the endpoint's path with `id` for the parameter `name`, and valid ids for the others.
fn with_id(world: &World<'_>, endpoint: &Endpoint, name: &str, id: &str) -> String {
    let path = endpoint.path.replace(&format!("{{{name}}}"), id);
    path.replace("{user_id}", "2").replace("{session_id}", &world.session)
}

#[on_each_database]
async fn what_is_no_id_is_refused_everywhere(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &endpoints() {
        let Some(name) = parameter(endpoint) else { continue };
        for id in NO_IDS {
            let path = with_id(&world, endpoint, name, id);
            let reply = refused_at(&world, endpoint, &path).await;
            assert_invalid(endpoint.tree, &reply, &[(name, "format")], &path);
        }
        let long = with_id(&world, endpoint, name, &"a".repeat(10_000));
        let reply = refused_at(&world, endpoint, &long).await;
        assert_invalid(endpoint.tree, &reply, &[(name, "format")], &endpoint.path);
    }
}

#[on_each_database]
async fn an_id_that_nobody_has_is_missing_however_large(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &endpoints() {
        let Some(name) = parameter(endpoint) else { continue };
        for id in [
            "7",
            "9223372036854775807",
            "9223372036854775808",
            &"9".repeat(500),
            "0190163d-8694-739b-beea-966c26f8ad90",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        ] {
            let path = with_id(&world, endpoint, name, id);
            let reply = refused_at(&world, endpoint, &path).await;
            // If only UUIDs are ids, a number is not an id.
            if !id.contains('-')
                && (endpoint.tree == Tree::Web || matches!(name, "session_id" | "token_id"))
            {
                assert_invalid(endpoint.tree, &reply, &[(name, "format")], &path);
            } else {
                assert_shape(endpoint.tree, &reply, 404, &path);
            }
        }
    }
}

#[on_each_database]
async fn a_wrong_id_and_a_wrong_body_are_told_together(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.reads_body()) {
        let Some(name) = parameter(endpoint) else { continue };
        let path = with_id(&world, endpoint, name, "abc");
        let member = endpoint.members[0].name.as_str();
        let call = world.call_at(endpoint, &path).json(&serde_json::json!({ member: [] }));
        let reply = world.refused(call, &path).await;
        assert_invalid(endpoint.tree, &reply, &[(name, "format"), (member, "type")], &path);
    }
}

#[on_each_database]
async fn each_wrong_parameter_is_named_alone_and_with_all_others(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in endpoints().iter().filter(|endpoint| !endpoint.query.is_empty()) {
        // Without a limit, `page` is ignored.
        let start = |name: &str| if name == "page" { "?limit=2&" } else { "?" };
        let base = world.path(endpoint);
        let mut all = Vec::new();
        let mut wrong = Vec::new();
        for name in &endpoint.query {
            let flaws = flaws(name);
            for (value, code) in &flaws {
                let path = format!("{base}{}{name}={value}", start(name));
                let reply = refused_at(&world, endpoint, &path).await;
                assert_invalid(endpoint.tree, &reply, &[(name, code)], &path);
            }
            let twice = format!("{base}{}{name}=1&{name}=2", start(name));
            let reply = refused_at(&world, endpoint, &twice).await;
            assert_invalid(endpoint.tree, &reply, &[(name, "duplicate")], &twice);
            all.push(format!("{name}={}", flaws[1].0));
            wrong.push((name.as_str(), flaws[1].1));
        }
        let path = format!("{base}?{}", all.join("&"));
        assert_invalid(endpoint.tree, &refused_at(&world, endpoint, &path).await, &wrong, &path);
    }
}

#[on_each_database]
async fn a_wrong_method_is_told_which_are_right(t: Taskwell) {
    let world = World::new(&t).await;
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for endpoint in &endpoints() {
        let methods = allowed.entry(world.path(endpoint)).or_default();
        methods.insert(endpoint.method.to_string());
        if endpoint.method == Method::GET {
            methods.insert("HEAD".into());
        }
    }
    for path in ["/", "/livez", "/readyz", "/version", "/openapi.json", "/docs"] {
        allowed.insert(path.into(), BTreeSet::from(["GET".into(), "HEAD".into()]));
    }
    for (path, methods) in &allowed {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            if methods.contains(method) {
                continue;
            }
            let what = format!("{method} {path}");
            let call = t.call(method.parse().unwrap(), path).token(&world.token);
            let reply = world.refused(call, &what).await;
            let told =
                reply.header("allow").unwrap_or("").split(',').map(|word| word.trim().to_owned());
            assert_eq!(&told.collect::<BTreeSet<_>>(), methods, "{what}");
            // A response to HEAD has no body to check.
            if method == "HEAD" {
                assert_eq!(reply.status, 405, "{what}");
            } else {
                assert_shape(Tree::of(path), &reply, 405, &what);
            }
        }
    }
}

#[on_each_database]
async fn an_unknown_path_is_told_in_the_shape_of_its_tree(t: Taskwell) {
    let world = World::new(&t).await;
    let long = format!("/api/v1/{}", "x/".repeat(5000));
    for path in [
        "/nope",
        "/tasks/1/2",
        "/tasks/1/complete",
        "/user",
        "/user/nope",
        "/auth/nope",
        "/auth/register/x",
        "/%FF",
        "/%00",
        "//tasks",
        "/TASKS",
        "/tasks%2F1",
        "/.env",
        "/../tasks",
        "/api",
        "/api/nope",
        "/api/tasks/x/y",
        "/api/tasks%00",
        "/api/auth",
        "/api/auth/nope",
        "/api/v1",
        "/api/v1/nope",
        "/api/v1//tasks",
        "/api/v1/tasks/1/2",
        "/api/v1/%C3%28",
        "/api/v2/tasks",
        "/docs/nope.js",
        &long,
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let what = format!("{method} {path}");
            let reply = world.refused(t.call(method, path).token(&world.token), &what).await;
            assert_shape(Tree::of(path), &reply, 404, &what);
        }
    }
}

#[on_each_database]
async fn a_tag_that_is_none_matches_no_version(t: Taskwell) {
    let world = World::new(&t).await;
    let guarded = [Method::PUT, Method::PATCH, Method::DELETE];
    let one_task = |endpoint: &&Endpoint| endpoint.path.contains("{task_id}");
    for endpoint in endpoints().iter().filter(one_task).filter(|one| guarded.contains(&one.method))
    {
        for tag in [
            "",
            "abc",
            "\"",
            "\"\"",
            "W/\"1\"",
            "\"-1\"",
            "\"99999999999999999999\"",
            "1",
            "\"1",
            "\u{e9}",
        ] {
            let what = format!("{} {} If-Match: {tag}", endpoint.method, endpoint.path);
            let call = world.call(endpoint).json(&endpoint.good_body()).header("if-match", tag);
            assert_shape(endpoint.tree, &world.refused(call, &what).await, 412, &what);
        }
    }
}
