//! Mail: which links are valid, what ends them, and the notice of a login from a new device.

mod tokens;

use futures_util::future::join;
use serde_json::json;
use taskwell_core::accounts;
use taskwell_core::users::password::Password;

use crate::support::{PASSWORD, Reply, Taskwell, on_each_database};

const NEW_PASSWORD: &str = "Difference.Engine-1822";
const FORM: &str = "application/x-www-form-urlencoded";
const RESET: &str = "Choose a new password";
const VERIFY: &str = "Verify your email address";

/// A sent mail.
struct Sent {
    to: String,
    subject: String,
    text: String,
}

impl Sent {
    fn token(&self) -> String {
        let (_, token) =
            self.text.split_once("token=").unwrap_or_else(|| panic!("no link in {}", self.text));
        token.chars().take_while(char::is_ascii_alphanumeric).collect()
    }
}

/// Sends all queued mail and returns it.
async fn sent(t: &Taskwell) -> Vec<Sent> {
    let mut all = Vec::new();
    while let Some(mail) = t.operator.next_mail().await.unwrap() {
        t.operator.mail_sent(mail.id).await.unwrap();
        all.push(Sent { to: mail.to, subject: mail.subject.to_owned(), text: mail.text });
    }
    all
}

/// Returns the tokens in all queued mail with that subject.
async fn links(t: &Taskwell, subject: &str) -> Vec<String> {
    sent(t).await.iter().filter(|mail| mail.subject == subject).map(Sent::token).collect()
}

async fn forgot(t: &Taskwell, path: &str) {
    let reply = t.post(path).json(&json!({ "email": "ada@example.org" })).send().await;
    assert!(reply.status < 300, "{reply:?}");
}

/// Uses a link at one of its endpoints.
async fn reset(t: &Taskwell, door: &str, token: &str) -> Reply {
    if door == "/reset-password" {
        let form = format!("token={token}&new_password=Another.Engine-1837");
        return t.post(door).header("content-type", FORM).body(form).send().await;
    }
    let body = json!({ "token": token, "new_password": "Another.Engine-1837" });
    t.post(door).json(&body).send().await
}

const DOORS: [&str; 3] =
    ["/api/v1/auth/password/reset", "/api/auth/reset-password", "/reset-password"];

/// Measures against a link that a stranger has.
const REMEDIES: [&str; 8] = [
    "another password",
    "another password by the page",
    "another address",
    "another address by an admin",
    "deactivation",
    "deactivation before it, and reactivation",
    "the operator's reset",
    "another link that was used",
];

