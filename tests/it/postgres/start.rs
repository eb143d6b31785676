//! Startup: which instance migrates, what is refused, and a server that starts late.

use std::time::Duration;

use taskwell_core::app::App;
use taskwell_core::clock::Clock;
use taskwell_core::db::{DatabaseLocation, SCHEMA_VERSION, Server};
use taskwell_core::settings::{Scheme, Settings};

use crate::support::SECRET;
use crate::support::ports::free_port;
use crate::support::postgres::{Cluster, Database};
use crate::support::wait::until_async;

fn open(url: &str, patience: Duration) -> Result<(), String> {
    let mut server = Server::parse(url)?;
    server.start_within = patience;
    let settings = Settings { scheme: Scheme::Bcrypt(4), ..Settings::default() };
    let opened = App::open(
        &DatabaseLocation::Postgres(Box::new(server)),
        &[SECRET],
        settings,
        Clock::default(),
    );
    opened.map(drop).map_err(|e| e.to_string())
}

#[tokio::test]
async fn of_instances_that_start_at_once_one_migrates() {
    let database = Database::new().await;
    std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| open(&database.url, Duration::ZERO))).collect();
        for start in starts {
            start.join().unwrap().unwrap();
        }
    });
    let versions = database.rows("SELECT version FROM schema_migrations").await;
    assert_eq!(versions.len(), usize::try_from(SCHEMA_VERSION).unwrap());
}

#[tokio::test]
async fn a_newer_schema_and_another_programs_tables_are_refused_untouched() {
    let database = Database::new().await;
    database.rows("CREATE TABLE users (id INTEGER)").await;
    let told = open(&database.url, Duration::ZERO).unwrap_err();
    assert!(told.contains("a table users that does not belong to Taskwell"), "{told}");
    assert_eq!(
        database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await.len(),
        1
    );

    let database = Database::new().await;
    open(&database.url, Duration::ZERO).unwrap();
    database
        .rows("INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'future', 0)")
        .await;
    let told = open(&database.url, Duration::ZERO).unwrap_err();
    assert!(told.contains("version 99") && told.contains("newer Taskwell"), "{told}");
}

#[tokio::test]
async fn a_server_that_comes_late_is_waited_for_and_one_that_does_not_is_named() {
    let port = free_port();
    let url = format!("postgres://taskwell@127.0.0.1:{port}/postgres");
    let told = open(&url, Duration::ZERO).unwrap_err();
    assert!(told.contains("cannot connect to PostgreSQL") && told.contains("refused"), "{told}");
    let waiting = std::thread::spawn(move || open(&url, Duration::from_secs(30)));
    let _late = Cluster::start_with(port, &["listen_addresses=127.0.0.1"], |_| ());
    waiting.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_refusal_is_final_and_tells_no_password() {
    let cluster = Cluster::start_with(5432, &[], |folder| {
        std::fs::write(
            folder.join("data/pg_hba.conf"),
            "local all taskwell trust\nlocal all all reject\n",
        )
        .unwrap();
    });
    let folder = cluster.folder.display();
    let url = format!("postgres://mallory:canary@/postgres?host={folder}");
    let told = open(&url, Duration::from_secs(30)).unwrap_err();
    assert!(told.contains("mallory") && !told.contains("canary"), "{told}");
}

#[tokio::test]
async fn connections_are_opened_ahead() {
    let database = Database::new().await;
    let mut server = Server::parse(&database.url).unwrap();
    server.pool_min = 7;
    let settings = Settings { scheme: Scheme::Bcrypt(4), ..Settings::default() };
    let _app = App::open(
        &DatabaseLocation::Postgres(Box::new(server)),
        &[SECRET],
        settings,
        Clock::default(),
    )
    .unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'taskwell'";
    // The first reads open the two connections that reads share.
    until_async("five connections are open", async || {
        database.rows(count).await == [[Some("5".to_owned())]]
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let cluster = Cluster::start();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = encoding.to_lowercase();
        cluster
            .rows(&format!("CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0"))
            .await;
        let database = cluster.open(&name).await;
        let told = open(&database.url, Duration::ZERO).unwrap_err();
        assert!(told.contains(encoding) && told.contains("ENCODING 'UTF8'"), "{told}");
        assert!(
            database.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").await.is_empty()
        );
    }
}

#[tokio::test]
async fn a_direct_url_that_leads_elsewhere_is_refused() {
    let (one, other) = (Database::new().await, Database::new().await);
    for (direct, wanted) in [(&one.url, true), (&other.url, false)] {
        let server = Server::parse(&one.url).unwrap().with_direct(direct).unwrap();
        let settings = Settings { scheme: Scheme::Bcrypt(4), ..Settings::default() };
        let opened = App::open(
            &DatabaseLocation::Postgres(Box::new(server)),
            &[SECRET],
            settings,
            Clock::default(),
        );
        match opened {
            Ok(_) => assert!(wanted, "{direct} was taken"),
            Err(e) => assert!(!wanted && e.to_string().contains("DATABASE_DIRECT_URL"), "{e}"),
        }
    }
    assert!(other.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").await.is_empty());
}
