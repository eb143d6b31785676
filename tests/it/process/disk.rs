//! Full or failing disks: only stored writes are acknowledged, reads continue, and the server
//! recovers by itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::commands::{run, start};
use crate::support::prepare::{Program, require};
use crate::support::process::{Server, taskwell};

/// A small file system in memory, until it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts the file system. Returns `None` if this process may not, because it does not run as
    /// root.
    fn mount(folder: &Path, size: &str) -> Option<SmallDisk> {
        let disk = folder.join("disk");
        std::fs::create_dir(&disk).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "taskwell-test"])
            .arg(&disk)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(SmallDisk(disk))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_refuses_writes_answers_reads_and_is_left_behind_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), "12m") else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    let (server, token) = start(&disk.0);
    let long = json!({ "title": "long", "description": "x".repeat(20_000) });
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 8 * 1024 * 1024]).unwrap();
    let mut stored = 0;
    let refused = loop {
        let reply = server.send("POST", "/api/v1/tasks", &token, Some(&long));
        if reply.status != 201 {
            break reply;
        }
        stored += 1;
    };
    assert_eq!(refused.status, 507, "{refused:?}");
    for _ in 0..20 {
        assert_eq!(server.send("POST", "/api/v1/tasks", &token, Some(&long)).status, 507);
        let list = server.send("GET", "/api/v1/tasks", &token, None);
        assert_eq!((list.status, list.json().as_array().unwrap().len()), (200, stored));
    }
    // A failed operation leaves nothing on the full disk.
    let before = names(&disk.0);
    assert!(!run(&disk.0, &["backup", "copy.db"], "").status.success());
    assert_eq!(names(&disk.0), before);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(server.send("POST", "/api/v1/tasks", &token, Some(&long)).status, 201);
    assert_eq!(server.send("GET", "/readyz", "", None).status, 200);
    assert_eq!(server.stop(), Some(0));
    let sql = rusqlite::Connection::open(disk.0.join("taskwell.db")).unwrap();
    let sound: String = sql.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let tasks: i64 = sql.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap();
    assert_eq!((sound.as_str(), tasks), ("ok", i64::try_from(stored).unwrap() + 1));
}

#[test]
fn a_failed_sync_ends_the_process_and_acknowledges_nothing() {
    require(Program::Strace);
    let folder = tempfile::tempdir().unwrap();
    let (server, token) = start(folder.path());
    assert_eq!(server.stop(), Some(0));
    let mut traced = Command::new("strace");
    traced
        .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync"])
        .args(["-e", "inject=fdatasync,fsync:error=EIO:when=6+"])
        .arg(taskwell(folder.path()).get_program())
        .args(["--port", "0"])
        .current_dir(folder.path())
        .env_clear()
        .envs([("BCRYPT_COST", "4"), ("RATE_LIMITS", "off"), ("RUST_LOG", "error")]);
    let mut server = Server::run(&mut traced);
    let mut acknowledged = Vec::new();
    for n in 0..100 {
        let title = format!("task {n}");
        match server.try_send("POST", "/api/v1/tasks", &token, Some(&json!({ "title": title }))) {
            Some(reply) if reply.status == 201 => acknowledged.push(title),
            Some(reply) => assert!(reply.status >= 500, "{reply:?}"),
            None => break,
        }
    }
    let ended = server.child.wait().unwrap();
    assert!(!ended.success(), "{ended:?}");
    assert!((1..100).contains(&acknowledged.len()), "{acknowledged:?}");
    let sql = rusqlite::Connection::open(folder.path().join("taskwell.db")).unwrap();
    for title in acknowledged {
        let found = "SELECT count(*) FROM tasks WHERE title = ?1";
        assert_eq!(
            sql.query_row(found, [&title], |row| row.get::<_, i64>(0)).unwrap(),
            1,
            "{title}"
        );
    }
}
