//! Many concurrent writers: the store matches the acknowledgements, in one sequence without gaps.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Taskwell, on_each_database};

const WRITERS: usize = 16;
const WRITES: usize = 24;
const SHARED: usize = 4;

/// Runs one writer, which creates, changes and deletes tasks that all others change too. Returns
/// its number of acknowledged changes.
async fn write(t: &Taskwell, token: &str, writer: usize) -> usize {
    let mut told = 0;
    for turn in 0..WRITES {
        // A walk that visits all kinds and tasks, another for each writer.
        let chance = (writer * 31 + turn * 17) % 10;
        let shared = format!("/api/v1/tasks/{}", 1 + (writer + turn) % SHARED);
        let title = json!({ "title": format!("{writer}.{turn}") });
        let reply = match chance {
            0..=3 => t.post("/api/v1/tasks").token(token).json(&title).send().await,
            4..=7 => t.put(&shared).token(token).json(&title).send().await,
            8 => {
                let seen = t.get(&shared).token(token).send().await;
                let call = t.put(&shared).token(token).json(&title);
                call.header("if-match", seen.header("etag").unwrap()).send().await
            }
            _ => {
                let own = t.post("/api/v1/tasks").token(token).json(&title).send().await;
                assert_eq!(own.status, 201, "{own:?}");
                told += 1;
                t.delete(&format!("/api/v1/tasks/{}", own.json()["id"])).token(token).send().await
            }
        };
        assert!([200, 201, 204, 412].contains(&reply.status), "{reply:?}");
        told += usize::from(reply.status != 412);
    }
    told
}

/// Asserts that the changes, applied in order, produce the current tasks.
async fn assert_story(t: &Taskwell, told: usize) {
    let changes =
        t.rows("SELECT seq, task_id, kind, before, after FROM changes ORDER BY seq").await;
    assert_eq!(changes.len(), told);
    let mut tasks = std::collections::BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let [seq, task, kind, before, after] = &change[..] else { panic!("{change:?}") };
        assert_eq!(seq.as_deref(), Some((at + 1).to_string().as_str()));
        let was = tasks.remove(task.as_ref().unwrap()).map(|(_, json)| json);
        assert_eq!(was, *before, "{kind:?} of {task:?}");
        if let Some(after) = after {
            tasks.insert(task.clone().unwrap(), (seq.clone(), after.clone()));
        }
    }
    let stored = t.rows("SELECT id, version, title FROM tasks ORDER BY id").await;
    assert_eq!(stored.len(), tasks.len());
    for task in stored {
        let (version, json) = &tasks[task[0].as_ref().unwrap()];
        let json: Value = serde_json::from_str(json).unwrap();
        assert_eq!((&task[1], task[2].as_deref()), (version, json["title"].as_str()));
    }
    assert_eq!(t.rows("SELECT last FROM counters").await, [[Some(told.to_string())]]);
}

#[on_each_database]
async fn writers_of_one_account_make_one_sequence_without_gaps(t: Taskwell) {
    let token = t.user("ada").await;
    for _ in 0..SHARED {
        t.task(&token, "shared").await;
    }
    let writers = (0..WRITERS).map(|writer| write(&t, &token, writer));
    let told: usize = join_all(writers).await.into_iter().sum();
    assert_story(&t, SHARED + told).await;
}

#[on_each_database]
async fn of_two_admins_who_demote_each_other_one_stays(t: Taskwell) {
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    t.make_admin("ada").await;
    t.make_admin("bob").await;
    let user = json!({ "role": "user" });
    let by_ada = t.patch("/api/v1/users/2").token(&ada).json(&user).send();
    let by_bob = t.patch("/api/v1/users/1").token(&bob).json(&user).send();
    let statuses = join_all([by_ada, by_bob]).await.into_iter().map(|reply| reply.status);
    let mut statuses: Vec<u16> = statuses.collect();
    statuses.sort_unstable();
    assert!(statuses[0] == 200 && [403, 409].contains(&statuses[1]), "{statuses:?}");
    assert_eq!(t.rows("SELECT id FROM users WHERE role = 'admin'").await.len(), 1);
}

