//! Usernames of any script, and which names are the same: in every tree, at sign-up, at login and
//! in changes.

use serde_json::{Value, json};

use crate::support::{Call, PASSWORD, Taskwell, on_each_database};

/// Logs in through `v1` and returns the account's id.
async fn who_logs_in(t: &Taskwell, login: &str) -> Value {
    let reply = t
        .post("/api/v1/auth/login")
        .json(&json!({ "username": login, "password": PASSWORD }))
        .send()
        .await;
    assert_eq!(reply.status, 200, "{login}: {reply:?}");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    t.get("/api/v1/users/me").token(&token).send().await.json()["id"].clone()
}

async fn count_users(t: &Taskwell) -> String {
    t.rows("SELECT count(*) FROM users").await[0][0].clone().unwrap()
}

/// Signs up through `v1`. Returns the status and the text of the response.
async fn sign_up(t: &Taskwell, username: &str, email: &str) -> (u16, String) {
    let new = json!({ "username": username, "email": email, "password": PASSWORD });
    let reply = t.post("/api/v1/auth/signup").json(&new).send().await;
    (reply.status, reply.text().to_owned())
}

/// Returns requests that give an account a username: a new one, or the one of `token`.
fn doors<'t>(
    t: &'t Taskwell,
    username: &str,
    token: &str,
    root: &str,
) -> Vec<(&'static str, Call<'t>)> {
    let new = json!({ "username": username, "email": "new@example.org", "password": PASSWORD });
    let change = json!({ "username": username });
    vec![
        ("v1 signup", t.post("/api/v1/auth/signup").json(&new)),
        ("v1 register", t.post("/api/v1/auth/register").json(&new)),
        ("root register", t.post("/auth/register").json(&new)),
        ("own", t.patch("/api/v1/users/me").token(token).json(&change)),
        ("own by id", t.patch("/api/v1/users/1").token(root).json(&change)),
        ("another's", t.patch("/api/v1/users/2").token(root).json(&change)),
    ]
}

#[on_each_database]
async fn usernames_of_any_script_are_taken_and_log_in_in_every_spelling(t: Taskwell) {
    let names = [
        ("müller", "  MU\u{308}LLER "),
        ("李雷", "\u{3000}李雷"),
        ("пример", "ПРИМЕР"),
        ("नमस्ते", "नमस्ते\t"),
        ("ada田中さくら", "ADA田中さくら"),
        ("한글-1", "한글-1"),
        ("straße", "STRASSE"),
        ("οδος", "ΟΔΟΣ"),
        ("ᏣᎳᎩ", "ᏣᎳᎩ"),
    ];
    for (n, (name, spelling)) in names.into_iter().enumerate() {
        let made = sign_up(&t, &format!(" {name}\n"), &format!("user{n}@example.org")).await;
        assert_eq!(made.0, 201, "{name}: {}", made.1);
        let stored = t.get("/api/v1/users/me").token(&t.login(name).await).send().await.json();
        assert_eq!(stored["username"], name);
        assert_eq!(who_logs_in(&t, spelling).await, n + 1, "{spelling}");
        let again = sign_up(&t, spelling, "again@example.org").await;
        assert!(again.0 == 400 && again.1.contains("already exists"), "{spelling}: {again:?}");
    }
    let by_root = json!({ "username": "Ünal", "email": "unal@example.org", "password": PASSWORD });
    assert_eq!(t.post("/auth/register").json(&by_root).send().await.status, 200);
}

