//! What PostgreSQL alone asks for: few trips, lost connections, a server that comes late.

mod trips;

use futures_util::future::join_all;

use crate::support::{Store, Taskwell};

/// Ends all of this store's connections, as a restart of the server does.
async fn cut(t: &Taskwell) {
    let Store::Postgres(database) = &t.store else { panic!("this is no PostgreSQL") };
    let own = format!("datname = '{}' AND application_name = 'taskwell'", database.name);
    let cut = t.rows(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {own}")).await;
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