#[on_each_database]
async fn of_many_uses_of_a_link_at_once_one_counts(t: Taskwell) {
    let mut t = t;
    t.reopen(|settings| settings.mails = true);
    t.user("ada").await;
    let link = async || {
        let mail = t.operator.next_mail().await.unwrap().unwrap();
        t.operator.mail_sent(mail.id).await.unwrap();
        mail.text
            .split_once("token=")
            .unwrap()
            .1
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
    };
    let verify = json!({ "token": link().await });
    let forgot = t
        .post("/api/v1/auth/password/forgot")
        .json(&json!({ "email": "ada@example.org" }))
        .send()
        .await;
    assert_eq!(forgot.status, 202);
    let reset = json!({ "token": link().await, "new_password": "Difference.Engine-1822" });
    for (path, body) in
        [("/api/v1/auth/email/verify", &verify), ("/api/v1/auth/password/reset", &reset)]
    {
        let replies = join_all((0..32).map(|_| t.post(path).json(body).send())).await;
        let (done, refused): (Vec<u16>, Vec<u16>) =
            replies.iter().map(|reply| reply.status).partition(|status| *status == 200);
        assert_eq!(
            (done.len(), refused.iter().all(|status| *status == 401)),
            (1, true),
            "{path}: {refused:?}"
        );
    }
}

#[on_each_database]
async fn of_many_sign_ups_for_one_address_at_once_one_is_taken(t: Taskwell) {
    const PASSWORD: &str = crate::support::PASSWORD;
    let new = |n: usize| {
        let email = if n.is_multiple_of(2) { "ada@example.org" } else { "Ada@Example.ORG" };
        json!({
            "username": format!("ada{n}"), "name": "ada", "email": email, "password": PASSWORD,
            "confirmPassword": PASSWORD
        })
    };
    let doors = ["/api/v1/auth/signup", "/api/auth/signup", "/user/signup", "/auth/register"];
    let news: Vec<Value> = (0..64).map(new).collect();
    let replies =
        join_all(news.iter().enumerate().map(|(n, new)| t.post(doors[n / 2 % 4]).json(new).send()))
            .await;
    let (made, refused): (Vec<u16>, Vec<u16>) =
        replies.iter().map(|reply| reply.status).partition(|status| *status < 300);
    assert_eq!(made.len(), 1, "{made:?} {refused:?}");
    assert!(refused.iter().all(|status| [400, 409].contains(status)), "{refused:?}");
    let there = t.rows("SELECT id FROM users").await.len();
    let written_down = t.rows("SELECT id FROM audit WHERE action = 'signed_up'").await.len();
    assert_eq!((there, written_down), (1, 1));
}

#[on_each_database]
async fn sign_ups_at_once_with_one_name_in_their_addresses_all_get_a_free_one(t: Taskwell) {
    let sign_ups = (0..12).map(|n| {
        let body = json!({
            "name": "Ada", "email": format!("ada@host{n}.example.org"), "password": PASSWORD
        });
        t.post("/user/signup").json(&body).send()
    });
    for reply in join_all(sign_ups).await {
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    let names = t.rows("SELECT DISTINCT username_key FROM users").await;
    assert_eq!(names.len(), 12);
}

#[on_each_database]
async fn tokens_made_at_once_do_not_pass_their_cap(t: Taskwell) {
    let token = t.user("ada").await;
    let new = json!({ "name": "x", "scopes": ["tasks:read"] });
    let make = || t.post("/api/v1/users/me/tokens").token(&token).json(&new).send();
    for _ in 0..95 {
        assert_eq!(make().await.status, 201);
    }
    let replies = join_all((0..20).map(|_| make())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 5);
    assert!(replies.iter().all(|reply| [201, 409].contains(&reply.status)), "{replies:?}");
}

#[on_each_database]
async fn an_account_is_deleted_while_it_is_written_to(t: Taskwell) {
    let mut slow = 0;
    for n in 0..4 {
        let token = t.user(&format!("ada{n}")).await;
        let write = || async {
            for turn in 0..20 {
                let title = json!({ "title": turn.to_string() });
                let reply = t.post("/api/v1/tasks").token(&token).json(&title).send().await;
                assert!([201, 401].contains(&reply.status), "{reply:?}");
            }
        };
        let delete = async {
            let proof = json!({ "password": PASSWORD });
            let begun = std::time::Instant::now();
            let reply = t.delete("/api/v1/users/me").token(&token).json(&proof).send().await;
            assert_eq!(reply.status, 204, "{reply:?}");
            begun.elapsed()
        };
        let (took, _) = futures_util::future::join(delete, join_all((0..8).map(|_| write()))).await;
        slow += usize::from(took > std::time::Duration::from_millis(900));
    }
    // PostgreSQL detects a deadlock after a second. A busy machine may take that long for other
    // reasons, but not each time.
    assert!(slow < 4, "each deletion took longer than a deadlock");
    let left = t.rows("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM tasks)").await;
    assert_eq!(left[0][0].as_deref(), Some("0"));
}
