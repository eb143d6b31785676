//! Limits on mail per address, account and client, and the order of the queue.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Call, PASSWORD, Reply, Taskwell, on_each_database};

const HERE: &str = "192.0.2.1";
const HOUR_S: i64 = 3600;

/// Turns on mail and limits, as in production, on the same store.
fn limited(t: &mut Taskwell) {
    t.reopen(|settings| (settings.rate_limits, settings.mails) = (true, true));
}

/// Returns a request for another link to verify the address.
fn resend<'t>(t: &'t Taskwell, token: &str) -> Call<'t> {
    t.post("/api/v1/auth/email/verification").token(token)
}

/// Reports a forgotten password through one of the trees.
fn forgot<'t>(t: &'t Taskwell, n: usize, email: &str, from: &str) -> Call<'t> {
    let door = ["/api/v1/auth/password/forgot", "/api/auth/forgot-password"][n % 2];
    t.post(door).from(from).json(&json!({ "email": email }))
}

fn assert_too_many(reply: &Reply, policy: &str, wait_s: std::ops::RangeInclusive<i64>) {
    assert_eq!(reply.status, 429, "{reply:?}");
    let wait: i64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(wait_s.contains(&wait), "{wait}: {reply:?}");
    assert!(
        reply.header("ratelimit-policy").unwrap().starts_with(&format!("\"{policy}\";q=")),
        "{reply:?}"
    );
    assert!(reply.json()["detail"].as_str().unwrap().starts_with("Too many requests"), "{reply:?}");
}

/// Returns kind and recipient of the queued mail.
async fn queued(t: &Taskwell) -> Vec<(String, String)> {
    let rows = t.rows("SELECT kind, recipient FROM mail_queue ORDER BY id").await;
    rows.into_iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect()
}

/// Sends the mail that is due. Returns the recipients in order.
async fn send_all(t: &Taskwell) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(mail) = t.operator.next_mail().await.unwrap() {
        t.operator.mail_sent(mail.id).await.unwrap();
        sent.push(mail.to);
    }
    sent
}

async fn change_password(t: &Taskwell, token: &str, turn: usize) {
    let words = [PASSWORD, "Difference.Engine-1822"];
    let change =
        json!({ "current_password": words[turn % 2], "new_password": words[(turn + 1) % 2] });
    let reply = t.post("/api/v1/users/me/password").token(token).json(&change).send().await;
    assert!(reply.status < 300, "{reply:?}");
}

#[on_each_database]
async fn an_address_gets_five_an_hour_and_its_owner_is_told_when_there_is_room(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    limited(&mut t);
    for _ in 0..5 {
        assert_eq!(resend(&t, &ada).send().await.status, 202);
    }
    assert_too_many(&resend(&t, &ada).send().await, "mail-address", 3590..=3601);
    // A restart does not reset the limit either.
    limited(&mut t);
    assert_too_many(&resend(&t, &ada).send().await, "mail-address", 3590..=3601);
    assert_eq!(send_all(&t).await.len(), 5);
    t.clock.advance_s(HOUR_S - 60);
    assert_too_many(&resend(&t, &ada).send().await, "mail-address", 1..=61);
    t.clock.advance_s(60);
    assert_eq!(resend(&t, &ada).send().await.status, 202);
    assert_eq!(queued(&t).await, [("verify".to_owned(), "ada@example.org".to_owned())]);
}

#[on_each_database]
async fn those_who_ask_at_once_get_no_more(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    limited(&mut t);
    let replies = join_all((0..16).map(|_| resend(&t, &ada).send())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 5, "{replies:?}");
    assert_eq!(queued(&t).await.len(), 5);
    let ask =
        (0..16).map(|n| forgot(&t, n, "nobody@example.org", &format!("203.0.113.{n}")).send());
    assert!(join_all(ask).await.iter().all(|reply| matches!(reply.status, 200 | 202)));
    assert_eq!(queued(&t).await.len(), 5 + 3);
}

