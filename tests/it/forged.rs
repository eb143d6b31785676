//! Forged and modified access tokens: all trees refuse them, whatever they contain, and quickly.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::{Value, json};
use taskwell_core::settings::Signing;

use crate::support::{PASSWORD, SECRET, Taskwell, on_each_database};

const OTHER_SECRET: &[u8] = b"another secret of the tests, 32 bytes";

/// A token of the server, in its three parts.
pub struct Made {
    token: String,
    header: Value,
    claims: Value,
}

impl Made {
    pub fn of(token: &str) -> Made {
        let parts: Vec<&str> = token.split('.').collect();
        let read =
            |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        Made { token: token.to_owned(), header: read(parts[0]), claims: read(parts[1]) }
    }

    fn parts(&self) -> [&str; 3] {
        let mut parts = self.token.split('.');
        [parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap()]
    }

    /// Returns a token with another header, given as text or JSON, and a valid signature.
    fn headed(&self, header: &impl ToString) -> String {
        signed(&header.to_string(), &self.claims.to_string(), SECRET)
    }

    /// Returns a token with one member of the header set to `value`.
    fn with_header(&self, name: &str, value: Value) -> String {
        self.headed(&changed(&self.header, name, Some(value)))
    }

    /// Returns a token with other claims and a valid signature.
    fn claiming(&self, claims: &impl ToString) -> String {
        signed(&self.header.to_string(), &claims.to_string(), SECRET)
    }

    pub fn with_claim(&self, name: &str, value: Option<Value>) -> String {
        self.claiming(&changed(&self.claims, name, value))
    }
}

fn changed(object: &Value, name: &str, value: Option<Value>) -> Value {
    let mut object = object.as_object().unwrap().clone();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    Value::Object(object)
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encoded(tag))
}

/// Returns tokens that name another algorithm than the key's, or none.
fn other_algorithms(made: &Made) -> Vec<String> {
    let [header, body, signature] = made.parts();
    let mut forged = Vec::new();
    for none in ["none", "None", "NONE", "nOnE", "", "none "] {
        for header in
            [json!({ "alg": none, "typ": "JWT" }), changed(&made.header, "alg", Some(json!(none)))]
        {
            let header = encoded(header.to_string());
            forged.extend([format!("{header}.{body}."), format!("{header}.{body}.{signature}")]);
        }
        forged.push(made.with_header("alg", json!(none)));
    }
    for other in ["HS384", "HS512", "hs256", "RS256", "PS256", "ES256", "EdDSA", "A128KW", "dir"] {
        forged.push(made.with_header("alg", json!(other)));
    }
    for wrong in [Value::Null, json!(256), json!(["HS256"]), json!({ "alg": "HS256" })] {
        forged.push(made.with_header("alg", wrong));
    }
    forged.push(made.headed(&changed(&made.header, "alg", None)));
    forged.extend([format!("{header}.{body}"), format!("{header}.{body}.")]);
    forged
}

