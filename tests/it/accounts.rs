//! Accounts and roles: one's own account, and all accounts for admins.

use serde_json::{Value, json};
use taskwell_core::settings::Scheme;

use crate::support::{PASSWORD, Taskwell, on_each_database};

async fn admin(t: &Taskwell) -> String {
    let token = t.user("root").await;
    t.make_admin("root").await;
    token
}

#[on_each_database]
async fn an_id_on_the_command_line_is_nobodys_username(t: Taskwell) {
    for name in ["ada", "1"] {
        t.user(name).await;
    }
    for (login, name) in [("1", "ada"), ("2", "1"), ("1@example.org", "1"), ("ada", "ada")] {
        let found = t
            .operator
            .write(move |tx| taskwell_core::users::find_by_login(tx, login))
            .await
            .unwrap();
        assert_eq!(found.username, name, "{login}");
    }
}

#[on_each_database]
async fn admins_list_search_and_page_accounts_and_others_may_not(t: Taskwell) {
    let root = admin(&t).await;
    let ada = t.user("ada").await;
    t.user("grace").await;
    let list = t.get("/api/v1/users?limit=2").token(&root).send().await;
    let ids: Vec<Value> =
        list.json().as_array().unwrap().iter().map(|user| user["id"].clone()).collect();
    assert_eq!(ids, [1, 2]);
    let next = list.header("link").unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(t.get(&next).token(&root).send().await.json()[0]["username"], "grace");
    let found = t.get("/api/v1/users?q=GRACE").token(&root).send().await.json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(t.get("/api/v1/users?x=1").token(&root).send().await.status, 200);
    for path in ["/api/v1/users", "/api/v1/users/1", "/api/v1/users/1/tasks"] {
        let reply = t.get(path).token(&ada).send().await;
        assert_eq!(
            (reply.status, &reply.json()["detail"]),
            (403, &json!("Not enough permissions"))
        );
    }
    assert_eq!(t.delete("/api/v1/users/1").token(&ada).send().await.status, 403);
    assert_eq!(
        t.patch("/api/v1/users/2")
            .token(&ada)
            .json(&json!({ "role": "admin" }))
            .send()
            .await
            .status,
        403
    );
}

#[on_each_database]
async fn admins_change_and_delete_accounts_with_all_that_is_theirs(t: Taskwell) {
    let root = admin(&t).await;
    let ada = t.user("ada").await;
    t.task(&ada, "hers").await;
    let tasks = t.get("/api/v1/users/2/tasks").token(&root).send().await.json();
    assert_eq!(tasks[0]["title"], "hers");
    let change = json!({ "role": "admin", "name": "Ada", "email": "countess@example.org" });
    let user = t.patch("/api/v1/users/2").token(&root).json(&change).send().await.json();
    assert_eq!(
        (&user["role"], &user["name"], &user["email"]),
        (&json!("admin"), &json!("Ada"), &json!("countess@example.org"))
    );
    assert_eq!(t.get("/api/v1/users").token(&ada).send().await.status, 200);
    assert_eq!(t.delete("/api/v1/users/2").token(&root).send().await.status, 204);
    assert_eq!(t.get("/api/v1/users/me").token(&ada).send().await.status, 401);
    assert_eq!(t.get("/api/v1/users/2").token(&root).send().await.status, 404);
    for table in ["tasks", "changes", "sessions WHERE user_id = 2", "counters WHERE owner = 2"] {
        assert!(t.rows(&format!("SELECT * FROM {table}")).await.is_empty(), "{table}");
    }
}

#[on_each_database]
async fn a_deactivated_account_is_refused_at_once_and_its_sessions_stay_ended(t: Taskwell) {
    let root = admin(&t).await;
    let ada = t.user("ada").await;
    let set = async |active: bool| {
        t.patch("/api/v1/users/2").token(&root).json(&json!({ "is_active": active })).send().await
    };
    assert_eq!(set(false).await.json()["is_active"], false);
    for path in ["/api/v1/users/me", "/api/tasks", "/tasks"] {
        assert_eq!(t.get(path).token(&ada).send().await.status, 401);
    }
    set(true).await;
    assert_eq!(t.get("/tasks").token(&ada).send().await.status, 401);
    t.login("ada").await;
}

#[on_each_database]
async fn the_last_active_admin_stays(t: Taskwell) {
    let root = admin(&t).await;
    t.user("ada").await;
    for change in [json!({ "role": "user" }), json!({ "is_active": false })] {
        assert_eq!(t.patch("/api/v1/users/1").token(&root).json(&change).send().await.status, 409);
    }
    assert_eq!(t.delete("/api/v1/users/1").token(&root).send().await.status, 409);
    let proof = json!({ "password": PASSWORD });
    assert_eq!(t.delete("/api/v1/users/me").token(&root).json(&proof).send().await.status, 409);
    t.make_admin("ada").await;
    assert_eq!(t.delete("/api/v1/users/me").token(&root).json(&proof).send().await.status, 204);
}

