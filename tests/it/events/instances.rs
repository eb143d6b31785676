//! Events that reach a stream from another instance, after a lost database connection, or from a
//! replica.

use super::*;
use crate::support::Store;
use crate::support::postgres::{Database, SOCKET};

#[tokio::test]
async fn instances_hear_each_other_again_after_their_connections_were_lost() {
    let t = Taskwell::on_postgres().await;
    let Store::Postgres(database) = &t.store else { panic!("this is no PostgreSQL") };
    let listeners = format!(
        "FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'taskwell-live'",
        database.name
    );
    let token = t.user("ada").await;
    let mut events = Events::of(t.get("/api/v1/events").token(&token).at(0).open().await);
    events.ready(0).await;
    let write = async |title: &str| {
        let new = json!({ "title": title });
        let made = t.post("/api/v1/tasks").token(&token).at(1).json(&new).send().await;
        assert_eq!(made.status, 201, "{made:?}");
    };
    // An instance connects when it has something to tell, or somebody to tell it to.
    write("first").await;
    assert_eq!(events.change().await.0, 1);
    for round in 1..=3 {
        let both_listen = async {
            while t.rows(&format!("SELECT pid {listeners}")).await.len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON * 4, both_listen).await.unwrap();
        write("heard").await;
        assert_eq!(events.change().await.0, 2 * round);
        let cut = t.rows(&format!("SELECT pg_terminate_backend(pid) {listeners}")).await;
        assert!(!cut.is_empty());
        write("found").await;
        assert_eq!(events.change().await.0, 2 * round + 1);
    }
}

#[tokio::test]
async fn where_nobody_is_heard_it_is_looked() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join(SOCKET);
    std::os::unix::fs::symlink(Database::socket(), &socket).unwrap();
    let t = Taskwell::on_postgres_listening_by(folder.path(), Database::new().await);
    // It is migrated; from here on there is no way to listen.
    std::fs::remove_file(socket).unwrap();
    let token = t.user("ada").await;
    let mut events = Events::of(t.get("/api/v1/events").token(&token).at(0).open().await);
    events.ready(0).await;
    let new = json!({ "title": "found" });
    assert_eq!(t.post("/api/v1/tasks").token(&token).at(1).json(&new).send().await.status, 201);
    assert_eq!(events.change().await, (1, "found".to_owned()));
}

#[tokio::test]
async fn a_replica_that_lags_hides_no_event() {
    let (_primary, _replica, there, t) = Taskwell::replicated().await;
    let token = t.user("ada").await;
    let mut events = Events::open(&t, &token).await;
    events.ready(0).await;
    for (n, order) in (1..).zip(["pause", "resume", "pause", "resume"]) {
        there.rows(&format!("SELECT pg_wal_replay_{order}()")).await;
        t.task(&token, order).await;
        assert_eq!(events.change().await, (n, order.to_owned()));
    }
}