/// Returns tokens whose header says where to find the key, or lists critical extensions that the
/// server does not know.
fn other_headers(made: &Made) -> Vec<String> {
    let key = json!({ "kty": "oct", "k": encoded(OTHER_SECRET) });
    let mut forged = Vec::new();
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", key.clone()),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!([STANDARD.encode("a certificate")])),
        ("x5t", json!("abc")),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("unheard_of", json!(1)),
        ("typ", json!("at+jwt")),
        ("typ", json!("JOSE")),
        ("typ", json!(5)),
        ("typ", Value::Null),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("/dev/null")),
        ("kid", json!("x' UNION SELECT 'key' --")),
        ("kid", json!("0' OR '1'='1")),
        ("kid", json!("| /bin/true")),
        ("kid", json!("")),
        ("kid", json!("\u{0}")),
        ("kid", json!(0)),
        ("kid", Value::Null),
        ("kid", json!([made.header["kid"]])),
        ("kid", json!("k".repeat(2000))),
    ] {
        forged.push(made.with_header(name, value));
    }
    forged.push(made.headed(&changed(&made.header, "typ", None)));
    forged.push(made.headed(&changed(&made.header, "kid", None)));
    // The key in the header.
    let brings = changed(&made.header, "jwk", Some(key)).to_string();
    forged.push(signed(&brings, &made.claims.to_string(), OTHER_SECRET));
    // `kid` names an empty file.
    let empty = changed(&made.header, "kid", Some(json!("/dev/null"))).to_string();
    forged.push(signed(&empty, &made.claims.to_string(), b""));
    let id = made.header["kid"].as_str().unwrap();
    for header in [
        format!(r#"{{"alg":"HS256","alg":"none","typ":"JWT","kid":"{id}"}}"#),
        format!(r#"{{"alg":"HS256","typ":"JWT","kid":"other","kid":"{id}"}}"#),
        "[]".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        forged.push(made.headed(&header));
    }
    forged
}

/// Returns tokens that the server's key signed, with claims that the server never makes.
fn other_claims(made: &Made) -> Vec<String> {
    let now = made.claims["iat"].as_i64().unwrap();
    let claims = &made.claims;
    let nobody = "01a1fb26-21e1-73a9-8ab0-263b2a1e955b";
    let mut forged = Vec::new();
    for name in ["iss", "aud", "sub", "uid", "sid", "jti", "iat", "exp"] {
        forged.push(made.with_claim(name, None));
        for wrong in [Value::Null, json!([]), json!({}), json!(true)] {
            forged.push(made.with_claim(name, Some(wrong)));
        }
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("iss", json!("Taskwell")),
        ("iss", json!(["taskwell"])),
        ("aud", json!("other")),
        ("aud", json!("")),
        ("aud", json!(["taskwell-api"])),
        ("aud", json!(["other", "taskwell-api"])),
        ("sub", json!(nobody)),
        ("sub", json!("1")),
        ("sub", json!(1)),
        ("uid", json!(2)),
        ("uid", json!("1")),
        ("uid", json!(0)),
        ("uid", json!(-1)),
        ("uid", json!(1.5)),
        ("sid", json!(nobody)),
        ("sid", json!("x' OR '1'='1")),
        ("exp", json!(claims["exp"].to_string())),
        ("exp", json!("never")),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(1e30)),
        ("exp", json!(now - 1)),
        ("nbf", json!(now + 3600)),
        ("nbf", json!("later")),
        ("iat", json!(now + 86_400)),
        ("iat", json!("now")),
    ] {
        forged.push(made.with_claim(name, Some(value)));
    }
    let text = claims.to_string();
    let twice = |more: &str| format!("{},{more}}}", text.strip_suffix('}').unwrap());
    for claims in [
        twice(r#""uid":2"#),
        twice(r#""exp":99999999999"#),
        twice(&format!(r#""sid":"{nobody}""#)),
        format!("[{text}]"),
        "null".to_owned(),
        "{}".to_owned(),
        String::new(),
        format!("{text} {text}"),
    ] {
        forged.push(made.claiming(&claims));
    }
    forged
}

/// Returns texts that are not a token, or no longer one.
fn other_texts(made: &Made) -> Vec<String> {
    let [header, body, signature] = made.parts();
    let token = &made.token;
    // The last character of a signature contains two unused bits.
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last =
        alphabet.iter().position(|c| *c == signature.as_bytes()[signature.len() - 1]).unwrap();
    let twin = char::from(alphabet[last ^ 1]);
    let root = changed(&made.claims, "uid", Some(json!(2))).to_string();
    let mut forged = vec![
        format!("{}{twin}", &token[..token.len() - 1]),
        format!("{token}="),
        format!("{token}x"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{body}.{header}.{signature}"),
        format!("{header}.{}.{signature}", encoded(root)),
        format!("{header} .{body}.{signature}"),
        format!("{header}.{body}.{}", "A".repeat(43)),
        format!("{header}.{body}.{}", &signature[1..]),
        token.to_uppercase(),
        "..".to_owned(),
        ".".repeat(4000),
        ".".repeat(60_000),
        "x".repeat(9000),
        format!("{header}.{}.{signature}", "A".repeat(9000)),
        made.with_claim("more", Some(json!("x".repeat(9000)))),
        signed(&made.header.to_string(), &made.claims.to_string(), OTHER_SECRET),
        signed(&made.header.to_string(), &made.claims.to_string(), b""),
        signed(&made.header.to_string(), &made.claims.to_string(), b"secret"),
    ];
    // Truncated anywhere.
    forged.extend((0..token.len()).step_by(17).map(|end| token[..end].to_owned()));
    forged
}

async fn status(t: &Taskwell, path: &str, token: &str) -> u16 {
    t.get(path).token(token).send().await.status
}

#[on_each_database]
async fn a_token_that_is_not_ours_is_refused(t: Taskwell) {
    let made = Made::of(&t.user("ada").await);
    t.user("bob").await;
    let me = "/api/v1/users/me";
    assert_eq!(status(&t, me, &made.token).await, 200);
    assert_eq!(status(&t, me, &made.headed(&made.header)).await, 200, "the forger can't forge");
    assert_eq!(status(&t, me, &made.with_claim("more", Some(json!(1)))).await, 200);
    let forged =
        [other_algorithms(&made), other_headers(&made), other_claims(&made), other_texts(&made)]
            .concat();
    assert!(forged.len() >= 160, "{}", forged.len());
    for (n, token) in forged.iter().enumerate() {
        let path = [me, "/api/tasks", "/tasks"][n % 3];
        let reply = t.get(path).token(token).send().await;
        assert_eq!(reply.status, 401, "{n} {path}: {token}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"), "{token}");
    }
    let twice = t.get(me).token(&made.token).token(&made.token).send().await;
    assert_eq!(twice.status, 401);
    let basic = t.get(me).header("authorization", "Basic YWRhOng=").send().await;
    assert_eq!(basic.status, 401);
    assert_eq!(status(&t, me, &made.token).await, 200, "the true one is still good");
}

#[on_each_database]
async fn a_token_is_good_until_its_second_and_not_in_it(t: Taskwell) {
    let made = Made::of(&t.user("ada").await);
    let me = "/api/v1/users/me";
    let now = made.claims["iat"].as_i64().unwrap();
    let until = |exp: i64| made.with_claim("exp", Some(json!(exp)));
    // The clock advances while this runs.
    assert_eq!(status(&t, me, &until(now + 60)).await, 200);
    for past in [now, now - 1, now - 60, now - 299] {
        assert_eq!(status(&t, me, &until(past)).await, 401, "{}", past - now);
    }
    let with = |name: &str, at: i64| made.with_claim(name, Some(json!(at)));
    assert_eq!(status(&t, me, &with("nbf", now)).await, 200);
    assert_eq!(status(&t, me, &with("nbf", now + 60)).await, 401);
    // Another instance's clock may be ahead.
    assert_eq!(status(&t, me, &with("iat", now + 60)).await, 200);
    assert_eq!(status(&t, me, &with("iat", now + 600)).await, 401);
    t.clock.advance_s(61);
    assert_eq!(status(&t, me, &until(now + 60)).await, 401);
    assert_eq!(status(&t, me, &with("nbf", now + 60)).await, 200);
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let mut t = Taskwell::on_sqlite();
    t.reopen(|settings| settings.signing = Signing::EdDsa);
    t.user("ada").await;
    let proof = json!({ "username": "ada", "password": PASSWORD });
    let login = t.post("/api/v1/auth/login").json(&proof).send().await.json();
    let made = Made::of(login["access_token"].as_str().unwrap());
    assert_eq!(made.header["alg"], "EdDSA");
    let jwks = t.get("/.well-known/jwks.json").send().await.json();
    let x = jwks["keys"][0]["x"].as_str().unwrap();
    let raw = URL_SAFE_NO_PAD.decode(x).unwrap();
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", raw.as_slice()].concat();
    let lines = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&der)
    );
    let secrets: [&[u8]; 6] = [
        &raw,
        x.as_bytes(),
        &der,
        lines.as_bytes(),
        lines.trim().as_bytes(),
        jwks["keys"][0].to_string().leak().as_bytes(),
    ];
    for secret in secrets {
        for header in [
            changed(&made.header, "alg", Some(json!("HS256"))),
            made.header.clone(),
            json!({ "alg": "HS256", "typ": "JWT" }),
        ] {
            let token = signed(&header.to_string(), &made.claims.to_string(), secret);
            assert_eq!(status(&t, "/api/v1/users/me", &token).await, 401, "{token}");
        }
    }
    assert_eq!(status(&t, "/api/v1/users/me", &made.token).await, 200);
    // Signed with zeros only, which a key of small order would accept.
    let [header, body, _] = made.parts();
    let zeros = format!("{header}.{body}.{}", encoded([0; 64]));
    assert_eq!(status(&t, "/api/v1/users/me", &zeros).await, 401);
}

#[tokio::test]
async fn what_is_forged_costs_nothing() {
    let t = Taskwell::on_sqlite();
    let made = Made::of(&t.user("ada").await);
    let forged =
        [".".repeat(1_000_000), "x".repeat(1_000_000), "{".repeat(4000), encoded("[".repeat(3000))];
    for text in forged.into_iter().chain(other_headers(&made)) {
        let mut fastest = Duration::MAX;
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(status(&t, "/api/v1/users/me", &text).await, 401);
            fastest = fastest.min(started.elapsed());
        }
        // The fastest, because the machine may be busy.
        assert!(fastest < Duration::from_millis(10), "{fastest:?}");
    }
}
