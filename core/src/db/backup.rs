//! Backup and restore of an SQLite database, even while a server uses it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::migrate;
use super::snapshot::{Draft, copy_all, copy_as, sync_folder};
use super::sqlite::{
    READER_CACHE_KIB, WRITER_CACHE_KIB, begin_write, close, commit, configure_durability,
    erase_older, error, open, opening,
};
use super::tx::WriteTx;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Copies a snapshot of the database at `from` to the new file `to`, even while a server uses the
/// database. The copy gets its name only once it is complete and synced.
///
/// # Errors
/// `to` exists, or one of the files can't be read or written.
pub fn backup(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Err(Error::internal("the database does not exist", from.display()));
    }
    require_free(to)?;
    let source = open(from, READER_CACHE_KIB)?;
    migrate::require_known(&source)?;
    migrate::require_whole(&source)?;
    let draft = Draft::new(to, ".partial")?;
    // Checked again now that no other backup to this name is active.
    require_free(to)?;
    copy_as(&source, draft, to)
}

fn require_free(name: &Path) -> Result<()> {
    if name.exists() {
        return Err(Error::internal(
            "the file already exists, choose another name",
            name.display(),
        ));
    }
    Ok(())
}

/// Replaces the contents of the database at `to` with the backup `from`, in one transaction, even
/// while a server uses the database. `prepare` changes the restored data first.
///
/// # Errors
/// `from` is damaged, is not a Taskwell database, or comes from a newer version. `to` is unchanged
/// then.
pub fn restore(
    from: &Path,
    to: &Path,
    clock: &Clock,
    prepare: impl Fn(&mut WriteTx) -> Result<()>,
) -> Result<()> {
    if !from.exists() {
        return Err(Error::internal("the backup does not exist", from.display()));
    }
    // The copy is migrated beside the target, so that a server on the target never sees an older
    // schema.
    let staged = Draft::new(to, ".restoring")?;
    restore_by(from, &staged.path, to, clock, prepare)
}

fn restore_by(
    from: &Path,
    staged: &Path,
    to: &Path,
    clock: &Clock,
    prepare: impl Fn(&mut WriteTx) -> Result<()>,
) -> Result<()> {
    let mut copy = open(staged, WRITER_CACHE_KIB)?;
    {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let backup = Connection::open_with_flags(from, flags).map_err(|e| opening(from, &e))?;
        let sound: String = backup
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|e| opening(from, &e))?;
        if sound != "ok" {
            return Err(Error::internal("the backup is damaged", sound));
        }
        migrate::require_known(&backup)?;
        copy_all(&backup, &mut copy)?;
    }
    let migrated = migrate::sqlite(&copy, None, clock)?;
    erase_older(&copy, migrated.from);
    let mut target = open(to, WRITER_CACHE_KIB)?;
    migrate::require_replaceable(&target)?;
    configure_durability(&target)?;
    begin_write(&copy)?;
    carry_numbers(&target, &copy).map_err(error)?;
    prepare(&mut WriteTx::on_sqlite(&copy, clock))?;
    commit(&copy)?;
    copy_all(&copy, &mut target)?;
    close(&target);
    sync_folder(to)
}