#[on_each_database]
async fn one_changes_ones_own_account_but_not_ones_role(t: Taskwell) {
    let ada = t.user("ada").await;
    t.user("grace").await;
    let change =
        json!({ "username": "Countess", "name": "Ada L.", "role": "admin", "is_active": false });
    let user = t.patch("/api/v1/users/me").token(&ada).json(&change).send().await.json();
    assert_eq!(
        (&user["username"], &user["name"], &user["role"], &user["is_active"]),
        (&json!("Countess"), &json!("Ada L."), &json!("user"), &json!(true))
    );
    let taken =
        t.patch("/api/v1/users/me").token(&ada).json(&json!({ "username": "GRACE" })).send().await;
    assert_eq!(taken.status, 400);
    let cleared =
        t.patch("/api/v1/users/me").token(&ada).json(&json!({ "name": null })).send().await;
    assert_eq!(cleared.json()["name"], Value::Null);
    let bad = t
        .patch("/api/v1/users/me")
        .token(&ada)
        .json(&json!({ "username": null, "email": "x" }))
        .send()
        .await;
    assert_eq!(
        (bad.status, bad.wrong_fields()),
        (422, vec!["username".to_owned(), "email".to_owned()])
    );
}

#[on_each_database]
async fn a_password_that_is_refused_comes_with_advice(t: Taskwell) {
    let ada = t.user("ada").await;
    let advice = "Three or four unrelated words are easy to remember and hard to guess.";
    for (weak, why) in [
        ("12345", "Use at least 8 characters. "),
        ("password1", "This password is commonly used, so attackers try it first. "),
        ("bob@example.org", "A password must differ from your name and email address. "),
    ] {
        let new = json!({
            "email": "bob@example.org", "username": "bob", "name": "bob", "password": weak,
            "confirmPassword": weak
        });
        for door in ["/api/v1/auth/signup", "/api/auth/signup", "/user/signup", "/auth/register"] {
            let reply = t.post(door).json(&new).send().await;
            let told = reply.json().to_string();
            // Contract 001's own rule speaks first.
            if door == "/api/auth/signup"
                && told.contains("needs an uppercase and a lowercase letter")
            {
                continue;
            }
            assert!(
                reply.status >= 400 && told.contains(why) && told.contains(advice),
                "{door} {weak}: {told}"
            );
        }
        t.rows("DELETE FROM users WHERE id > 1").await;
    }
    // Easily guessed, but by no rule of a contract's.
    let new =
        json!({ "email": "eve@example.org", "username": "eve", "password": "SecurePass123!" });
    assert_eq!(t.post("/api/v1/auth/signup").json(&new).send().await.status, 201);
    let change = json!({ "current_password": PASSWORD, "new_password": "qwertyui" });
    let reply = t.post("/api/v1/users/me/password").token(&ada).json(&change).send().await;
    let told = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(
        reply.status == 422 && told.contains("commonly used") && told.contains(advice),
        "{told}"
    );
}

#[on_each_database]
async fn another_password_asks_for_the_old_one_and_ends_the_other_sessions(t: Taskwell) {
    let ada = t.user("ada").await;
    let other = t.login("ada").await;
    let change = async |old: &str, new: &str| {
        let body = json!({ "current_password": old, "new_password": new });
        t.post("/api/v1/users/me/password").token(&ada).json(&body).send().await.status
    };
    assert_eq!(change("wrong", "another passphrase").await, 403);
    for weak in ["short", "password1", "ada@example.org"] {
        assert_eq!(change(PASSWORD, weak).await, 422, "{weak}");
    }
    assert_eq!(change(PASSWORD, "another passphrase").await, 200);
    assert_eq!(t.get("/api/v1/users/me").token(&other).send().await.status, 401);
    assert_eq!(t.get("/api/v1/users/me").token(&ada).send().await.status, 200);
    let old = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(t.post("/api/v1/auth/login").json(&old).send().await.status, 401);
}

#[on_each_database]
async fn one_deletes_ones_account_with_ones_password(t: Taskwell) {
    let ada = t.user("ada").await;
    let delete = async |body: Value| {
        t.delete("/api/v1/users/me").token(&ada).json(&body).send().await.status
    };
    assert_eq!(delete(json!({})).await, 422);
    assert_eq!(delete(json!({ "password": "wrong" })).await, 403);
    assert_eq!(delete(json!({ "password": PASSWORD })).await, 204);
    assert_eq!(t.get("/api/v1/users/me").token(&ada).send().await.status, 401);
    t.user("ada").await;
}

