//! Copies of an SQLite database file. A copy is complete, synced and under its final name, or does
//! not exist.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::sqlite::{READER_CACHE_KIB, error, open};
use crate::error::{Error, Result};

/// Suffixes of a database file and the files that SQLite puts beside it.
const BESIDE: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// A database under a temporary name. Dropping it removes the file and those beside it.
pub(super) struct Draft {
    pub path: PathBuf,
    /// Locked, so that only one of two processes can make a copy at the same time.
    _lock: std::fs::File,
}

impl Draft {
    /// Removes the files that a killed process left under this name, because SQLite would replay an
    /// old log into the new file.
    ///
    /// # Errors
    /// Another process uses the name.
    pub fn new(of: &Path, suffix: &str) -> Result<Draft> {
        let path = with_suffix(of, suffix);
        let made = |e| Error::internal(&format!("cannot create {}", path.display()), e);
        // The lock has its own file, because closing any descriptor of a database drops SQLite's
        // locks on it.
        let lock = std::fs::File::create(with_suffix(&path, "-lock")).map_err(made)?;
        if let Err(e) = lock.try_lock() {
            return Err(match e {
                TryLockError::WouldBlock => {
                    Error::internal("another Taskwell command is working on", of.display())
                }
                TryLockError::Error(e) => made(e),
            });
        }
        let draft = Draft { path, _lock: lock };
        draft.remove();
        Ok(draft)
    }

    fn remove(&self) {
        for suffix in BESIDE {
            // Usually the file does not exist.
            let _ = std::fs::remove_file(with_suffix(&self.path, suffix));
        }
    }

    /// Syncs the file and gives it its final name. No connection to it may be open.
    fn keep_as(self, name: &Path) -> Result<()> {
        let file = |what: &str, e: std::io::Error| Error::internal(what, e);
        let opened =
            std::fs::File::open(&self.path).map_err(|e| file("cannot open the copy", e))?;
        opened.sync_all().map_err(|e| file("cannot sync the copy", e))?;
        std::fs::rename(&self.path, name).map_err(|e| file("cannot rename the copy", e))?;
        sync_folder(name)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.remove();
        let _ = std::fs::remove_file(with_suffix(&self.path, "-lock"));
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies the database of `source` to the file `to`, which appears complete or not at all.
pub(super) fn copy_as(source: &Connection, draft: Draft, to: &Path) -> Result<()> {
    {
        let mut copy = open(&draft.path, READER_CACHE_KIB)?;
        copy_all(source, &mut copy)?;
        // The copy is a single file without a log beside it.
        copy.pragma_update(None, "journal_mode", "DELETE").map_err(error)?;
    }
    draft.keep_as(to)
}

/// Saves a copy of the database at `path` beside it before a migration to `version`. The caller
/// holds the write lock, so nothing changes meanwhile.
///
/// # Errors
/// The disk is full, or the folder is not writable. No copy is left behind then.
pub(super) fn keep_before(path: &Path, version: i64) -> Result<()> {
    let copy = with_suffix(path, &format!(".before-schema-{version}"));
    let kept = open(path, READER_CACHE_KIB)
        .and_then(|source| copy_as(&source, Draft::new(&copy, ".partial")?, &copy));
    kept.map_err(|e| {
        let cause = match e {
            Error::StorageFull => "the disk is full".into(),
            Error::Internal(cause) => cause,
            other => format!("{other:?}"),
        };
        Error::Internal(format!(
            "cannot back up the database to {} before its migration: {cause}. Free space for a \
             second copy of the database and start again. Nothing was changed",
            copy.display()
        ))
    })
}

pub(super) fn copy_all(from: &Connection, to: &mut Connection) -> Result<()> {
    use rusqlite::backup::{Backup, StepResult};
    let copying = Backup::new(from, to).map_err(error)?;
    loop {
        // All pages in one step: one snapshot, one transaction.
        match copying.step(-1).map_err(error)? {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(5)),
            _ => {}
        }
    }
}

/// Syncs the folder of a file. Without this, its new name may not survive a power failure.
pub(super) fn sync_folder(of: &Path) -> Result<()> {
    let folder = match of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::internal("cannot sync the folder", e))
}