#[on_each_database]
async fn a_flood_by_strangers_is_answered_as_always_and_takes_no_place_from_a_notice(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    limited(&mut t);
    let mut told: Vec<(u16, Value)> = Vec::new();
    for n in 0..20 {
        // Other spellings, each time from another address.
        let email = ["ada@example.org", "ADA@Example.org", " ada@EXAMPLE.ORG "][n % 3];
        let reply = forgot(&t, n, email, &format!("203.0.113.{n}")).send().await;
        told.push((reply.status, reply.json()));
    }
    assert!(told.iter().enumerate().all(|(n, answer)| *answer == told[n % 2]), "{told:?}");
    assert_eq!(queued(&t).await.len(), 3);
    for turn in 0..4 {
        change_password(&t, &ada, turn).await;
    }
    // The new password has ended the links, but they still count towards the limit.
    let kinds: Vec<String> = queued(&t).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["password_changed"; 4]);
    // Two of the notices are sent now. The others wait until the limit allows them.
    assert_eq!(send_all(&t).await.len(), 2);
    t.clock.advance_s(HOUR_S - 60);
    assert_eq!(send_all(&t).await.len(), 0);
    t.clock.advance_s(120);
    assert_eq!(send_all(&t).await, ["ada@example.org", "ada@example.org"]);
}

#[on_each_database]
async fn logins_take_no_place_from_the_notice_of_another_password_or_from_a_link(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    limited(&mut t);
    t.clock.advance_s(HOUR_S);
    let proof = json!({ "username": "ada", "password": PASSWORD });
    for n in 0..30 {
        let login =
            t.post("/api/v1/auth/login").header("user-agent", &format!("a{n}/1")).json(&proof);
        assert_eq!(login.send().await.status, 200);
    }
    change_password(&t, &ada, 0).await;
    assert_eq!(forgot(&t, 0, "ada@example.org", HERE).send().await.status, 202);
    let kinds: Vec<String> = queued(&t).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["new_device", "new_device", "new_device", "password_changed", "reset"]);
    assert_eq!(send_all(&t).await.len(), 5);
}

#[on_each_database]
async fn one_client_causes_thirty_an_hour_and_another_is_not_kept_from_its_own(t: Taskwell) {
    let mut t = t;
    t.user("ada").await;
    limited(&mut t);
    for n in 0..40 {
        let reply = forgot(&t, n, &format!("stranger{n}@example.org"), HERE).send().await;
        assert!(matches!(reply.status, 200 | 202), "{reply:?}");
    }
    assert_eq!(queued(&t).await.len(), 30);
    assert_eq!(forgot(&t, 0, "ada@example.org", "203.0.113.1").send().await.status, 202);
    assert_eq!(send_all(&t).await, ["ada@example.org"], "nobody else has an account");
}

