//! Other programs at the SQLite file while Taskwell serves it: they lose nothing and hold nobody
//! up.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::commands::{start, task};
use crate::support::packages::require;

const ROUNDS: usize = 5;
/// How long another program keeps its snapshot.
const SNAPSHOT: Duration = Duration::from_mins(1);

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
    require("sqlite3", &["sqlite3"]);
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

#[test]
fn a_reader_with_an_old_snapshot_and_foreign_checkpoints_hold_nobody_up() {
    require("sqlite3", &["sqlite3"]);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("taskwell.db");
    let (mut server, token) = start(folder.path());
    task(&server, &token, "before");
    // As a program that streams the log away does.
    let reader = "import sqlite3, subprocess, sys, time\nc = sqlite3.connect(sys.argv[1], \
                  isolation_level=None)\nc.execute('begin'); c.execute('select count(*) from \
                  tasks').fetchone()\nend = time.time() + float(sys.argv[2])\nwhile time.time() < \
                  end:\n\x20   for mode in ('passive', 'full', 'restart', \
                  'truncate'):\n\x20       subprocess.run(['sqlite3', '-cmd', '.timeout 100', \
                  sys.argv[1], f'pragma \
                  wal_checkpoint({mode})'])\n\x20       time.sleep(0.2)\nprint(c.execute('select \
                  count(*) from tasks').fetchone()[0])";
    let holding = Command::new("python3")
        .args(["-c", reader])
        .arg(&database)
        .arg(SNAPSHOT.as_secs().to_string())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut written = 1;
    while begun.elapsed() < SNAPSHOT {
        let one = Instant::now();
        task(&server, &token, "meanwhile");
        assert!(one.elapsed() < Duration::from_secs(2), "{:?}", one.elapsed());
        written += 1;
        // It takes its minute, and leaves the machine to other tests.
        std::thread::sleep(Duration::from_millis(20));
    }
    let seen = holding.wait_with_output().unwrap();
    assert!(seen.status.success());
    assert!(is_locked_by(server.child.id(), &database));
    task(&server, &token, "after");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let stored = runs(Command::new("sqlite3").arg(&database).arg("select count(*) from tasks"));
    assert_eq!(stored.trim(), (written + 1).to_string());
}
