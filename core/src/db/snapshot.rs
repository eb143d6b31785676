//! Copies of an SQLite database's file: whole, synced and under their names, or not at all.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::sqlite::{READER_CACHE_KIB, error, open};
use crate::error::{Error, Result};

/// What SQLite puts beside a database.
const BESIDE: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// A database under a temporary name. Dropped, it goes, with all that lies beside it.
pub(super) struct Draft {
    pub path: PathBuf,
    /// Held locked, so that of two processes that make one at once one is refused.
    _lock: std::fs::File,
}

impl Draft {
    /// Removes what a killed process left under this name: SQLite would replay an old log into the
    /// new file.
    ///
    /// # Errors
    /// Another process is at work under it.
    pub fn new(of: &Path, suffix: &str) -> Result<Draft> {
        let path = with_suffix(of, suffix);
        let made = |e| Error::internal(&format!("cannot create {}", path.display()), e);
        // A lock of its own file: closing any descriptor of a database drops the locks that SQLite
        // has on it.
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
            // Mostly there is none.
            let _ = std::fs::remove_file(with_suffix(&self.path, suffix));
        }
    }

    /// Gives it its name, once it is whole and on the disk. No connection to it may be open.
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

/// Copies what `source` sees to the file `to`, which appears whole or not at all.
pub(super) fn copy_as(source: &Connection, draft: Draft, to: &Path) -> Result<()> {
    {
        let mut copy = open(&draft.path, READER_CACHE_KIB)?;
        copy_all(source, &mut copy)?;
        // One file, no log beside it, wherever it is opened first.
        copy.pragma_update(None, "journal_mode", "DELETE").map_err(error)?;
    }
    draft.keep_as(to)
}

/// Keeps a copy of the database at `path` beside it, as it is before a migration to that version.
/// The caller holds the write lock, so nothing is written meanwhile.
///
/// # Errors
/// There is no room, or the folder can't be written to; then no copy is left behind.
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

/// A new name in a folder survives a power cut only when the folder is synced.
pub(super) fn sync_folder(of: &Path) -> Result<()> {
    let folder = match of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::internal("cannot sync the folder", e))
}