/// Preserves the counters of the replaced store, so that numbers and ids that it assigned after the
/// backup are not assigned again.
fn carry_numbers(replaced: &Connection, copy: &Connection) -> rusqlite::Result<()> {
    let look = "SELECT count(*) FROM sqlite_schema WHERE name = 'counters'";
    if replaced.query_row(look, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(());
    }
    for (given, raise) in [
        (
            "SELECT owner, last FROM counters",
            "UPDATE counters SET last = max(last, $2) WHERE owner = $1",
        ),
        (
            "SELECT name, seq FROM sqlite_sequence",
            "UPDATE sqlite_sequence SET seq = max(seq, $2) WHERE name = $1",
        ),
    ] {
        let (mut given, mut raise) = (replaced.prepare(given)?, copy.prepare(raise)?);
        let mut rows = given.query([])?;
        while let Some(row) = rows.next()? {
            raise.execute((row.get::<_, rusqlite::types::Value>(0)?, row.get::<_, i64>(1)?))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::db::{DatabaseLocation, Db};
    use crate::settings::Settings;

    /// Creates an empty folder with this name.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("taskwell-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    fn store(file: &Path) -> Db {
        Db::open(
            &DatabaseLocation::Sqlite(file.to_owned()),
            &Settings::default(),
            &Clock::default(),
        )
        .unwrap()
        .0
    }

    fn holds_a_lock(file: &Path) -> bool {
        let (pid, inode) =
            (std::process::id().to_string(), std::fs::metadata(file).unwrap().ino().to_string());
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(4) == Some(&pid.as_str())
                && words
                    .get(5)
                    .is_some_and(|place| place.rsplit(':').next() == Some(inode.as_str()))
        })
    }

    #[test]
    fn what_opens_and_copies_a_store_leaves_its_locks_alone() {
        let folder = folder("locks");
        let file = folder.join("a.db");
        let db = store(&file);
        assert!(holds_a_lock(&file));
        backup(&file, &folder.join("b.db")).unwrap();
        assert!(holds_a_lock(&file));
        restore(&folder.join("b.db"), &file, &Clock::default(), |_| Ok(())).unwrap();
        assert!(holds_a_lock(&file));
        drop(store(&file));
        assert!(holds_a_lock(&file));
        drop(db);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_store_of_an_older_schema_is_kept_beside_the_new_one_and_a_newer_one_is_not_touched() {
        let folder = folder("kept");
        let file = folder.join("a.db");
        drop(store(&file));
        let sql = Connection::open(&file).unwrap();
        let old =
            "DROP TABLE mail_sent; DROP INDEX mail_queue_of_recipient; ALTER TABLE mail_queue DROP
                COLUMN turn_at;
                   DROP INDEX users_shadowed; DROP INDEX \"users.username_skeleton\"; ALTER TABLE
                       users DROP COLUMN username_skeleton;
                   ALTER TABLE users DROP COLUMN username_shadowed; ALTER TABLE users DROP COLUMN
                       email_shadowed;
                   ALTER TABLE sessions DROP COLUMN rotates; ALTER TABLE sessions DROP COLUMN
                       network;
                   ALTER TABLE idempotency_keys DROP COLUMN role;
                   DROP TABLE store; ALTER TABLE users DROP COLUMN epoch; ALTER TABLE counters DROP
                       COLUMN floor; ALTER TABLE tasks DROP COLUMN folded;
                   DROP INDEX mail_tokens_by_expiry; DROP INDEX sessions_by_expiry;
                   DELETE FROM schema_migrations WHERE version > 5";
        sql.execute_batch(old).unwrap();
        drop(sql);
        drop(store(&file));
        let kept = folder.join(format!("a.db.before-schema-{}", crate::db::SCHEMA_VERSION));
        assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let sql = Connection::open(&file).unwrap();
        sql.execute_batch("INSERT INTO schema_migrations VALUES (99, 'newer', 0)").unwrap();
        let log = folder.join("a.db-wal");
        // The files as a crash leaves them.
        let before = [std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap()];
        drop(sql);
        std::fs::write(&file, &before[0]).unwrap();
        std::fs::write(&log, &before[1]).unwrap();
        let opened = Db::open(
            &DatabaseLocation::Sqlite(file.clone()),
            &Settings::default(),
            &Clock::default(),
        );
        assert!(matches!(opened, Err(Error::Internal(told)) if told.contains("newer Taskwell")));
        assert_eq!(before, [std::fs::read(&file).unwrap(), std::fs::read(&log).unwrap()]);
        std::fs::remove_dir_all(folder).unwrap();
    }

    /// Whether a file contains the bytes.
    fn holds(file: &Path, needle: &str) -> bool {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    #[test]
    fn what_an_account_held_is_in_no_file_soon_after_it_is_deleted() {
        let folder = folder("erased");
        let (file, log) = (folder.join("a.db"), folder.join("a.db-wal"));
        let db = store(&file);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let made = db.write(|tx| {
            let user = "INSERT INTO users VALUES (1, x'01', 'ada', 'ada', NULL, 'a@b', 'a@b', 'h', \
                        'user', 1, 1, 0, 0, 0, NULL, 0, 0)";
            tx.send(user, &[])?;
            let task = "INSERT INTO tasks (uuid, owner, title, description, status, priority,
                created_at, updated_at, version)
                 VALUES (randomblob(16), 1, 'canary', replace(hex(zeroblob($1)), '00', 'canary '),
                     'pending', 1, 0, 0, 1)";
            (0..400).try_for_each(|n: i64| tx.send(task, &[&(n * 29 % 2800)]))?;
            // The rows shrink and grow, so that pages are split and merged.
            tx.send("UPDATE tasks SET description = 'canary' WHERE id % 3 = 0", &[])?;
            tx.send(
                "UPDATE tasks SET description = replace(hex(zeroblob(900)), '00', 'canary ') \
                     WHERE id % 5 = 0",
                &[],
            )?;
            tx.send("DELETE FROM tasks WHERE id % 7 = 0", &[])
        });
        runtime.block_on(made).unwrap();
        let deleted = db.write(|tx| {
            tx.erase();
            tx.send("DELETE FROM users WHERE id = 1", &[])
        });
        runtime.block_on(deleted).unwrap();
        let started = std::time::Instant::now();
        while std::fs::metadata(&log).unwrap().len() > 0
            && started.elapsed() < Duration::from_secs(5)
        {
            std::thread::yield_now();
        }
        assert!(!holds(&log, "canary") && !holds(&file, "canary"));
        backup(&file, &folder.join("b.db")).unwrap();
        assert!(!holds(&folder.join("b.db"), "canary"));
        drop(db);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
