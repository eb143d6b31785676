//! Effects of a new password on personal access tokens, and how each endpoint reports them.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use taskwell_core::accounts;
use taskwell_core::users::password::Password;

use super::{
    DOORS, FORM, NEW_PASSWORD, RESET, ada_anew, alter, forgot, links, reset, sent, with_mail,
};
use crate::support::{PASSWORD, Taskwell, on_each_database};

/// Creates three active tokens and an expired one. Returns the secrets of the active ones.
async fn make_tokens(t: &Taskwell, ada: &str) -> Vec<String> {
    let mut made = Vec::new();
    for name in ["old", "one", "two", "three"] {
        let new = json!({ "name": name, "scopes": ["tasks:read"] });
        let reply = t.post("/api/v1/users/me/tokens").token(ada).json(&new).send().await;
        made.push(reply.json()["token"].as_str().unwrap().to_owned());
    }
    alter(t, "/* test */ UPDATE personal_tokens SET expires_at = 1 WHERE name = 'old'").await;
    made.split_off(1)
}

async fn alive(t: &Taskwell, tokens: &[String]) -> usize {
    let mut alive = 0;
    for token in tokens {
        alive += usize::from(t.get("/api/v1/tasks").token(token).send().await.status == 200);
    }
    alive
}

/// Returns the sentence about the change in its mail.
async fn told(t: &Taskwell) -> String {
    let mails = sent(t).await;
    let mail = mails.iter().find(|mail| mail.subject == "Your password was changed").unwrap();
    mail.text.clone()
}

#[on_each_database]
async fn another_password_ends_them_and_says_how_many_unless_they_are_kept(t: Taskwell) {
    let t = with_mail(t).await;
    let path = "/api/v1/users/me/password";
    for (keep, ended, words) in [
        (Value::Null, 3, " This ended 3 personal access tokens."),
        (json!(false), 3, " This ended 3 personal access tokens."),
        (json!(true), 0, " Its personal access tokens still work."),
    ] {
        let (ada, _) = ada_anew(&t).await;
        let tokens = make_tokens(&t, &ada).await;
        let mut body = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
        if !keep.is_null() {
            body["keep_tokens"] = keep;
        }
        let change = || t.post(path).token(&ada).header("idempotency-key", "k").json(&body);
        let first = change().send().await;
        assert_eq!((first.status, &first.json()["tokens_ended"]), (200, &json!(ended)));
        assert_eq!(alive(&t, &tokens).await, 3 - ended, "{body}");
        assert!(told(&t).await.contains(words), "{words}");
        let again = change().send().await;
        assert_eq!((again.status, again.text()), (200, first.text()));
        // As an earlier version stored it.
        alter(&t, "/* test */ UPDATE idempotency_keys SET outcome = 'null', role = NULL").await;
        assert_eq!(change().send().await.json()["tokens_ended"], 0);
    }
    let (ada, _) = ada_anew(&t).await;
    let wrong = json!({ "current_password": "wrong", "new_password": NEW_PASSWORD });
    let tokens = make_tokens(&t, &ada).await;
    assert_eq!(t.post(path).token(&ada).json(&wrong).send().await.status, 403);
    assert_eq!(alive(&t, &tokens).await, 3);
}

#[on_each_database]
async fn a_reset_ends_them_at_every_door_and_says_how_many_where_the_contract_lets_it(t: Taskwell) {
    let t = with_mail(t).await;
    for door in DOORS {
        let (ada, _) = ada_anew(&t).await;
        let tokens = make_tokens(&t, &ada).await;
        forgot(&t, "/api/v1/auth/password/forgot").await;
        let link = links(&t, RESET).await.pop().unwrap();
        let reply = reset(&t, door, &link).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        match door {
            "/reset-password" => {
                assert!(reply.text().contains(" This ended 3 personal access tokens."));
            }
            "/api/auth/reset-password" => assert_eq!(
                reply.json(),
                json!({ "success": true, "message": "The password was changed" })
            ),
            _ => assert_eq!(
                reply.json(),
                json!({ "message": "The password was changed", "tokens_ended": 3 })
            ),
        }
        assert_eq!(alive(&t, &tokens).await, 0, "{door}");
        assert!(told(&t).await.contains(" This ended 3 personal access tokens."));
    }
}

