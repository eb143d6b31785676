//! Members of bodies: each with every invalid value, alone and all at once.

use serde_json::{Value, json};

use super::{Endpoint, Kind, Member, World, assert_invalid, endpoints};
use crate::support::{PASSWORD, Taskwell, on_each_database};

/// Returns invalid values of a member, each with its error code.
fn flaws(schema: &str, member: &Member) -> Vec<(Value, &'static str)> {
    let numbers = [(json!(-1.5), "type"), (json!(u64::MAX), "type"), (json!(1e300), "type")];
    let mut flaws: Vec<(Value, &str)> = match member.kind {
        Kind::Flag => vec![(json!("true"), "type"), (json!(1), "type"), (json!(""), "type")],
        Kind::Text | Kind::Texts => {
            [(json!(true), "type"), (json!(1), "type")].into_iter().chain(numbers).collect()
        }
        Kind::Number => {
            let days = [0, -1, 367, i64::MAX].map(|days| (json!(days), "range"));
            [(json!(true), "type"), (json!("30"), "type")]
                .into_iter()
                .chain(numbers)
                .chain(days)
                .collect()
        }
    };
    flaws.extend(match member.kind {
        Kind::Texts => {
            [(json!([]), "too_short"), (json!(["x"]), "unknown_word"), (json!([1]), "type")]
        }
        _ => [(json!([]), "type"), (json!(["x"]), "type"), (json!([1]), "type")],
    });
    flaws.push((json!({ "x": 1 }), "type"));
    if member.kind == Kind::Texts {
        flaws.extend([
            (json!(["tasks:read", "TASKS:READ"]), "unknown_word"),
            (json!(["tasks:read", null]), "type"),
            (json!(vec!["tasks:read"; 33]), "type"),
            (json!("tasks:read"), "type"),
        ]);
    }
    if !member.nullable {
        flaws.push((Value::Null, "null"));
    }
    flaws.extend(
        text_flaws(schema, &member.name).into_iter().map(|(text, code)| (json!(text), code)),
    );
    flaws
}

fn text_flaws(schema: &str, name: &str) -> Vec<(String, &'static str)> {
    let word =
        |texts: &[&str]| texts.iter().map(|text| ((*text).to_owned(), "unknown_word")).collect();
    match (schema, name) {
        // Any text is valid if the server only compares it with stored data; a Boolean has no text.
        // An invalid token hides the problems of the password.
        ("ResetPassword", "new_password") | (_, "totp_code") => vec![],
        ("RootLogin", _) => vec![(String::new(), "too_short")],
        ("Login" | "PasswordProof", _)
        | ("WebSignIn", "password")
        | (
            _,
            "refresh_token" | "token" | "code" | "current_password" | "keep_tokens" | "completed"
            | "is_active" | "scopes" | "expires_in_days",
        ) => {
            vec![]
        }
        (_, "title") => line(200),
        (_, "name") => line(100),
        (_, "description") => vec![
            ("x".repeat(20_001), "too_long"),
            ("é".repeat(20_001), "too_long"),
            ("a\0b".into(), "control_character"),
            ("a\u{1b}[31m".into(), "control_character"),
        ],
        (_, "status" | "priority" | "role") => {
            word(&["", "no such word", "a\0b", "PENDING!", "null", "0"])
        }
        (_, "due_date" | "completed_at") => times(),
        (_, "username") => vec![
            (String::new(), "too_short"),
            ("x".repeat(65), "too_long"),
            ("a b".into(), "format"),
            ("a@b".into(), "format"),
            ("a\0b".into(), "format"),
            ("a\u{202e}b".into(), "format"),
        ],
        (_, "email") => vec![
            (String::new(), "format"),
            ("no address".into(), "format"),
            ("a\0b@example.org".into(), "format"),
            ("a\r\nb@example.org".into(), "format"),
            ("a@b@example.org".into(), "format"),
            (address(255), "too_long"),
        ],
        (_, "password" | "new_password") => vec![
            ("Sh0rt!".into(), "weak_password"),
            ("password".into(), "weak_password"),
            (format!("Aa1!{}", "x".repeat(69)), "too_long"),
            (format!("Aa1!{}", "é".repeat(35)), "too_long"),
            ("Aa1!\0Aa1!".into(), "control_character"),
        ],
        ("WebSignUp", "confirmPassword") => vec![("Another.Engine-1843".into(), "mismatch")],
        other => panic!("a member that these tests do not know: {other:?}"),
    }
}

/// Returns a valid address with this number of characters.
fn address(chars: usize) -> String {
    let domain = format!("{}org", "x.".repeat(93));
    format!("{}@{domain}", "a".repeat(chars - 1 - domain.len()))
}

