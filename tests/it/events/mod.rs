//! The event stream, `/api/v1/events`.

mod instances;

use std::time::Duration;

use axum::response::Response;
use futures_util::future::{join, join_all};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Taskwell, on_each_database};

/// Far more than an event takes, and less than the interval of the periodic check.
const SOON: Duration = Duration::from_secs(3);

/// An open stream, event by event.
struct Events {
    body: axum::body::Body,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: String,
    id: i64,
    data: Value,
}

impl Events {
    fn of(response: Response) -> Events {
        assert_eq!(response.status(), 200);
        Events { body: response.into_body(), text: String::new() }
    }

    async fn open(t: &Taskwell, token: &str) -> Events {
        Events::of(t.get("/api/v1/events").token(token).open().await)
    }

    async fn after(t: &Taskwell, token: &str, id: i64) -> Events {
        Events::of(
            t.get("/api/v1/events")
                .token(token)
                .header("last-event-id", &id.to_string())
                .open()
                .await,
        )
    }

    /// Returns the next event; `None` if the stream has ended.
    async fn next(&mut self) -> Option<Event> {
        self.next_within(SOON).await
    }

    async fn next_within(&mut self, patience: Duration) -> Option<Event> {
        let next = async {
            loop {
                while let Some((block, rest)) = self.text.split_once("\n\n") {
                    let (block, rest) = (block.to_owned(), rest.to_owned());
                    self.text = rest;
                    if let Some(event) = read(&block) {
                        return Some(event);
                    }
                }
                let piece = self.body.frame().await?.unwrap().into_data().unwrap();
                self.text.push_str(std::str::from_utf8(&piece).unwrap());
            }
        };
        tokio::time::timeout(patience, next).await.unwrap_or_else(|_| panic!("nothing happened"))
    }

    /// Asserts that the next event is a change. Returns its number and its task's title.
    async fn change(&mut self) -> (i64, String) {
        let event = self.next().await.unwrap();
        assert_eq!((event.name.as_str(), &event.data["seq"]), ("change", &json!(event.id)));
        (event.id, event.data["task"]["title"].as_str().unwrap_or("-").to_owned())
    }

    async fn ready(&mut self, last: i64) {
        let ready = Event {
            name: "ready".into(),
            id: last,
            data: json!({ "last": last, "cursor": last.to_string() }),
        };
        assert_eq!(self.next().await, Some(ready));
    }

    /// Asserts that the stream has ended.
    async fn ends(mut self) {
        assert_eq!(self.next().await, None);
    }
}

fn read(block: &str) -> Option<Event> {
    let field =
        |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let (name, id, data) = (field("event")?, field("id")?, field("data")?);
    Some(Event {
        name: name.into(),
        id: id.parse().unwrap(),
        data: serde_json::from_str(data).unwrap(),
    })
}

async fn token_for(t: &Taskwell, token: &str, scopes: &[&str]) -> (String, String) {
    let new = json!({ "name": "a script", "scopes": scopes });
    let made = t.post("/api/v1/users/me/tokens").token(token).json(&new).send().await.json();
    (made["token"].as_str().unwrap().into(), made["id"].as_str().unwrap().into())
}

#[on_each_database]
async fn a_stream_begins_at_the_present_and_tells_what_happens_by_each_contract(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "before").await;
    let response = t.get("/api/v1/events").token(&token).open().await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        [header("content-type"), header("cache-control"), header("x-accel-buffering")],
        ["text/event-stream", "no-store", "no"]
    );
    let mut events = Events::of(response);
    events.ready(1).await;
    let mut seen = Vec::new();
    let uuid = t.task(&token, "v1").await["uuid"].as_str().unwrap().to_owned();
    seen.push(events.change().await);
    for (path, title) in [("/api/tasks", "web"), ("/tasks", "root")] {
        let new = json!({ "title": title, "status": "pending" });
        assert_eq!(t.post(path).token(&token).json(&new).send().await.status, 201, "{path}");
        seen.push(events.change().await);
    }
    assert_eq!(
        t.put(&format!("/api/tasks/{uuid}"))
            .token(&token)
            .json(&json!({ "title": "new" }))
            .send()
            .await
            .status,
        200
    );
    seen.push(events.change().await);
    assert_eq!(t.delete("/tasks/2").token(&token).send().await.status, 200);
    let deleted = events.next().await.unwrap();
    let titles = ["v1", "web", "root", "new"].map(str::to_owned);
    assert_eq!(seen, (2..).zip(titles).collect::<Vec<_>>());
    let page = t.get("/api/v1/changes?since=5").token(&token).send().await.json();
    assert_eq!((deleted.id, &deleted.data), (6, &page["changes"][0]));
}

