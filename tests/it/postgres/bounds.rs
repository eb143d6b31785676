//! Bounds on the effects of a locked table, a full disk or a frozen server: in time, in
//! connections, and only on requests about tasks.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all, join3};
use serde_json::json;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, Db, Lane, Server};
use taskwell_core::error::Error;
use taskwell_core::settings::Settings;
use tokio_postgres::NoTls;

use crate::support::Taskwell;
use crate::support::postgres::Database;
use crate::support::wait::until_async;

const WITHIN: Duration = Duration::from_secs(1);

fn open(database: &Database, pool_max: usize) -> Db {
    let mut server = Server::parse(&database.url).unwrap();
    server.pool_max = pool_max;
    server.answer_within = WITHIN;
    let place = DatabaseLocation::Postgres(Box::new(server));
    Db::open(&place, &Settings::default(), &Clock::default()).unwrap().0
}

/// Another session's lock on the tasks. It ends with the client.
#[expect(
    clippy::disallowed_methods,
    reason = "the connection ends with the client that the test drops"
)]
async fn lock_tasks(database: &Database) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE").await.unwrap();
    client
}

async fn backends(database: &Database) -> usize {
    let own = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name LIKE 'taskwell%'";
    database.rows(own).await[0][0].as_ref().unwrap().parse().unwrap()
}

/// Returns how many of them wait for a lock.
async fn waiting(database: &Database) -> usize {
    let own = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name LIKE 'taskwell%' AND wait_event_type = 'Lock'";
    database.rows(own).await[0][0].as_ref().unwrap().parse().unwrap()
}

async fn look(db: &Db, lane: Lane, table: &str) -> taskwell_core::error::Result<()> {
    let text = format!("/* test */ SELECT id FROM {table}");
    db.read_in(lane, move |tx| tx.all::<i64>(&text, &[]).map(drop)).await
}

async fn assert_health_is_read_beside_a_blocked_account(database: &Database, db: &Db) {
    let healthy = async {
        until_async("a read of an account waits for the lock", async || {
            waiting(database).await >= 1
        })
        .await;
        let asked = Instant::now();
        (look(db, Lane::Health, "users").await, asked.elapsed())
    };
    let (stuck, (answer, took)) = join(look(db, Lane::Accounts, "tasks"), healthy).await;
    assert_eq!((stuck, answer), (Err(Error::Unavailable { retry_after_s: 1 }), Ok(())));
    assert!(took < WITHIN / 2, "{took:?}");
}

#[tokio::test]
async fn a_locked_table_costs_a_bounded_time_and_no_more_connections_than_the_pool_has() {
    for pool_max in [2, 4, 10] {
        let database = Database::new().await;
        let db = open(&database, pool_max);
        let lock = lock_tasks(&database).await;
        for _ in 0..3 {
            let started = Instant::now();
            let reads = (0..30).map(|_| {
                db.read_in(Lane::Tasks, |tx| {
                    tx.all::<i64>("/* test */ SELECT id FROM tasks", &[]).map(drop)
                })
            });
            let writes = (0..30).map(|_| {
                db.write(|tx| tx.execute("/* test */ UPDATE tasks SET title = 'x'", &[]).map(drop))
            });
            let accounts = async {
                until_async("a read and a write wait for the lock", async || {
                    waiting(&database).await >= 2
                })
                .await;
                let asked = Instant::now();
                let answer = look(&db, Lane::Accounts, "users").await;
                let most = backends(&database).await;
                (answer, asked.elapsed(), most)
            };
            let (reads, writes, (answer, took, most)) =
                join3(join_all(reads), join_all(writes), accounts).await;
            let blocked = Err(Error::Unavailable { retry_after_s: 1 });
            assert!(
                reads.iter().chain(&writes).all(|outcome| *outcome == blocked),
                "{reads:?} {writes:?}"
            );
            assert!(started.elapsed() < WITHIN * 3, "{:?}", started.elapsed());
            assert!(most <= pool_max, "{most} connections, {pool_max} allowed");
            assert!(backends(&database).await <= pool_max);
            if pool_max >= 4 {
                answer.unwrap();
                assert!(took < WITHIN / 2, "{took:?}");
            }
        }
        if pool_max >= 8 {
            assert_health_is_read_beside_a_blocked_account(&database, &db).await;
        }
        drop(lock);
        until_async("tasks can be read again", async || {
            look(&db, Lane::Tasks, "tasks").await.is_ok()
        })
        .await;
        let update = "/* test */ UPDATE tasks SET title = 'x'";
        until_async("tasks can be written again", async || {
            db.write(|tx| tx.execute(update, &[]).map(drop)).await.is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn a_full_disk_is_told_as_that_also_where_later_statements_fail_after_it() {
    let t = Taskwell::on_postgres().await;
    let token = t.user("ada").await;
    t.task(&token, "before").await;
    t.rows(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END'",
    )
    .await;
    for table in ["counters", "tasks", "changes"] {
        t.rows(&format!(
            "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE \
             FUNCTION full_disk()"
        ))
        .await;
        let new = t
            .post("/api/v1/tasks")
            .token(&token)
            .json(&json!({ "title": "too much" }))
            .send()
            .await;
        assert_eq!(new.status, 507, "{table}: {new:?}");
        let change =
            t.put("/api/v1/tasks/1").token(&token).json(&json!({ "title": "other" })).send().await;
        assert_eq!(change.status, 507, "{table}: {change:?}");
        assert_eq!(t.get("/api/v1/tasks/1").token(&token).send().await.status, 200);
        t.rows(&format!("DROP TRIGGER full_disk ON {table}")).await;
        t.task(&token, "after").await;
    }
}