fn line(chars: usize) -> Vec<(String, &'static str)> {
    vec![
        (String::new(), "too_short"),
        (" \t\u{3000}".into(), "too_short"),
        ("x".repeat(chars + 1), "too_long"),
        ("😀".repeat(chars + 1), "too_long"),
        ("a\nb".into(), "control_character"),
        ("a\0b".into(), "control_character"),
        ("a\u{85}b".into(), "control_character"),
    ]
}

fn times() -> Vec<(String, &'static str)> {
    let texts = [
        "",
        "tomorrow",
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "2026-12-31T25:00:00Z",
        "2026-12-31T10:60:00Z",
        "1700000000",
        "2026-12-31T10:00:00+99:99",
        "99999-01-01",
        "2026-12-31\0",
        "2026-12-31T10:00:00Z[UTC]",
        "9999-12-31T23:59:59-01:00",
    ];
    let mut times: Vec<(String, &str)> =
        texts.iter().map(|text| ((*text).to_owned(), "format")).collect();
    times.push(("0000-06-01".into(), "range"));
    times
}

/// Returns the valid body, with `value` for `name`.
fn body_with(endpoint: &Endpoint, name: &str, value: &Value) -> Value {
    let mut body = endpoint.good_body();
    body[name] = value.clone();
    if endpoint.schema == "WebSignUp" && name == "password" {
        // The same value twice, so that only the password is invalid.
        body["confirmPassword"] = value.clone();
    }
    body
}

/// Sends a body with the invalid members in `wrong`, and asserts the error.
async fn refuse(world: &World<'_>, endpoint: &Endpoint, body: &Value, wrong: &[(&str, &str)]) {
    let start: String = body.to_string().chars().take(300).collect();
    let what = format!("{} {} {start}", endpoint.method, endpoint.path);
    let reply = world.refused(world.call(endpoint).json(body), &what).await;
    assert_invalid(endpoint.tree, &reply, wrong, &what);
}

/// Without this, every other test here could pass for a wrong reason.
#[tokio::test]
async fn a_good_body_is_taken_everywhere() {
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.reads_body()) {
        let t = Taskwell::with(|settings| settings.mails = true);
        let world = World::new(&t).await;
        let reply = world.call(endpoint).json(&endpoint.good_body()).send().await;
        let unknown_token = endpoint.members.iter().any(|member| member.name.ends_with("token"));
        let wanted = match &*endpoint.schema {
            _ if unknown_token => 401..=401,
            // No user has enrolled.
            "TotpCode" => 403..=403,
            _ => 200..=299,
        };
        assert!(wanted.contains(&reply.status), "{} {}: {reply:?}", endpoint.method, endpoint.path);
    }
}

#[on_each_database]
async fn what_is_just_as_long_as_allowed_is_taken(t: Taskwell) {
    let new = json!({
        "username": "u".repeat(64), "name": "é".repeat(100), "email": address(254),
        "password": "Aa1!".repeat(18),
    });
    let reply = t.post("/api/v1/auth/signup").json(&new).send().await;
    assert_eq!(reply.status, 201, "{reply:?}");
    for (password, status) in [("Aa1!".repeat(18), 200), ("Aa1!".repeat(18) + "x", 401)] {
        let proof = json!({ "email": address(254), "password": password });
        assert_eq!(t.post("/api/v1/auth/login").json(&proof).send().await.status, status);
    }
    let token = t.user("ada").await;
    let new = json!({ "title": "😀".repeat(200), "description": "é".repeat(20_000) });
    let reply = t.post("/api/v1/tasks").token(&token).json(&new).send().await;
    assert_eq!(reply.json()["description"], new["description"]);
}

#[on_each_database]
async fn each_wrong_member_is_named_with_what_is_wrong(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &endpoints() {
        for member in &endpoint.members {
            for (value, code) in flaws(&endpoint.schema, member) {
                let body = body_with(endpoint, &member.name, &value);
                let both = endpoint.schema == "WebSignUp"
                    && member.name == "password"
                    && !value.is_string();
                let wrong = [(member.name.as_str(), code), ("confirmPassword", code)];
                refuse(&world, endpoint, &body, &wrong[..if both { 2 } else { 1 }]).await;
            }
        }
    }
}

#[on_each_database]
async fn a_missing_member_is_named(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &endpoints() {
        for member in endpoint.members.iter().filter(|member| member.required) {
            let mut body = endpoint.good_body();
            body.as_object_mut().unwrap().remove(&member.name);
            refuse(&world, endpoint, &body, &[(&member.name, "required")]).await;
        }
        let mut missing: Vec<(&str, &str)> = endpoint
            .members
            .iter()
            .filter(|member| member.required)
            .map(|member| (member.name.as_str(), "required"))
            .collect();
        if endpoint.schema == "Login" {
            missing.push(("email", "required"));
        }
        // The order of a sign-up's rules decides the code in contract 001. All of these have the
        // same code.
        if !missing.is_empty() {
            refuse(&world, endpoint, &json!({}), &missing).await;
            refuse(&world, endpoint, &json!({ "unknown": 1 }), &missing).await;
        }
    }
}