#[on_each_database]
async fn an_address_changed_to_and_fro_is_no_way_to_send_a_stranger_mail(t: Taskwell) {
    let mut t = t;
    let eve = t.user("eve").await;
    limited(&mut t);
    let mut refused = None;
    for n in 0..20 {
        let email = ["stranger@example.org", "eve@example.org"][n % 2];
        let change =
            json!({ "email": email, "name": format!("{n}"), "current_password": PASSWORD });
        let reply = t.patch("/api/v1/users/me").token(&eve).json(&change).send().await;
        if reply.status == 429 {
            refused = Some((n, email, reply));
            break;
        }
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let (n, email, reply) = refused.unwrap();
    assert_too_many(&reply, "mail-address", 3590..=3601);
    // None of it was done.
    let me = t.get("/api/v1/users/me").token(&eve).send().await.json();
    let before = format!("{}", n - 1);
    assert!(me["email"] != email && me["name"] == *before, "{me}");
    let to_stranger = send_all(&t).await.iter().filter(|to| to.starts_with("stranger")).count();
    assert!((1..=5).contains(&to_stranger), "{to_stranger}");
    // Changes that send no mail are not refused.
    let reply =
        t.patch("/api/v1/users/me").token(&eve).json(&json!({ "name": "Eve" })).send().await;
    assert_eq!(reply.status, 200);
}

#[on_each_database]
async fn an_account_gets_twenty_a_day_twelve_of_them_by_strangers(t: Taskwell) {
    let mut t = t;
    let (ada, _) = (t.user("ada").await, t.user("bob").await);
    limited(&mut t);
    for _ in 0..4 {
        for _ in 0..5 {
            assert_eq!(resend(&t, &ada).send().await.status, 202);
        }
        t.clock.advance_s(HOUR_S);
    }
    assert_too_many(&resend(&t, &ada).send().await, "mail-account", 71_900..=72_001);
    assert_eq!(send_all(&t).await.len(), 20);
    for hour in 0..6 {
        for n in 0..3 {
            forgot(&t, n, "bob@example.org", &format!("203.0.113.{hour}")).send().await;
        }
        t.clock.advance_s(HOUR_S);
    }
    assert_eq!(queued(&t).await.len(), 18);
    assert_eq!(send_all(&t).await.len(), 12);
    assert_eq!(queued(&t).await.len(), 0, "what has no place is dropped");
}

#[on_each_database]
async fn accounts_take_turns(t: Taskwell) {
    let mut t = t;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    limited(&mut t);
    for _ in 0..4 {
        assert_eq!(resend(&t, &ada).send().await.status, 202);
    }
    for n in 0..2 {
        forgot(&t, n, "bob@example.org", HERE).send().await;
    }
    assert_eq!(resend(&t, &bob).send().await.status, 202);
    let names: Vec<String> = send_all(&t).await.iter().map(|to| to[..3].to_owned()).collect();
    assert_eq!(names, ["ada", "bob", "bob", "ada", "bob", "ada", "ada"]);
}

#[on_each_database]
async fn who_signs_up_is_kept_from_it_by_nobody_and_gets_the_link_when_there_is_room(t: Taskwell) {
    let mut t = t;
    let eve = t.user("eve").await;
    limited(&mut t);
    // As many as the limit of the address, before its owner signs up.
    for n in 0..3 {
        forgot(&t, n, "new@example.org", "203.0.113.1").send().await;
    }
    let change = |email: &str| json!({ "email": email, "current_password": PASSWORD });
    for email in ["new@example.org", "eve@example.org"] {
        let reply = t.patch("/api/v1/users/me").token(&eve).json(&change(email)).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    send_all(&t).await;
    let new = json!({ "username": "new", "email": "new@example.org", "password": PASSWORD });
    assert_eq!(t.post("/api/v1/auth/signup").from(HERE).json(&new).send().await.status, 201);
    assert_eq!(send_all(&t).await, [] as [String; 0]);
    t.clock.advance_s(HOUR_S + 1);
    assert_eq!(send_all(&t).await, ["new@example.org"]);
}

#[on_each_database]
async fn what_no_limit_counts_any_longer_is_pruned(t: Taskwell) {
    let mut t = t;
    let ada = t.user("ada").await;
    limited(&mut t);
    assert_eq!(resend(&t, &ada).send().await.status, 202);
    forgot(&t, 0, "ada@example.org", HERE).send().await;
    send_all(&t).await;
    let kept = async || t.rows("SELECT subject FROM mail_sent").await.len();
    t.clock.advance_s(23 * HOUR_S);
    while t.operator.prune().await.unwrap() {}
    assert!(kept().await > 0);
    t.clock.advance_s(HOUR_S + 60);
    while t.operator.prune().await.unwrap() {}
    assert_eq!(kept().await, 0);
}

#[on_each_database]
async fn mail_goes_to_a_domain_in_a_labels(t: Taskwell) {
    let mut t = t;
    limited(&mut t);
    for (n, (email, to)) in
        [("ada@müller.de", "ada@xn--mller-kva.de"), ("ada@straße.de", "ada@xn--strae-oqa.de")]
            .into_iter()
            .enumerate()
    {
        let new = json!({ "username": format!("ada{n}"), "email": email, "password": PASSWORD });
        let made = t.post("/api/v1/auth/signup").json(&new).send().await.json();
        assert_eq!(made["user"]["email"], email);
        assert_eq!(send_all(&t).await, [to]);
    }
}