#[on_each_database]
async fn a_name_that_mixes_scripts_or_passes_for_another_is_refused_at_every_door(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    t.user("müller").await;
    for (name, is_mixed) in [
        ("adaпример", true),
        ("\u{430}da", true),
        ("Γειά-ада", true),
        // One script, but indistinguishable from ASCII.
        ("\u{430}\u{440}\u{435}", false),
        ("\u{ff41}\u{ff44}\u{ff41}", false),
        // The name of an account.
        ("rnüller", false),
    ] {
        for (door, call) in doors(&t, name, &ada, &root) {
            let reply = call.send().await;
            let wanted = if is_mixed && door != "root register" { 422 } else { 400 };
            assert_eq!(reply.status, wanted, "{name} {door}: {reply:?}");
            let words = if is_mixed { "several scripts" } else { "looks like another name" };
            assert!(reply.text().contains(words), "{name} {door}: {reply:?}");
            if is_mixed {
                assert_eq!(reply.wrong_fields(), ["username"], "{name} {door}");
            }
        }
    }
    for name in ["a\u{3164}b", "a\u{fe0f}", "a²", "a\u{200d}b", "🦀", "a’b"] {
        for (door, call) in doors(&t, name, &ada, &root) {
            let reply = call.send().await;
            assert_eq!(
                reply.status,
                if door == "root register" { 400 } else { 422 },
                "{name:?} {door}"
            );
            assert_eq!(reply.wrong_fields(), ["username"], "{name:?} {door}");
        }
    }
    assert_eq!(count_users(&t).await, "3");
    // Two ASCII names are never compared by appearance.
    t.user("modern").await;
    t.user("modem").await;
    assert_eq!(sign_up(&t, "rnüller-2", "r@example.org").await.0, 201);
}

#[on_each_database]
async fn an_existing_name_stays_also_when_a_patch_repeats_it(t: Taskwell) {
    let ada = t.user("ada").await;
    for old in ["adaпример", "\u{430}\u{440}\u{435}", "rnüller"] {
        t.rows(&format!(
            "UPDATE users SET username = '{old}', username_key = '{old}' WHERE id = 1"
        ))
        .await;
        for change in [json!({ "username": old, "name": old }), json!({ "name": "Ada" })] {
            let reply = t.patch("/api/v1/users/me").token(&ada).json(&change).send().await;
            assert_eq!((reply.status, &reply.json()["username"]), (200, &json!(old)), "{reply:?}");
        }
        assert_eq!(who_logs_in(&t, old).await, 1);
    }
    let reply = t
        .patch("/api/v1/users/me")
        .token(&ada)
        .json(&json!({ "username": "Adaпример" }))
        .send()
        .await;
    assert_eq!(reply.status, 422, "another one is new: {reply:?}");
}

#[on_each_database]
async fn a_name_made_from_an_address_is_one_that_could_be_chosen(t: Taskwell) {
    for (local, username) in [
        ("müller", "müller"),
        ("李雷", "李雷"),
        // Could pass for ASCII, or mixes scripts: only the ASCII part remains.
        ("\u{430}\u{440}\u{435}", "user"),
        ("ada\u{43f}ример", "ada"),
    ] {
        for n in 0..2 {
            let email = format!("{local}@{n}.example");
            let new = json!({ "email": email, "password": PASSWORD, "confirmPassword": PASSWORD });
            let reply = t.post("/api/auth/signup").json(&new).send().await;
            assert_eq!(reply.status, 200, "{email}: {reply:?}");
            let token = reply.json()["token"].as_str().unwrap().to_owned();
            let me = t.get("/api/v1/users/me").token(&token).send().await.json();
            let made = me["username"].as_str().unwrap();
            let suffix = made.strip_prefix(username).unwrap_or_else(|| panic!("{email}: {made}"));
            let is_plain = suffix.is_empty();
            assert!(
                is_plain == (n == 0) && suffix.chars().skip(1).all(|c| c.is_ascii_digit()),
                "{email}: {made}"
            );
            assert_eq!(
                t.patch("/api/v1/users/me")
                    .token(&token)
                    .json(&json!({ "username": made }))
                    .send()
                    .await
                    .status,
                200
            );
        }
    }
}