#[on_each_database]
async fn a_stream_that_comes_back_misses_nothing_and_has_nothing_twice(t: Taskwell) {
    const WRITERS: i64 = 4;
    const EACH: i64 = 30;
    let token = t.user("ada").await;
    let mut events = Events::open(&t, &token).await;
    events.ready(0).await;
    let write = async |writer: i64| {
        for n in 0..EACH {
            t.task(&token, &format!("{writer}.{n}")).await;
        }
    };
    let read = async {
        let mut seen = 0;
        while seen < WRITERS * EACH {
            // Every tenth event is the last of its stream.
            for _ in 0..10 {
                seen += 1;
                let mut event = events.next().await.unwrap();
                while event.name == "ready" {
                    event = events.next().await.unwrap();
                }
                assert_eq!(event.id, seen);
            }
            events = Events::after(&t, &token, seen).await;
        }
    };
    join(join_all((0..WRITERS).map(write)), read).await;
}

#[on_each_database]
async fn what_was_missed_comes_first_then_that_it_was_all(t: Taskwell) {
    let token = t.user("ada").await;
    for n in 1..=70 {
        t.task(&token, &n.to_string()).await;
    }
    let mut events = Events::after(&t, &token, 3).await;
    for n in 4..=70 {
        assert_eq!(events.change().await, (n, n.to_string()));
    }
    events.ready(70).await;
    let by_query = "/api/v1/events?last_event_id=69";
    let mut events = Events::of(t.get(by_query).token(&token).open().await);
    assert_eq!(events.change().await.0, 70);
    let both = t.get(by_query).token(&token).header("last-event-id", "68").open().await;
    assert_eq!(Events::of(both).change().await.0, 69);
    // The client is ahead of a restored backup. It receives the current end of the sequence.
    let mut events = Events::after(&t, &token, 1000).await;
    events.ready(70).await;
    t.task(&token, "71").await;
    assert_eq!(events.change().await, (71, "71".to_owned()));
}

#[on_each_database]
async fn nobody_hears_of_somebody_elses_tasks(t: Taskwell) {
    let (ada, grace) = (t.user("ada").await, t.user("grace").await);
    let mut events = Events::open(&t, &ada).await;
    events.ready(0).await;
    t.task(&grace, "hers").await;
    t.task(&ada, "mine").await;
    assert_eq!(events.change().await, (1, "mine".to_owned()));
}

#[on_each_database]
async fn a_stream_ends_with_its_session(t: Taskwell) {
    let root = t.user("root").await;
    t.make_admin("root").await;
    let ada = t.user("ada").await;
    let other = t.login("ada").await;
    let (personal, id) = token_for(&t, &ada, &["tasks:read"]).await;
    let open = async |token: &str| {
        let mut events = Events::open(&t, token).await;
        events.ready(0).await;
        events
    };
    let mut stays = open(&root).await;
    let ending = open(&other).await;
    assert_eq!(t.post("/api/v1/auth/logout").token(&other).send().await.status, 200);
    ending.ends().await;
    let ending = open(&personal).await;
    assert_eq!(
        t.delete(&format!("/api/v1/users/me/tokens/{id}")).token(&ada).send().await.status,
        204
    );
    ending.ends().await;
    let ending = open(&ada).await;
    let off = json!({ "is_active": false });
    assert_eq!(t.patch("/api/v1/users/2").token(&root).json(&off).send().await.status, 200);
    ending.ends().await;
    t.task(&root, "here").await;
    assert_eq!(stays.change().await.0, 1);
}

#[on_each_database]
async fn a_stream_ends_when_its_tokens_time_is_over(t: Taskwell) {
    let token = t.user("ada").await;
    let (script, _) = token_for(&t, &token, &["tasks:write"]).await;
    let mut events = Events::open(&t, &token).await;
    events.ready(0).await;
    t.clock.advance_s(25 * 3600);
    t.task(&script, "later").await;
    events.ends().await;
}

