//! Other programs that use the SQLite file while Taskwell serves it: they lose nothing and block
//! nobody.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::commands::{start, task};
use super::durability::End;
use crate::support::prepare::{Program, require};
use crate::support::wait::pause_of_another_program;

const ROUNDS: usize = 5;
/// Size of the log while another program keeps its snapshot: the server tries to merge it several
/// times.
const LOG_MIN: u64 = 40 * 1024 * 1024;
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);
/// Less than the 10 seconds that a write waits for another program's lock.
const WRITE_MAX: Duration = Duration::from_secs(5);

/// Whether this process holds a lock on the file's inode.
fn is_locked_by(pid: u32, file: &Path) -> bool {
    let inode = std::fs::metadata(file).unwrap().ino().to_string();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(4) == Some(&pid.to_string().as_str())
            && words.get(5).is_some_and(|place| place.rsplit(':').next() == Some(inode.as_str()))
    })
}

fn runs(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_acknowledged_after_another_program_has_read_the_file_survives_kill_9() {
    require(Program::Sqlite);
    require(Program::Python);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = folder.join("taskwell.db");
    let (mut server, token) = start(folder);
    let count = "select count(*) from tasks";
    let python = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); \
                  print(c.execute(sys.argv[2]).fetchone()); c.close()";
    for round in 0..ROUNDS {
        assert!(is_locked_by(server.child.id(), &database), "no lock in round {round}");
        runs(Command::new("sqlite3").arg(&database).arg(count));
        runs(Command::new("python3").args(["-c", python]).arg(&database).arg(count));
        runs(Command::new("sqlite3").arg(&database).arg("pragma wal_checkpoint(truncate)"));
        task(&server, &token, &format!("after the readers of round {round}"));
        assert!(folder.join("taskwell.db-wal").exists(), "the log is gone in round {round}");
        super::commands::done(folder, &["user", "list"], "");
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let stored = runs(Command::new("sqlite3").arg(&database).arg(count));
    assert_eq!(stored.trim(), ROUNDS.to_string());
}

/// Runs every kind of checkpoint. Each gives up after 100 ms if it has to wait for a reader.
fn checkpoint(database: &Path) {
    for mode in ["passive", "full", "restart", "truncate"] {
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.args(["-cmd", ".timeout 100"]).arg(database);
        sqlite3.arg(format!("pragma wal_checkpoint({mode})")).output().unwrap();
    }
}

#[test]
fn a_reader_with_an_old_snapshot_and_foreign_checkpoints_hold_nobody_up() {
    require(Program::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("taskwell.db");
    let (mut server, token) = start(folder.path());
    task(&server, &token, "before");
    // A process other than the server.
    let reader = rusqlite::Connection::open(&database).unwrap();
    let count =
        || -> i64 { reader.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap() };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 1);
    let log = folder.path().join("taskwell.db-wal");
    let (rounds, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut written = 1;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Like a program that replicates the log.
            while !is_over.load(Ordering::Relaxed) {
                checkpoint(&database);
                pause_of_another_program(CHECKPOINT_EVERY);
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _end = End(&is_over);
        while std::fs::metadata(&log).unwrap().len() < LOG_MIN
            || rounds.load(Ordering::Relaxed) < ROUNDS
        {
            let started = Instant::now();
            task(&server, &token, "during the snapshot");
            assert!(started.elapsed() < WRITE_MAX, "{:?}", started.elapsed());
            written += 1;
        }
    });
    assert_eq!(count(), 1, "the snapshot has changed");
    reader.execute_batch("COMMIT").unwrap();
    assert!(is_locked_by(server.child.id(), &database));
    task(&server, &token, "after");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let stored = runs(Command::new("sqlite3").arg(&database).arg("select count(*) from tasks"));
    assert_eq!(stored.trim(), (written + 1).to_string());
}