#[on_each_database]
async fn a_weak_password_does_not_end_the_way_of_a_link(t: Taskwell) {
    let t = with_mail(t).await;
    ada_anew(&t).await;
    forgot(&t, "/api/v1/auth/password/forgot").await;
    let link = links(&t, RESET).await.pop().unwrap();
    for weak in ["password", "short", ""] {
        let form = format!("token={link}&new_password={weak}");
        let reply = t.post("/reset-password").header("content-type", FORM).body(form).send().await;
        assert_eq!(reply.status, 400, "{reply:?}");
        let kept = format!("name=\"token\" value=\"{link}\"");
        for needed in
            [&*kept, "name=\"new_password\"", "aria-invalid=\"true\"", "id=\"new_password-wrong\""]
        {
            assert!(reply.text().contains(needed), "{needed}: {reply:?}");
        }
    }
    assert_eq!(reset(&t, "/reset-password", &link).await.status, 200);
    let used = reset(&t, "/reset-password", &link).await;
    assert_eq!(used.status, 401);
    assert!(
        !used.text().contains("<form") && used.text().contains("href=\"/app/forgot\""),
        "{used:?}"
    );
}

#[on_each_database]
async fn the_page_that_changes_a_password_ends_them_unless_its_box_is_ticked(t: Taskwell) {
    let t = with_mail(t).await;
    assert!(
        t.get("/change-password")
            .send()
            .await
            .text()
            .contains("name=\"keep_tokens\" value=\"true\"")
    );
    for (more, left) in [("", 0), ("&keep_tokens=true", 3)] {
        let (ada, _) = ada_anew(&t).await;
        let tokens = make_tokens(&t, &ada).await;
        let form = format!(
            "login=ada&current_password={PASSWORD}&new_password={NEW_PASSWORD}&token={more}"
        );
        let reply = t.post("/change-password").header("content-type", FORM).body(form).send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.text().contains(" This ended 3 personal access tokens."), left == 0);
        assert_eq!(alive(&t, &tokens).await, left);
    }
}

#[on_each_database]
async fn the_operators_reset_ends_them_and_counts_them(t: Taskwell) {
    let t = with_mail(t).await;
    let (ada, _) = ada_anew(&t).await;
    let tokens = make_tokens(&t, &ada).await;
    let user = t.operator.write(|tx| taskwell_core::users::find_by_login(tx, "ada")).await.unwrap();
    let ended = accounts::reset_password(&t.operator, user.id, Password::claimed(NEW_PASSWORD))
        .await
        .unwrap();
    assert_eq!((ended.0, alive(&t, &tokens).await), (3, 0));
}

#[on_each_database]
async fn a_token_that_is_made_during_a_password_change_does_not_outlive_it(t: Taskwell) {
    let (mut old, other) = (PASSWORD.to_owned(), json!({ "name": "x", "scopes": ["tasks:read"] }));
    let mine = t.user("ada").await;
    for round in 0..12 {
        let proof = json!({ "username": "ada", "password": old });
        let thief = t.post("/api/v1/auth/login").json(&proof).send().await.json();
        let thief = thief["access_token"].as_str().unwrap();
        let new = format!("Difference.Engine-{round}");
        let body = json!({ "current_password": old, "new_password": new });
        let change = t.post("/api/v1/users/me/password").token(&mine).json(&body).send();
        let makes =
            (0..8).map(|_| t.post("/api/v1/users/me/tokens").token(thief).json(&other).send());
        let (changed, made) = join(change, join_all(makes)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        for reply in made {
            assert!([201, 401].contains(&reply.status), "{reply:?}");
            if reply.status == 201 {
                let token = reply.json()["token"].as_str().unwrap().to_owned();
                assert_eq!(alive(&t, &[token]).await, 0, "round {round}");
            }
        }
        old = new;
    }
}