async fn set_active(t: &Taskwell, root: &str, id: &str, is_active: bool) {
    let path = format!("/api/v1/users/{id}");
    let reply = t.patch(&path).token(root).json(&json!({ "is_active": is_active })).send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

async fn remedy(t: &Taskwell, how: &str, root: &str, ada: &str, id: &str) {
    let reply = match how {
        "another password" => {
            let body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
            t.post("/api/v1/users/me/password").token(ada).json(&body).send().await
        }
        "another password by the page" => {
            let form =
                format!("login=ada&current_password={PASSWORD}&new_password={NEW_PASSWORD}&token=");
            t.post("/change-password").header("content-type", FORM).body(form).send().await
        }
        "another address" => {
            let body = json!({ "email": "countess@example.org", "current_password": PASSWORD });
            t.patch("/api/v1/users/me").token(ada).json(&body).send().await
        }
        "another address by an admin" => {
            let body = json!({ "email": "countess@example.org" });
            t.patch(&format!("/api/v1/users/{id}")).token(root).json(&body).send().await
        }
        "the operator's reset" => {
            let user = t
                .operator
                .write(|tx| taskwell_core::users::find_by_login(tx, "ada"))
                .await
                .unwrap();
            accounts::reset_password(&t.operator, user.id, Password::claimed(NEW_PASSWORD))
                .await
                .unwrap();
            return;
        }
        "another link that was used" => {
            forgot(t, "/api/v1/auth/password/forgot").await;
            let newest = links(t, RESET).await.pop().unwrap();
            forgot(t, "/api/v1/auth/password/forgot").await;
            reset(t, DOORS[0], &newest).await
        }
        "deactivation" => {
            set_active(t, root, id, false).await;
            return set_active(t, root, id, true).await;
        }
        _ => return set_active(t, root, id, true).await,
    };
    assert!(reply.status < 300, "{how}: {reply:?}");
}

async fn with_mail(t: Taskwell) -> Taskwell {
    let mut t = t;
    t.reopen(|settings| settings.mails = true);
    t
}

/// Changes stored data through the server's own connection, so that reads see the change
/// immediately.
async fn alter(t: &Taskwell, text: &'static str) {
    t.operator.write(move |tx| tx.send(text, &[])).await.unwrap();
}

/// Creates Ada's account again from scratch.
async fn ada_anew(t: &Taskwell) -> (String, String) {
    alter(t, "/* test */ DELETE FROM users WHERE username = 'ada'").await;
    let ada = t.user("ada").await;
    let id = t.get("/api/v1/users/me").token(&ada).send().await.json()["id"].to_string();
    sent(t).await;
    (ada, id)
}

#[on_each_database]
async fn every_remedy_ends_a_link_that_was_sent(t: Taskwell) {
    let t = with_mail(t).await;
    let root = t.user("root").await;
    t.make_admin("root").await;
    for how in REMEDIES {
        let (ada, id) = ada_anew(&t).await;
        forgot(&t, "/api/v1/auth/password/forgot").await;
        let old = links(&t, RESET).await.pop().unwrap();
        if how.starts_with("deactivation before") {
            set_active(&t, &root, &id, false).await;
        }
        remedy(&t, how, &root, &ada, &id).await;
        for door in DOORS {
            let reply = reset(&t, door, &old).await;
            assert_eq!(reply.status, 401, "{how}, {door}: {reply:?}");
        }
    }
}

#[on_each_database]
async fn every_remedy_ends_a_link_that_is_still_to_be_sent(t: Taskwell) {
    let t = with_mail(t).await;
    let root = t.user("root").await;
    t.make_admin("root").await;
    for how in REMEDIES {
        let (ada, id) = ada_anew(&t).await;
        if how.starts_with("deactivation before") {
            set_active(&t, &root, &id, false).await;
        }
        forgot(&t, "/api/auth/forgot-password").await;
        remedy(&t, how, &root, &ada, &id).await;
        assert_eq!(links(&t, RESET).await, Vec::<String>::new(), "{how}");
    }
}

#[on_each_database]
async fn what_is_no_remedy_leaves_a_link_alone_and_a_newer_one_ends_it(t: Taskwell) {
    let t = with_mail(t).await;
    let root = t.user("root").await;
    t.make_admin("root").await;
    for door in DOORS {
        let (ada, id) = ada_anew(&t).await;
        forgot(&t, "/api/v1/auth/password/forgot").await;
        let old = links(&t, RESET).await.pop().unwrap();
        forgot(&t, "/api/v1/auth/password/forgot").await;
        let link = links(&t, RESET).await.pop().unwrap();
        assert_eq!(reset(&t, door, &old).await.status, 401, "{door}");
        // The link survives these changes, a wrong password and a verification.
        let change = json!({ "name": "Ada", "email": "ada@example.org" });
        assert_eq!(t.patch("/api/v1/users/me").token(&ada).json(&change).send().await.status, 200);
        let change = json!({ "role": "admin" });
        assert_eq!(
            t.patch(&format!("/api/v1/users/{id}")).token(&root).json(&change).send().await.status,
            200
        );
        let wrong = json!({ "current_password": "wrong", "new_password": NEW_PASSWORD });
        assert_eq!(
            t.post("/api/v1/users/me/password").token(&ada).json(&wrong).send().await.status,
            403
        );
        t.login("ada").await;
        assert_eq!(reset(&t, door, &link).await.status, 200, "{door}");
        assert_eq!(reset(&t, door, &link).await.status, 401, "{door}: used");
    }
}

#[on_each_database]
async fn a_verification_ends_with_its_address_and_a_newer_one_and_that_of_the_new_address_lives(
    t: Taskwell,
) {
    let t = with_mail(t).await;
    let ada = t.user("ada").await;
    let verify = async |token: &str| {
        t.post("/api/v1/auth/email/verify").json(&json!({ "token": token })).send().await.status
    };
    let first = links(&t, VERIFY).await.pop().unwrap();
    let ask = async || t.post("/api/v1/auth/email/verification").token(&ada).send().await.status;
    assert_eq!(ask().await, 202);
    let second = links(&t, VERIFY).await.pop().unwrap();
    assert_eq!(verify(&first).await, 401, "a newer one was sent");
    // One is sent, and one is still queued.
    assert_eq!(ask().await, 202);
    let change = json!({ "email": "countess@example.org", "current_password": PASSWORD });
    assert_eq!(t.patch("/api/v1/users/me").token(&ada).json(&change).send().await.status, 200);
    let mails = sent(&t).await;
    let told: Vec<(&str, &str)> =
        mails.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect();
    assert_eq!(
        told,
        [("ada@example.org", "Your email address was changed"), ("countess@example.org", VERIFY)]
    );
    assert_eq!(verify(&second).await, 401);
    // A password change does not affect the verification.
    let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
    assert_eq!(
        t.post("/api/v1/users/me/password").token(&ada).json(&change).send().await.status,
        200
    );
    assert_eq!(verify(&mails[1].token()).await, 200);
    assert_eq!(verify(&mails[1].token()).await, 401, "used");
    assert_eq!(t.get("/api/v1/users/me").token(&ada).send().await.json()["email_verified"], true);
}

#[on_each_database]
async fn a_link_that_is_sent_during_a_password_change_ends_with_it(t: Taskwell) {
    let t = with_mail(t).await;
    t.user("ada").await;
    sent(&t).await;
    let mut old = PASSWORD.to_owned();
    for round in 0..12 {
        let proof = json!({ "username": "ada", "password": old });
        let ada = t.post("/api/v1/auth/login").json(&proof).send().await.json();
        let ada = ada["access_token"].as_str().unwrap();
        forgot(&t, "/api/v1/auth/password/forgot").await;
        let new = format!("Difference.Engine-{round}");
        let body = json!({ "current_password": old, "new_password": new });
        let change = t.post("/api/v1/users/me/password").token(ada).json(&body).send();
        let (mails, changed) = join(sent(&t), change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        for mail in mails.iter().filter(|mail| mail.subject == RESET) {
            assert_eq!(reset(&t, DOORS[0], &mail.token()).await.status, 401, "round {round}");
        }
        assert_eq!(links(&t, RESET).await.len(), 0, "round {round}");
        old = new;
    }
}

#[on_each_database]
async fn a_login_from_another_network_or_program_is_told_and_nothing_that_it_says(t: Taskwell) {
    let t = with_mail(t).await;
    t.user("ada").await;
    t.clock.advance_s(700);
    sent(&t).await;
    let login = async |from: &str, agent: Option<&str>| -> Vec<String> {
        let proof = json!({ "username": "ada", "password": PASSWORD });
        let call = t.post("/api/v1/auth/login").from(from);
        let call = if let Some(agent) = agent { call.header("user-agent", agent) } else { call };
        assert_eq!(call.json(&proof).send().await.status, 200);
        let mails = sent(&t).await;
        mails
            .iter()
            .filter(|mail| mail.subject == "New login to your account")
            .map(|mail| mail.text.clone())
            .collect()
    };
    let firefox = Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
    let first = login("192.0.2.1", firefox).await;
    assert!(first[0].contains(": Firefox on Linux, from 192.0.2.1."), "{first:?}");
    assert!(first[0].contains("ends all other sessions and personal access tokens"), "{first:?}");
    assert_eq!(login("192.0.2.1", firefox).await.len(), 0);
    assert_eq!(login("198.51.100.7", firefox).await.len(), 1, "the same program from elsewhere");
    assert_eq!(login("198.51.100.7", firefox).await.len(), 0);
    assert_eq!(login("192.0.2.1", Some("curl/8")).await.len(), 1, "another program from there");
    assert_eq!(login("2001:db8:1:1::1", None).await.len(), 1);
    assert_eq!(
        login("2001:db8:1:1::2", None).await.len(),
        0,
        "one network, and no name both times"
    );
    for (agent, name) in [
        ("Your\taccount\tis\tlocked.\tCall\t+1\t555\t0100", "Your"),
        ("\tevil.example\tis\tyour\tbank", "Unknown device"),
        ("https://evil.example", "Unknown device"),
        ("Call:+15550100", "Unknown device"),
        ("averyveryverylongnameofsomeprogramthatnobodyknows/1", "Unknown device"),
        ("my-script_2/1.0 (nightly)", "my-script_2"),
        ("\u{202e}evil/1", "evil"),
    ] {
        let told = login("203.0.113.5", Some(agent)).await;
        assert!(
            told.len() == 1 && told[0].contains(&format!(": {name}, from 203.0.113.5.")),
            "{agent:?}: {told:?}"
        );
    }
    let kept = t.rows("SELECT user_agent FROM sessions UNION ALL SELECT detail FROM audit").await;
    let texts: Vec<String> = kept.into_iter().flatten().flatten().collect();
    assert!(
        texts.iter().any(|text| text == "Your account is locked. Call +1 555 0100"),
        "{texts:?}"
    );
    assert!(
        !texts.iter().any(|text| text.chars().any(|c| c.is_control() || c == '\u{202e}')),
        "{texts:?}"
    );
}