#[on_each_database]
async fn of_names_that_look_alike_and_come_at_once_one_is_taken(t: Taskwell) {
    let names = ["müller", "rnüller", "mu\u{308}ller", "rnu\u{308}ller"];
    let new = |n: usize| {
        json!({
            "username": names[n % 4], "email": format!("m{n}@example.org"), "password": PASSWORD
        })
    };
    let replies = (0..12).map(|n| t.post("/api/v1/auth/signup").json(&new(n)).send());
    let replies = futures_util::future::join_all(replies).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    assert!(
        made == 1 && replies.iter().all(|reply| matches!(reply.status, 201 | 400)),
        "{replies:?}"
    );
    assert_eq!(count_users(&t).await, "1");
}

#[on_each_database]
async fn every_spelling_of_an_address_is_one_account_in_every_tree(t: Taskwell) {
    let spellings = [
        ("οδος@example.org", " ΟΔΟΣ@EXAMPLE.ORG"),
        ("straße@example.org", "STRASSE@example.org\n"),
        ("ada@müller.de", "ADA@XN--MLLER-KVA.DE "),
        ("ada@xn--bcher-kva.de", "ada@BÜCHER.de"),
    ];
    for (n, (email, spelling)) in spellings.into_iter().enumerate() {
        assert_eq!(sign_up(&t, &format!("user{n}"), email).await.0, 201, "{email}");
        let taken = sign_up(&t, "another", spelling).await;
        assert!(taken.0 == 400 && taken.1.contains("already exists"), "{spelling}: {taken:?}");
        let new = json!({
            "name": "x", "email": spelling, "password": PASSWORD, "confirmPassword": PASSWORD
        });
        let by_web = t.post("/api/auth/signup").json(&new).send().await;
        assert_eq!(
            (by_web.status, &by_web.json()["error_code"]),
            (400, &json!("EMAIL_EXISTS")),
            "{spelling}"
        );
        assert_eq!(t.post("/user/signup").json(&new).send().await.status, 409, "{spelling}");
        let proof = json!({ "email": spelling, "password": PASSWORD });
        for door in ["/api/v1/auth/login", "/api/auth/signin", "/user/login", "/auth"] {
            assert_eq!(t.post(door).json(&proof).send().await.status, 200, "{spelling} {door}");
        }
        assert_eq!(who_logs_in(&t, spelling).await, n + 1);
    }
    let form = "username=%20%CE%9F%CE%94%CE%9F%CE%A3%40example.org&password=Analytical.Engine-1843";
    assert_eq!(t.post("/api/v1/auth/login").form(form).send().await.status, 200);
}

#[on_each_database]
async fn a_space_around_a_name_or_address_is_not_stored(t: Taskwell) {
    let new = json!({
        "username": " ada\u{a0}", "name": "Ada", "email": "\tada@example.org ",
        "password": PASSWORD
    });
    let made = t.post("/api/v1/auth/signup").json(&new).send().await.json();
    assert_eq!(
        (&made["user"]["username"], &made["user"]["email"]),
        (&json!("ada"), &json!("ada@example.org"))
    );
    for (n, door) in ["/user/signup", "/api/auth/signup", "/auth/register"].into_iter().enumerate()
    {
        let email = format!("  user{n}@example.org\u{3000}");
        let new = json!({
            "username": "  eve ", "name": "x", "email": email, "password": PASSWORD,
            "confirmPassword": PASSWORD
        });
        assert!(t.post(door).json(&new).send().await.status < 300, "{door}");
        assert_eq!(who_logs_in(&t, &format!("user{n}@example.org")).await, n + 2);
    }
    let spaced = t
        .rows("SELECT id FROM users WHERE trim(username) <> username OR trim(email) <> email")
        .await;
    assert_eq!(spaced, Vec::<Vec<Option<String>>>::new());
    let ada = t.login("ada").await;
    let change = json!({
        "username": " countess ", "email": " countess@example.org ", "current_password": PASSWORD
    });
    let reply = t.patch("/api/v1/users/me").token(&ada).json(&change).send().await.json();
    assert_eq!(
        (&reply["username"], &reply["email"]),
        (&json!("countess"), &json!("countess@example.org"))
    );
}