#[on_each_database]
async fn a_signup_without_a_username_gets_a_free_one_from_the_address(t: Taskwell) {
    t.user("ada").await;
    let new = json!({ "name": "Ada", "email": "ada@elsewhere.example", "password": PASSWORD });
    assert_eq!(t.post("/user/signup").json(&new).send().await.status, 201);
    let tokens = t.post("/user/login").json(&new).send().await.json();
    let me = t
        .get("/api/v1/users/me")
        .token(tokens["access_token"].as_str().unwrap())
        .send()
        .await
        .json();
    let username = me["username"].as_str().unwrap();
    assert!(username.starts_with("ada-") && username.len() == 12, "{username}");
}

#[on_each_database]
async fn a_password_is_bounded_never_cut_and_no_secret_everybody_knows(t: Taskwell) {
    let sign_up = async |n: usize, password: &str| {
        let new = json!({
            "username": format!("user{n}"), "email": format!("user{n}@example.org"),
            "password": password
        });
        t.post("/api/v1/auth/signup").json(&new).send().await.status
    };
    let long = "a1b2".repeat(18);
    assert_eq!((sign_up(1, &long).await, sign_up(2, &format!("{long}c")).await), (201, 422));
    let login = json!({ "username": "user1", "password": format!("{long}c") });
    assert_eq!(t.post("/api/v1/auth/login").json(&login).send().await.status, 401);
    for weak in ["seven77", "PASSWORD123", "user3@example.org", "iloveyou1", "null\u{0}inside"] {
        assert_eq!(sign_up(3, weak).await, 422, "{weak}");
    }
}

#[tokio::test]
async fn a_hash_is_brought_up_to_the_setting_at_login_and_any_mix_is_verified() {
    let mut t = Taskwell::with(|settings| settings.scheme = Scheme::Bcrypt(4));
    let token = t.user("ada").await;
    t.user("bob").await;
    let hash = async |t: &Taskwell, id: u32| {
        let rows = t.rows(&format!("SELECT password_hash FROM users WHERE id = {id}")).await;
        rows[0][0].clone().unwrap()
    };
    for (scheme, start) in [
        (Scheme::Bcrypt(4), "$2b$04$"),
        (Scheme::Bcrypt(5), "$2b$05$"),
        (Scheme::Bcrypt(4), "$2b$05$"),
        (Scheme::Argon2id, "$argon2id$v=19$m=19456,t=2,p=1$"),
        (Scheme::Argon2id, "$argon2id$v=19$m=19456,t=2,p=1$"),
        (Scheme::Bcrypt(4), "$2b$04$"),
    ] {
        t.reopen(|settings| settings.scheme = scheme);
        let wrong = json!({ "username": "ada", "password": "wrong" });
        let before = hash(&t, 1).await;
        assert_eq!(t.post("/api/v1/auth/login").json(&wrong).send().await.status, 401);
        assert_eq!(hash(&t, 1).await, before);
        t.login("ada").await;
        let after = hash(&t, 1).await;
        assert!(after.starts_with(start), "{scheme:?}: {after}");
        assert_eq!(
            t.get("/api/v1/tasks").token(&token).send().await.status,
            200,
            "no session ends by it"
        );
        assert!(hash(&t, 2).await.starts_with("$2b$04$"));
    }
}

#[tokio::test]
async fn a_password_manager_finds_the_page_that_changes_a_password() {
    let t = Taskwell::on_sqlite();
    let ada = t.user("ada").await;
    let lead = t.get("/.well-known/change-password").send().await;
    assert_eq!((lead.status, lead.header("location")), (302, Some("/change-password")));
    let page = t.get("/change-password").send().await;
    assert!(page.text().contains("autocomplete=\"new-password\""), "{page:?}");
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let post = |old: &str, new: &str| {
        let form = format!("token=&login=ada&current_password={old}&new_password={new}&totp_code=");
        let call =
            t.post("/change-password").header("content-type", "application/x-www-form-urlencoded");
        call.body(form).send()
    };
    assert_eq!(post("wrong", "Difference.Engine-1822").await.status, 401);
    let weak = post(PASSWORD, "password").await;
    assert!(weak.status == 400 && weak.text().contains("commonly used"), "{weak:?}");
    // The response repeats the form, with each problem at its field and the values that are not
    // secret.
    for needed in [
        "name=\"new_password\"",
        "aria-invalid=\"true\"",
        "id=\"new_password-wrong\"",
        "value=\"ada\"",
    ] {
        assert!(weak.text().contains(needed), "{needed}: {weak:?}");
    }
    assert!(!weak.text().contains(PASSWORD), "{weak:?}");
    assert!(
        post("wrong", "Difference.Engine-1822").await.text().contains("name=\"current_password\"")
    );
    assert_eq!(t.get("/api/v1/tasks").token(&ada).send().await.status, 200);
    assert_eq!(post(PASSWORD, "Difference.Engine-1822").await.status, 200);
    assert_eq!(t.get("/api/v1/tasks").token(&ada).send().await.status, 401);
    assert_eq!(t.rows("SELECT 1 FROM sessions").await.len(), 0, "not even the one that changed it");
    assert_eq!(post(PASSWORD, "Another.Engine-1837").await.status, 401);
}
