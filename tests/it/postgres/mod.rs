//! Tests for PostgreSQL only: few round trips, lost connections, a server that starts late.

mod bounds;
mod pooler;
mod replica;
mod start;
mod tls;
mod trips;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::support::postgres::Cluster;
use crate::support::wait::{pause_before_retry, until_async};
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

/// How long after the server's return writes may still be refused.
const RECOVERY_MAX: Duration = Duration::from_secs(2);
const WRITERS: usize = 16;

/// A database server that goes down and returns while clients write.
#[derive(Default)]
struct Outage {
    acknowledged: AtomicUsize,
    returned: OnceLock<Instant>,
}

/// A writer's observations: the acknowledged titles, and whether a write was refused.
type Written = (Vec<String>, bool);

impl Outage {
    fn is_over(&self, now: Instant) -> bool {
        self.returned.get().is_some_and(|returned| now > *returned + RECOVERY_MAX)
    }

    /// Creates tasks until one is acknowledged after the recovery.
    async fn write(&self, t: &Taskwell, token: &str, writer: usize) -> Written {
        let (mut acknowledged, mut was_refused) = (Vec::new(), false);
        for n in 0.. {
            let title = format!("{writer}.{n}");
            let sent = Instant::now();
            let call = t.post("/api/v1/tasks").token(token).json(&json!({ "title": title }));
            let reply = call.send().await;
            match reply.status {
                201 => {
                    acknowledged.push(title);
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                    if self.is_over(sent) {
                        break;
                    }
                }
                503 => {
                    assert!(!self.is_over(sent), "refused {RECOVERY_MAX:?} after the return");
                    assert!(reply.header("retry-after").is_some(), "{reply:?}");
                    was_refused = true;
                    pause_before_retry().await;
                }
                _ => panic!("{reply:?}"),
            }
        }
        (acknowledged, was_refused)
    }

    /// Runs the outage while clients write. Returns their observations and the servers.
    async fn run<T: Send + 'static>(
        &self,
        t: &Taskwell,
        token: &str,
        outage: impl FnOnce() -> T + Send + 'static,
    ) -> (Vec<Written>, T) {
        let writers = join_all((0..WRITERS).map(|writer| self.write(t, token, writer)));
        let outage = async {
            until_async("the writers are at work", async || {
                self.acknowledged.load(Ordering::SeqCst) >= 10 * WRITERS
            })
            .await;
            let (done, over) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || done.send((outage(), Instant::now())).ok());
            let (servers, returned) = over.await.unwrap();
            self.returned.set(returned).unwrap();
            servers
        };
        join(writers, outage).await
    }
}

#[tokio::test]
async fn a_crash_of_the_server_loses_and_doubles_no_write() {
    let cluster = Cluster::start();
    let t = Taskwell::on(cluster.database("taskwell").await);
    let token = t.user("ada").await;
    let crash = move || {
        cluster.crash();
        cluster
    };
    let (written, _cluster) = Outage::default().run(&t, &token, crash).await;
    assert_whole(&t, &written).await;
}

/// Asserts that some writes were refused, and that none was lost or done twice.
async fn assert_whole(t: &Taskwell, written: &[Written]) {
    assert!(written.iter().any(|(_, was_refused)| *was_refused), "nobody noticed the outage");
    let stored = t.rows("SELECT title FROM tasks ORDER BY title").await;
    let mut titles: Vec<String> = stored.into_iter().map(|row| row[0].clone().unwrap()).collect();
    let count = titles.len();
    titles.dedup();
    assert_eq!(titles.len(), count, "a write was carried out twice");
    for title in written.iter().flat_map(|(acknowledged, _)| acknowledged) {
        assert!(titles.contains(title), "{title} was acknowledged and is lost");
    }
    let changes = t.rows("SELECT count(*), max(seq) FROM changes").await;
    assert_eq!(changes, [[Some(count.to_string()), Some(count.to_string())]]);
}
