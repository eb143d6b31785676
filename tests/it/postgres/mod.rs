//! What PostgreSQL alone asks for: few trips, lost connections, a server that comes late.

mod bounds;
mod pooler;
mod replica;
mod start;
mod tls;
mod trips;

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::postgres::Cluster;
use crate::support::{Store, Taskwell};

/// Ends all of this store's connections, as a restart of the server does.
async fn cut(t: &Taskwell) {
    let Store::Postgres(database) = &t.store else { panic!("this is no PostgreSQL") };
    let own = format!("datname = '{}' AND application_name = 'taskwell'", database.name);
    let cut = t
        .rows(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}"))
        .await;
    assert!(!cut.is_empty());
}

#[tokio::test]
async fn requests_that_meet_dead_connections_go_through() {
    let t = Taskwell::on_postgres().await;
    let token = t.user("ada").await;
    for round in 0..3 {
        let made = (0..8).map(|_| t.task(&token, "one of some"));
        assert_eq!(join_all(made).await.len(), 8);
        cut(&t).await;
        let reads = (0..8).map(|n| t.get(&format!("/api/v1/tasks/{}", n + 1)).token(&token).send());
        for reply in join_all(reads).await {
            assert_eq!(reply.status, 200, "{round}: {reply:?}");
        }
    }
    let count = t.rows("SELECT count(*), max(seq) FROM changes").await;
    assert_eq!(count, [[Some("24".into()), Some("24".into())]]);
}

/// Makes tasks until the time is over: the titles that were acknowledged, and when the last refusal
/// came.
async fn make_tasks(
    t: &Taskwell,
    token: &str,
    writer: usize,
    until: Instant,
) -> (Vec<String>, Option<Instant>) {
    let (mut told, mut refused, mut tried) = (Vec::new(), None, 0);
    while Instant::now() < until {
        tried += 1;
        let title = format!("{writer}.{tried}");
        let reply =
            t.post("/api/v1/tasks").token(token).json(&json!({ "title": title })).send().await;
        match reply.status {
            201 => told.push(title),
            503 => {
                assert!(reply.header("retry-after").is_some(), "{reply:?}");
                refused = Some(Instant::now());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            _ => panic!("{reply:?}"),
        }
    }
    (told, refused)
}

#[tokio::test]
async fn a_crash_of_the_server_loses_and_doubles_no_write() {
    let cluster = Cluster::start();
    let t = Taskwell::on(cluster.database("taskwell").await);
    let token = t.user("ada").await;
    let until = Instant::now() + Duration::from_secs(6);
    let writers = join_all((0..16).map(|writer| make_tasks(&t, &token, writer, until)));
    let crash = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (done, crashed) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            cluster.crash();
            let _ = done.send((cluster, Instant::now()));
        });
        crashed.await.unwrap()
    };
    let (made, (_cluster, returned)) = join(writers, crash).await;
    assert_story(&t, &made, returned).await;
}

/// That writes were refused until two seconds after the server's return at the latest, and none was
/// lost or doubled.
async fn assert_story(t: &Taskwell, made: &[(Vec<String>, Option<Instant>)], returned: Instant) {
    let last_refusal = made.iter().filter_map(|(_, refused)| *refused).max();
    assert!(
        last_refusal.is_some_and(|last| last < returned + Duration::from_secs(2)),
        "{last_refusal:?} {returned:?}"
    );
    let stored = t.rows("SELECT title FROM tasks ORDER BY title").await;
    let mut titles: Vec<String> = stored.into_iter().map(|row| row[0].clone().unwrap()).collect();
    let count = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), count, "a write was carried out twice");
    for title in made.iter().flat_map(|(told, _)| told) {
        assert!(titles.binary_search(title).is_ok(), "{title} was acknowledged and is lost");
    }
    let changes = t.rows("SELECT count(*), max(seq) FROM changes").await;
    assert_eq!(changes, [[Some(count.to_string()), Some(count.to_string())]]);
}
