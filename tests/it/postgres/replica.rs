//! A streaming replica: which reads it serves, which it must not serve, and its promotion to
//! primary.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Outage, assert_whole};
use crate::support::Taskwell;
use crate::support::postgres::{Cluster, Database, as_user};
use crate::support::wait::until_async;

/// Returns how often tasks were looked up on a server.
async fn looks(database: &Database) -> u64 {
    let scans = "SELECT pg_stat_clear_snapshot(), sum(idx_scan) FROM pg_stat_user_tables WHERE \
                 relname = 'tasks'";
    let rows = database.rows(scans).await;
    rows[0][1].as_ref().map_or(0, |count| count.parse().unwrap())
}

async fn read_task(t: &Taskwell, token: &str) -> String {
    let one = t.get("/api/v1/tasks/1").token(token).send().await.json();
    let list = t.get("/api/v1/tasks").token(token).send().await.json();
    assert_eq!(list[0]["title"], one["title"]);
    one["title"].as_str().unwrap().to_owned()
}

/// A primary and its replica, with a task that both have and that reads get from the replica.
struct Pair {
    _primary: Cluster,
    copy: Cluster,
    there: Database,
    t: Taskwell,
    token: String,
}

impl Pair {
    async fn start() -> Pair {
        let (cluster, copy, there, t) = Taskwell::replicated().await;
        let token = t.user("ada").await;
        t.task(&token, "one").await;
        until_async("the replica is asked", async || {
            assert_eq!(read_task(&t, &token).await, "one");
            looks(&there).await >= 10
        })
        .await;
        Pair { _primary: cluster, copy, there, t, token }
    }
}

#[tokio::test]
async fn a_replica_answers_reads_that_it_is_new_enough_for() {
    let Pair { _primary, copy, there, t, token } = Pair::start().await;
    there.rows("SELECT pg_wal_replay_pause()").await;
    for round in 0..8 {
        let title = format!("changed {round}");
        let change = t.put("/api/v1/tasks/1").token(&token).json(&json!({ "title": title }));
        assert_eq!(change.send().await.status, 200);
        for _ in 0..4 {
            assert_eq!(read_task(&t, &token).await, title, "a caller reads its own writes");
        }
    }
    let other = t.login("ada").await;
    assert_eq!(
        read_task(&t, &other).await,
        "changed 7",
        "a session that the replica does not know"
    );
    assert_eq!(t.post("/api/v1/auth/logout").token(&other).send().await.status, 200);
    for _ in 0..4 {
        assert_eq!(t.get("/api/v1/tasks").token(&other).send().await.status, 401);
    }

    there.rows("SELECT pg_wal_replay_resume()").await;
    let before = looks(&there).await;
    until_async("the replica is asked again", async || {
        assert_eq!(read_task(&t, &token).await, "changed 7");
        looks(&there).await >= before + 10
    })
    .await;
    copy.stop();
    for _ in 0..8 {
        assert_eq!(read_task(&t, &token).await, "changed 7", "without the replica");
    }
}

#[tokio::test]
async fn a_promotion_in_mid_load_loses_and_doubles_no_write() {
    let cluster = Cluster::start();
    cluster.database("taskwell").await;
    let copy = cluster.replica();
    // Acknowledged writes are on both.
    cluster.rows("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
    cluster.rows("SELECT pg_reload_conf()").await;
    let hosts = format!("{},{}", cluster.folder.display(), copy.folder.display());
    let mut database = copy.open("taskwell").await;
    database.url = format!("postgres://taskwell@/taskwell?host={hosts}");
    let t = Taskwell::on(database);
    let token = t.user("ada").await;
    let promotion = move || {
        cluster.stop();
        copy.promote();
        (cluster, copy)
    };
    let (written, _servers) = Outage::default().run(&t, &token, promotion).await;
    assert_whole(&t, &written).await;
}

/// Sends a signal to the server and all its processes.
fn signal(cluster: &Cluster, signal: &str) {
    let script = format!(
        "pid=$(head -1 data/postmaster.pid); kill -{signal} $pid $(cat \
         /proc/$pid/task/$pid/children)"
    );
    let sent = as_user(std::path::Path::new("sh"), &cluster.folder).args(["-c", &script]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn a_replica_that_hangs_delays_few_reads_and_those_little() {
    let Pair { _primary, copy, there: _there, t, token } = Pair::start().await;
    signal(&copy, "STOP");
    let (mut slow, begun) = (0, Instant::now());
    for _ in 0..200 {
        let asked = Instant::now();
        assert_eq!(read_task(&t, &token).await, "one");
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        slow += usize::from(asked.elapsed() >= Duration::from_millis(90));
    }
    signal(&copy, "CONT");
    // Without a rest each of them would wait. A busy machine makes some wait for other reasons.
    assert!(slow <= 40, "{slow} of 200 reads waited, in {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_is_no_standby_of_the_primary_is_never_asked() {
    let (cluster, stranger) = (Cluster::start(), Cluster::start());
    let database = cluster.database("taskwell").await;
    let there = stranger.database("taskwell").await;
    let t = Taskwell::on_postgres_with_replica(database, &there.url);
    let token = t.user("ada").await;
    t.task(&token, "one").await;
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_eq!(read_task(&t, &token).await, "one");
    }
    assert!(
        there
            .rows("SELECT 1 FROM pg_stat_activity WHERE application_name = 'taskwell'")
            .await
            .is_empty()
    );
}
