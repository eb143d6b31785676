//! Input errors are reported only to callers with an active session.

use super::{Endpoint, World, assert_shape, endpoints};
use crate::support::{Call, Taskwell, on_each_database};

/// Returns requests with other errors, without a token.
fn bad_requests<'t>(t: &'t Taskwell, world: &World<'_>, endpoint: &Endpoint) -> Vec<Call<'t>> {
    let good = world.path(endpoint);
    let bad_id = good
        .replace(&world.task_uuid, "abc")
        .replace(&world.session, "abc")
        .replace(&world.personal, "abc")
        .replace("/1", "/abc");
    let call = |path: &str| t.call(endpoint.method.clone(), path);
    let json = |path: &str| call(path).header("content-type", "application/json");
    vec![
        json(&good).body(endpoint.good_body().to_string()),
        json(&good).body("{"),
        json(&good)
            .body("{\"title\":5,\"email\":5,\"completed\":5,\"password\":5,\"new_password\":5}"),
        json(&good).body(vec![b' '; 1024 * 1024 + 1]),
        call(&good).header("content-type", "text/plain").body("x"),
        json(&bad_id).body("[]"),
        call(&format!("{bad_id}?limit=0&nonsense=1")),
    ]
}

#[on_each_database]
async fn a_dead_token_is_told_before_what_is_wrong_with_the_input(t: Taskwell) {
    let world = World::new(&t).await;
    let revoked = t.login("ada").await;
    let out = t.post("/api/v1/auth/logout").token(&revoked).send().await;
    assert_eq!(out.status, 200, "{out:?}");
    let guarded: Vec<Endpoint> =
        endpoints().into_iter().filter(|endpoint| !endpoint.public).collect();
    assert!(guarded.len() > 25);
    let rubbish = [
        "Bearer",
        "Bearer x",
        "Basic cm9vdDpyb290",
        "\u{e9}",
        &format!("Bearer {}", "x".repeat(5000)),
    ];
    for endpoint in &guarded {
        for (n, call) in bad_requests(&t, &world, endpoint).into_iter().enumerate() {
            let what = format!("{} {} {n}", endpoint.method, endpoint.path);
            let reply = world.refused(call.token(&revoked), &what).await;
            assert_shape(endpoint.tree, &reply, 401, &what);
            assert!(reply.header("www-authenticate").unwrap().contains("invalid_token"), "{what}");
        }
        for (n, call) in bad_requests(&t, &world, endpoint).into_iter().enumerate() {
            let what = format!("{} {} {n} without a token", endpoint.method, endpoint.path);
            let reply = world.refused(call, &what).await;
            assert_shape(endpoint.tree, &reply, 401, &what);
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{what}");
        }
        for value in rubbish {
            let call = t
                .call(endpoint.method.clone(), &world.path(endpoint))
                .header("authorization", value);
            assert_shape(endpoint.tree, &world.refused(call, value).await, 401, value);
        }
    }
}
