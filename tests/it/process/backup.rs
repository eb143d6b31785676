//! Backup and restore while many clients write. A backup contains all writes acknowledged before
//! it, and a restored store is consistent.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use serde_json::json;

use super::commands::{done, refused, start, task};
use crate::support::process::Server;

const WRITERS: usize = 8;
/// Number of writes to wait for before and after each step, so that the step happens among writes.
const WRITES_BETWEEN: usize = 100;

/// Writers that run until they are stopped, and their acknowledged writes.
struct Writers<'s> {
    server: &'s Server,
    token: &'s str,
    stop: AtomicBool,
    /// Whether the tested step is done.
    done: AtomicBool,
    /// Titles, and whether the step was done when they were sent.
    acknowledged: Mutex<BTreeMap<String, bool>>,
}

impl Writers<'_> {
    fn write(&self, writer: usize) {
        for n in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let after = self.done.load(Ordering::SeqCst);
            let title = format!("writer {writer} number {n}");
            let body = json!({ "title": title });
            let reply = self.server.send("POST", "/api/v1/tasks", self.token, Some(&body));
            assert_eq!(reply.status, 201, "{reply:?}");
            self.acknowledged.lock().unwrap().insert(title, after);
        }
    }

    fn acknowledged(&self) -> BTreeMap<String, bool> {
        self.acknowledged.lock().unwrap().clone()
    }

    fn wait_for_more(&self) {
        let wanted = self.acknowledged().len() + WRITES_BETWEEN;
        while self.acknowledged().len() < wanted {
            std::thread::yield_now();
        }
    }
}

/// Runs `f` while clients write.
fn among_writers<T>(server: &Server, token: &str, f: impl FnOnce(&Writers) -> T) -> T {
    let (stop, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let writers = Writers { server, token, stop, done, acknowledged: Mutex::default() };
    std::thread::scope(|scope| {
        let writers = &writers;
        let running: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || writers.write(writer))).collect();
        let outcome = f(writers);
        writers.stop.store(true, Ordering::Relaxed);
        for writer in running {
            writer.join().unwrap();
        }
        outcome
    })
}

/// Asserts that a database is consistent: each task has its change, and the numbers have no gap.
/// Returns the titles.
fn titles(path: &Path) -> HashSet<String> {
    let sql = Connection::open(path).unwrap();
    let one = |text: &str| sql.query_row(text, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    assert_eq!(one("SELECT count(*) || '' FROM pragma_foreign_key_check"), "0");
    let count = one("SELECT count(*) || '' FROM tasks");
    assert_eq!(one("SELECT count(*) || '' FROM changes"), count);
    assert_eq!(
        one("SELECT max(last, floor) || '' FROM counters"),
        one("SELECT max(max(seq), floor) || '' FROM changes, counters")
    );
    // The numbers have gaps only where a restore has advanced them.
    let gaps = "SELECT count(*) || '' FROM changes c, counters WHERE seq > 1 AND seq <> floor + 1 \
                AND NOT EXISTS (SELECT 1 FROM changes WHERE seq = c.seq - 1)";
    assert_eq!(one(gaps), "0");
    let mut all =
        sql.prepare("SELECT title FROM tasks JOIN changes ON task_id = tasks.id").unwrap();
    all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_backup_among_writers_holds_all_that_was_acknowledged_before() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (server, token) = start(folder);
    let before = among_writers(&server, &token, |writers| {
        writers.wait_for_more();
        let before = writers.acknowledged();
        done(folder, &["backup", "copy.db"], "");
        writers.wait_for_more();
        before
    });
    let copied = titles(&folder.join("copy.db"));
    let lost: Vec<&String> = before.keys().filter(|title| !copied.contains(*title)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let mode = std::fs::metadata(folder.join("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a backup holds what the database holds");
    let beside = ["copy.db-wal", "copy.db-journal", "copy.db.partial"];
    assert!(!beside.iter().any(|name| folder.join(name).exists()), "a backup is one file");
}

#[test]
fn a_restore_among_writers_brings_the_backup_and_they_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (server, token) = start(folder);
    task(&server, &token, "in the backup");
    done(folder, &["backup", "copy.db"], "");
    task(&server, &token, "after the backup");
    let acknowledged = among_writers(&server, &token, |writers| {
        writers.wait_for_more();
        done(folder, &["restore", "copy.db"], "");
        writers.done.store(true, Ordering::SeqCst);
        writers.wait_for_more();
        writers.acknowledged()
    });
    assert_eq!(server.stop(), Some(0));
    let restored = titles(&folder.join("taskwell.db"));
    assert!(restored.contains("in the backup") && !restored.contains("after the backup"));
    let sent_after = acknowledged.iter().filter(|(_, after)| **after).map(|(title, _)| title);
    let lost: Vec<&String> = sent_after.filter(|title| !restored.contains(*title)).collect();
    assert!(lost.is_empty(), "acknowledged after the restore: {lost:?}");
}

#[test]
fn a_backup_with_a_damaged_page_is_refused_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (server, token) = start(folder);
    for n in 0..50 {
        task(&server, &token, &format!("{n} {}", "x".repeat(150)));
    }
    done(folder, &["backup", "copy.db"], "");
    let whole = std::fs::read(folder.join("copy.db")).unwrap();
    let before = titles(&folder.join("taskwell.db"));
    // A damaged page in the middle, and truncated files.
    let mut damaged = whole.clone();
    let middle = whole.len() / 2 / 4096 * 4096;
    damaged[middle..middle + 4096].fill(0xa5);
    for bytes in [&damaged[..], &whole[..whole.len() / 2 / 4096 * 4096], &whole[..100], &[]] {
        std::fs::write(folder.join("damaged.db"), bytes).unwrap();
        refused(folder, &["restore", "damaged.db"]);
        assert_eq!(titles(&folder.join("taskwell.db")), before);
    }
    task(&server, &token, "goes on");
}