#[on_each_database]
async fn all_wrong_members_are_named_at_once(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.reads_body()) {
        let members: Vec<&Member> = endpoint.members.iter().collect();
        let mut body = endpoint.good_body();
        for member in &members {
            body[&member.name] = json!([{}]);
        }
        let wrong: Vec<(&str, &str)> =
            members.iter().map(|member| (member.name.as_str(), "type")).collect();
        refuse(&world, endpoint, &body, &wrong).await;
    }
}

#[on_each_database]
async fn all_broken_rules_are_named_at_once(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in &endpoints() {
        let mut body = endpoint.good_body();
        let mut wrong: Vec<(&str, &str)> = Vec::new();
        for member in &endpoint.members {
            // The server checks a new password's rule together with the old password, with access
            // to the store.
            let first = text_flaws(&endpoint.schema, &member.name).into_iter().next();
            if let Some((text, code)) = first.filter(|_| member.name != "new_password") {
                body[&member.name] = json!(text);
                wrong.push((&member.name, code));
            }
        }
        // Contract 001's code is that of its first field.
        wrong.sort_by_key(|(name, _)| *name != "email");
        if !wrong.is_empty() {
            refuse(&world, endpoint, &body, &wrong).await;
        }
    }
}

/// PostgreSQL cannot store a null character, so no text with one may reach it, as a value or in a
/// lookup.
#[on_each_database]
async fn a_null_character_is_an_error_of_the_client_in_every_member(t: Taskwell) {
    let world = World::new(&t).await;
    for endpoint in endpoints().iter().filter(|endpoint| endpoint.reads_body()) {
        // If the operation requires neither a code nor a password, it ignores them.
        let is_unseen = |name: &str| {
            name == "totp_code" || (endpoint.schema == "UserUpdate" && name == "current_password")
        };
        for member in endpoint.members.iter().filter(|member| !is_unseen(&member.name)) {
            let text = if member.kind == Kind::Texts { json!(["a\0b"]) } else { json!("a\0b") };
            let mut body = body_with(endpoint, &member.name, &text);
            if endpoint.schema == "Login" && member.name == "username" {
                body.as_object_mut().unwrap().remove("email");
            }
            let what = format!("{} {} {}", endpoint.method, endpoint.path, member.name);
            let reply = world.refused(world.call(endpoint).json(&body), &what).await;
            assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
            let is_login = matches!(&*endpoint.schema, "Login" | "RootLogin");
            if is_login && matches!(&*member.name, "email" | "username") {
                assert_invalid(
                    endpoint.tree,
                    &reply,
                    &[(&member.name, "control_character")],
                    &what,
                );
            }
        }
    }
    for (path, form) in [
        ("/change-password", "login=a%00b&current_password=x&new_password=Difference.Engine-1822"),
        (
            "/change-password",
            "login=root&current_password=a%00b&new_password=Difference.Engine-1822",
        ),
        ("/verify-email", "token=a%00b"),
        ("/reset-password", "token=a%00b&new_password=Difference.Engine-1822"),
        ("/api/v1/auth/login", "username=a%00b&password=x"),
        ("/api/v1/auth/login", "username=root&password=a%00b"),
    ] {
        let reply = world.refused(t.post(path).form(form), form).await;
        assert!((400..500).contains(&reply.status), "{path} {form} {reply:?}");
    }
    let by_operator = t.operator.write(|tx| taskwell_core::users::find_by_login(tx, "a\0b")).await;
    let Err(taskwell_core::error::Error::Invalid(problems)) = by_operator else {
        panic!("{by_operator:?}")
    };
    assert_eq!(problems[0].code.as_str(), "control_character");
}

#[on_each_database]
async fn an_address_has_no_space_and_no_domain_literal_as_the_documents_say(t: Taskwell) {
    for (path, status) in [
        ("/api/v1/auth/signup", 422),
        ("/api/auth/signup", 400),
        ("/user/signup", 400),
        ("/auth/register", 400),
    ] {
        for email in ["\"a b\"@example.org", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]"] {
            let new = json!({
                "username": "ada", "name": "Ada", "email": email, "password": PASSWORD,
                "confirmPassword": PASSWORD,
            });
            let reply = t.post(path).json(&new).send().await;
            assert_eq!(reply.status, status, "{path} {email} {reply:?}");
        }
    }
    for readme in [
        include_str!("../../../http/src/web/README.md"),
        include_str!("../../../http/src/root/README.md"),
    ] {
        assert!(readme.contains("quoted local part") && readme.contains("literal"), "{readme}");
    }
    let document: Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let told = document["components"]["schemas"]["Email"]["description"].as_str().unwrap();
    assert!(told.contains("quoted local part") && told.contains("literal"), "{told}");
}
