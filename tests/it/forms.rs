//! Logins by forms, as browsers and `FastAPI` clients send them.

use serde_json::json;

use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const BOUNDARY: &str = "----WebKitFormBoundaryX3yTq7";

/// A part: its `Content-Disposition` without the type, and its content.
type Part<'p> = (&'p str, &'p [u8]);

fn multipart(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    body
}

async fn send(call: Call<'_>, parts: &[Part<'_>]) -> Reply {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    call.header("content-type", &kind).body(multipart(parts)).send().await
}

#[on_each_database]
async fn a_login_by_form_data_opens_a_session_and_passes_over_files_and_unknown_parts(t: Taskwell) {
    t.user("ada").await;
    let password = PASSWORD.as_bytes();
    let name: Part = ("name=\"username\"", b"ada");
    for parts in [
        &[name, ("name=\"password\"", password)][..],
        &[("name=\"email\"", b"ada@example.org"), ("name=\"password\"", password)],
        &[
            ("name=\"grant_type\"", b"password"),
            ("name=\"scope\"", b""),
            ("name=\"avatar\"; filename=\"a.png\"\r\nContent-Type: image/png", b"\x89PNG\0\xff"),
            ("name=\"avatar\"; filename=\"\"\r\nContent-Type: application/octet-stream", b""),
            name,
            ("name=\"password\"\r\nContent-Type: text/plain; charset=utf-8", password),
        ],
    ] {
        let reply = send(t.post("/api/v1/auth/login"), parts).await;
        assert_eq!(reply.status, 200, "{parts:?} {reply:?}");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(t.get("/api/v1/users/me").token(&token).send().await.status, 200);
    }
    let reply = send(t.post("/api/v1/auth/login"), &[name, ("name=\"password\"", b"wrong")]).await;
    assert_eq!(reply.status, 401, "{reply:?}");
}

#[on_each_database]
async fn broken_form_data_is_refused_and_says_what_is_wrong(t: Taskwell) {
    t.user("ada").await;
    let (name, password): (Part, Part) =
        (("name=\"username\"", b"ada"), ("name=\"password\"", PASSWORD.as_bytes()));
    for (parts, field, code) in [
        (&[][..], "email", "required"),
        (&[name], "password", "required"),
        (
            &[name, ("name=\"password\"; filename=\"blob\"", PASSWORD.as_bytes())],
            "password",
            "required",
        ),
        (&[name, password, password], "body", "duplicate"),
        (&[name, ("name=\"password\"", b"\xff")], "body", "syntax"),
        (&[("name=\"username\"", b"a\0da"), password], "username", "control_character"),
    ] {
        let reply = send(t.post("/api/v1/auth/login"), parts).await;
        assert_eq!(reply.status, 422, "{parts:?} {reply:?}");
        let errors = reply.json()["errors"].clone();
        let found =
            errors.as_array().unwrap().iter().any(|e| e["field"] == field && e["code"] == code);
        assert!(found, "{parts:?} {errors}");
    }
    let good = multipart(&[name, password]);
    for (kind, body) in [
        ("multipart/form-data".to_owned(), good.clone()),
        ("multipart/form-data; boundary=other".to_owned(), good.clone()),
        (format!("multipart/form-data; boundary={BOUNDARY}"), good[..good.len() - 20].to_vec()),
        (format!("multipart/form-data; boundary={BOUNDARY}"), b"username=ada".to_vec()),
    ] {
        let reply =
            t.post("/api/v1/auth/login").header("content-type", &kind).body(body).send().await;
        assert_eq!((reply.status, reply.wrong_fields()), (422, vec!["body".to_owned()]), "{kind}");
    }
    let large = [b'x'; 16 * 1024];
    assert_eq!(
        send(t.post("/api/v1/auth/login"), &[name, ("name=\"password\"", &large)]).await.status,
        413
    );
}

#[test]
fn the_document_names_every_form_of_a_login() {
    let document: serde_json::Value = serde_json::from_str(&taskwell_http::openapi()).unwrap();
    let login = &document["paths"]["/api/v1/auth/login"]["post"];
    for (media, schema) in [
        ("application/json", "Login"),
        ("application/x-www-form-urlencoded", "PasswordForm"),
        ("multipart/form-data", "PasswordFormData"),
    ] {
        let named = &login["requestBody"]["content"][media]["schema"]["$ref"];
        assert_eq!(*named, json!(format!("#/components/schemas/{schema}")));
        assert!(
            document["components"]["schemas"][schema]["properties"]["password"].is_object(),
            "{schema}"
        );
        assert!(login["responses"]["415"].to_string().contains(media), "{media}");
    }
}