#[on_each_database]
async fn an_account_has_so_many_streams_and_no_more(t: Taskwell) {
    let (ada, grace) = (t.user("ada").await, t.user("grace").await);
    let open = async |token: &str| t.get("/api/v1/events").token(token).at(0).open().await;
    let mut all = Vec::new();
    for _ in 0..16 {
        all.push(Events::of(open(&ada).await));
    }
    let refused = t.get("/api/v1/events").token(&ada).at(0).send().await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("5")));
    assert_eq!(
        (refused.header("content-type"), &refused.json()["status"]),
        (Some("application/problem+json"), &json!(429))
    );
    assert_eq!(open(&grace).await.status(), 200);
    all.pop();
    assert_eq!(open(&ada).await.status(), 200);
}

#[on_each_database]
async fn a_stream_is_for_those_who_may_read_tasks(t: Taskwell) {
    let token = t.user("ada").await;
    for (scope, status) in [("tasks:read", 200), ("tasks:write", 403)] {
        let (script, _) = token_for(&t, &token, &[scope]).await;
        assert_eq!(t.get("/api/v1/events").token(&script).open().await.status(), status, "{scope}");
    }
    let nobody = t.get("/api/v1/events").send().await;
    assert_eq!(
        (nobody.status, nobody.header("content-type")),
        (401, Some("application/problem+json"))
    );
    let wrong = t.get("/api/v1/events").token(&token).header("last-event-id", "x").send().await;
    assert_eq!((wrong.status, wrong.wrong_fields()), (422, vec!["Last-Event-ID".to_owned()]));
}

#[on_each_database]
async fn streams_end_when_the_server_stops(t: Taskwell) {
    let token = t.user("ada").await;
    let mut events = Events::of(t.get("/api/v1/events").token(&token).at(0).open().await);
    events.ready(0).await;
    t.app.end_watches();
    events.ends().await;
    let refused = t.get("/api/v1/events").token(&token).at(0).send().await;
    assert_eq!(refused.status, 503);
}

#[on_each_database]
async fn what_another_program_writes_is_seen_too(t: Taskwell) {
    let token = t.user("ada").await;
    t.task(&token, "a").await;
    let mut events = Events::open(&t, &token).await;
    events.ready(1).await;
    t.rows(
        "INSERT INTO changes (owner, seq, task_id, task_uuid, kind, actor, at, before) \
            SELECT owner, 2, task_id, task_uuid, 'deleted', actor, at, after FROM changes",
    )
    .await;
    t.rows("UPDATE counters SET last = 2").await;
    let event = events.next_within(SOON * 4).await.unwrap();
    assert_eq!((event.id, &event.data["kind"]), (2, &json!("deleted")));
}

#[on_each_database]
async fn a_quiet_stream_says_so_and_ends_where_its_session_is_gone(t: Taskwell) {
    let token = t.user("ada").await;
    let other = t.user("grace").await;
    let (mut quiet, mut ending) = (Events::open(&t, &token).await, Events::open(&t, &other).await);
    quiet.ready(0).await;
    ending.ready(0).await;
    // Without the server, so that nothing wakes the stream.
    t.rows("DELETE FROM sessions WHERE user_id = 2").await;
    let patience = SOON * 6;
    let comment = async {
        let piece = quiet.body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(piece.starts_with(b": ") && piece.ends_with(b"\n\n"), "{piece:?}");
    };
    let ended = join(tokio::time::timeout(patience, comment), ending.next_within(patience)).await;
    assert_eq!((ended.0.is_ok(), ended.1), (true, None));
    t.task(&token, "on").await;
    assert_eq!(quiet.change().await.0, 1);
}

#[on_each_database]
async fn a_password_change_ends_the_other_streams_alone(t: Taskwell) {
    let token = t.user("ada").await;
    let other = t.login("ada").await;
    let (mut mine, mut ending) = (Events::open(&t, &token).await, Events::open(&t, &other).await);
    mine.ready(0).await;
    ending.ready(0).await;
    let change = json!({ "current_password": PASSWORD, "new_password": "Difference.Engine-1822" });
    assert_eq!(
        t.post("/api/v1/users/me/password").token(&token).json(&change).send().await.status,
        200
    );
    ending.ends().await;
    t.task(&token, "on").await;
    assert_eq!(mine.change().await.0, 1);
}
