//! `PgBouncer` in transaction mode: each transaction is on whatever connection is free.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::future::join_all;
use serde_json::json;

use crate::support::Taskwell;
use crate::support::postgres::{Database, as_user, give_away};

/// As the server's guard: it ends the pooler when this process ends.
const GUARD: &str = "pgbouncer pgbouncer.ini & cat > /dev/null; kill -INT $!; wait $!; rm -rf \"$PWD\"";

/// A pooler and its guard.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn start(folder: &Path, server: &Path) -> Pooler {
    let there = || Command::new("pgbouncer").arg("--version").output().is_ok();
    if !there() {
        let _ = Command::new("apt-get").args(["update", "-q"]).output();
        let _ = Command::new("apt-get").args(["install", "-y", "-q", "pgbouncer"]).output();
    }
    assert!(there(), "PgBouncer is missing: install Debian's package pgbouncer");
    let settings = format!(
        "[databases]\n* = host={} user=taskwell\n[pgbouncer]\nunix_socket_dir={}\nlisten_port=5432\n\
         auth_type=any\npool_mode=transaction\ndefault_pool_size=3\n",
        server.parent().unwrap().display(),
        folder.display()
    );
    std::fs::write(folder.join("pgbouncer.ini"), settings).unwrap();
    give_away(folder);
    let mut guard = as_user(Path::new("sh"), folder)
        .args(["-c", GUARD])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(guard.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("process up")), "PgBouncer did not start");
    std::thread::spawn(move || lines.for_each(drop));
    Pooler(guard)
}

#[tokio::test]
async fn transactions_through_a_pooler_use_no_prepared_statements() {
    let folder = tempfile::tempdir().unwrap().keep();
    let database = Database::new().await;
    let _pooler = start(&folder, &Database::socket());
    let t = Taskwell::on_postgres_behind(&folder, database);
    let token = t.user("ada").await;
    for round in 1..=8 {
        let made = join_all((0..16).map(|_| t.task(&token, "one of many"))).await;
        let reads =
            made.iter().map(|task| t.get(&format!("/api/v1/tasks/{}", task["id"])).token(&token).send());
        assert!(join_all(reads).await.iter().all(|reply| reply.status == 200));
        let change = json!({ "completed": true, "due_date": null });
        let changes = made
            .iter()
            .map(|task| t.put(&format!("/api/v1/tasks/{}", task["id"])).token(&token).json(&change).send());
        assert!(join_all(changes).await.iter().all(|reply| reply.status == 200));
        let list = t.get("/api/v1/tasks?status=completed&sort=-updated_at").token(&token).send().await.json();
        assert_eq!(list.as_array().unwrap().len(), 16 * round);
    }
    let count = t.rows("SELECT count(*), max(seq) FROM changes").await;
    assert_eq!(count, [[Some("256".into()), Some("256".into())]]);
}
