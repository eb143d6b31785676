//! The SQLite driver: how a connection is set up, how statements and transactions run on it, backup and restore.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Rows};

use super::{Dialect, FromRow, Kind, Param, Row, Value, migrate, record};
use crate::clock::Clock;
use crate::error::{Error, Result};

/// The writer's page cache. Readers are several, and a long list passes through each of them: they get less.
pub(super) const WRITER_CACHE_KIB: i32 = 16 * 1024;
pub(super) const READER_CACHE_KIB: i32 = 4 * 1024;
pub(super) const WATCHER_CACHE_KIB: i32 = 256;
/// Statements that stay prepared on a connection; the house has fewer.
const STATEMENTS_MAX: usize = 128;
/// How long a command line's write waits for the server's, and the other way round.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The write-ahead log is folded into the file when it has grown by so many pages (of 4 KiB).
const CHECKPOINT_PAGES: u32 = 4096;

/// Opens `path` for Taskwell; the file, where it is new, is for its owner's eyes alone. Writes nothing to an old one.
pub(super) fn open(path: &Path, cache_kib: i32) -> Result<Connection> {
    create_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| opening(path, &e))?;
    let set = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Without it SQLite plans a cached statement anew whenever it is bound to other values.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Ok(())
    };
    set().map_err(|e| opening(path, &e))?;
    Ok(connection)
}

/// What makes an acknowledged write survive a power cut: each commit is synced before it returns.
pub(super) fn configure_durability(connection: &Connection) -> Result<()> {
    let set = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        Ok(())
    };
    set().map_err(error)
}

#[cfg(unix)]
fn create_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|e| Error::internal(&format!("cannot open {}", path.display()), e))
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> Result<()> {
    let made = std::fs::OpenOptions::new().create(true).append(true).open(path);
    made.map(drop).map_err(|e| Error::internal(&format!("cannot open {}", path.display()), e))
}

fn opening(path: &Path, e: &rusqlite::Error) -> Error {
    Error::internal(&format!("cannot open {} as a database", path.display()), e)
}

/// What an error of the driver means to a caller.
pub(super) fn error(e: rusqlite::Error) -> Error {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::StorageFull,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Unavailable { retry_after_s: 1 },
        _ => Error::internal("sqlite", e),
    }
}

/// What a column holds.
pub(super) fn value<'r>(row: &'r rusqlite::Row, column: usize) -> Result<Value<'r>> {
    Ok(match row.get_ref(column).map_err(error)? {
        ValueRef::Null => Value::Null(Kind::Int),
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => {
            Value::Text(std::str::from_utf8(text).map_err(|e| Error::internal("text in the database", e))?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
        ValueRef::Real(real) => return Err(Error::internal("no column holds a fraction", real)),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null(_) => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Bool(bool) => ValueRef::Integer(i64::from(*bool)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        }))
    }
}

/// Runs a cached statement and hands its rows to `f`.
fn run<T>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    f: impl FnOnce(&mut Rows) -> Result<T>,
) -> Result<T> {
    record(Dialect::Sqlite, sql);
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, params).map_err(error)?;
    f(&mut statement.raw_query())
}

/// See [`super::Tx::all_by`].
pub(super) fn all_by<T>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    make: impl Fn(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    run(connection, sql, params, |rows| {
        let mut items = Vec::new();
        while let Some(row) = rows.next().map_err(error)? {
            items.push(make(&Row::Sqlite(row))?);
        }
        Ok(items)
    })
}

/// See [`super::Tx::find`].
pub(super) fn find<T: FromRow>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
) -> Result<Option<T>> {
    run(connection, sql, params, |rows| match rows.next().map_err(error)? {
        Some(row) => T::from_row(&Row::Sqlite(row)).map(Some),
        None => Ok(None),
    })
}

/// See [`super::Tx::execute`].
pub(super) fn execute(connection: &Connection, sql: &str, params: &[&dyn Param]) -> Result<u64> {
    record(Dialect::Sqlite, sql);
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, params).map_err(error)?;
    let changed = statement.raw_execute().map_err(error)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// See [`super::Tx::one_unless_taken`].
pub(super) fn one_unless_taken<T: FromRow>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    taken: impl Fn(&str) -> Error,
) -> Result<T> {
    run(connection, sql, params, |rows| match rows.next() {
        Ok(Some(row)) => T::from_row(&Row::Sqlite(row)),
        Ok(None) => Err(Error::internal("no row where one must be", sql)),
        Err(e) => Err(match unique_column(&e) {
            Some(column) => taken(&column),
            None => error(e),
        }),
    })
}

/// `users.email_key` out of `UNIQUE constraint failed: users.email_key`.
fn unique_column(e: &rusqlite::Error) -> Option<String> {
    match e {
        rusqlite::Error::SqliteFailure(failure, Some(message))
            if failure.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE =>
        {
            message.rsplit(": ").next().map(str::to_owned)
        }
        _ => None,
    }
}

/// Parameters are bound by place: SQLite numbers `$n` by first occurrence, so each text names them in order.
fn bind(statement: &mut rusqlite::CachedStatement, params: &[&dyn Param]) -> rusqlite::Result<()> {
    debug_assert!(
        (1..=params.len()).all(|n| statement.parameter_name(n) == Some(format!("${n}").as_str())),
        "a text must name its parameters in order: {:?}",
        statement.expanded_sql()
    );
    for (at, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, param.value())?;
    }
    Ok(())
}

fn simple(connection: &Connection, sql: &str) -> Result<()> {
    execute(connection, sql, &[]).map(drop)
}

pub(super) fn begin_write(connection: &Connection) -> Result<()> {
    simple(connection, "BEGIN IMMEDIATE")
}

pub(super) fn commit(connection: &Connection) -> Result<()> {
    simple(connection, "COMMIT")
}

/// Leaves no transaction behind, whatever went before.
pub(super) fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = simple(connection, "ROLLBACK")
    {
        tracing::error!(%error, "rollback failed");
    }
}

/// That the transaction is still open: a full disk or an I/O error may have undone it as a whole, whatever the job made
/// of the error.
pub(super) fn require_transaction(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Err(Error::StorageFull) } else { Ok(()) }
}

/// Runs one job of a group; undoes it alone when it is not to be kept.
///
/// # Errors
/// The whole transaction is gone (a full disk, an I/O error): nothing of the group may be acknowledged.
pub(super) fn savepoint(connection: &Connection, job: impl FnOnce() -> bool) -> Result<()> {
    simple(connection, "SAVEPOINT job")?;
    let keep = job();
    require_transaction(connection)?;
    if !keep {
        simple(connection, "ROLLBACK TO job")?;
    }
    simple(connection, "RELEASE job")
}

pub(super) fn begin_read(connection: &Connection) -> Result<()> {
    simple(connection, "BEGIN DEFERRED")
}

pub(super) fn end_read(connection: &Connection) {
    if simple(connection, "COMMIT").is_err() {
        rollback(connection);
    }
}

/// Folds the log into the file, so that a stopped server leaves one file behind.
pub(super) fn close(connection: &Connection) {
    // A connection that has not yet looked into the log opens it in the middle of the checkpoint, and then waits for its
    // own read lock until the timeout.
    let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let folded =
        looked.and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    if let Err(error) = folded {
        tracing::warn!(%error, "the write-ahead log was not folded into the database; it will be at the next start");
    }
}

/// Copies the database at `from`, as it is at one moment, to the new file `to`, while it is being served. The copy has
/// its name only once it is whole and synced.
///
/// # Errors
/// `to` exists, or one of the files can't be read or written.
pub fn backup(from: &Path, to: &Path) -> Result<()> {
    let file = |what: &str, e: std::io::Error| Error::internal(what, e);
    if !from.exists() {
        return Err(Error::internal("no database", from.display()));
    }
    if to.exists() {
        return Err(Error::internal("exists already, choose another name", to.display()));
    }
    let source = open(from, READER_CACHE_KIB)?;
    migrate::require_known(&source)?;
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let _ = std::fs::remove_file(partial);
    {
        let mut copy = open(partial, READER_CACHE_KIB)?;
        copy_all(&source, &mut copy)?;
        // One file, no log beside it, wherever it is opened first.
        copy.pragma_update(None, "journal_mode", "DELETE").map_err(error)?;
    }
    let opened = std::fs::File::open(partial).map_err(|e| file("cannot open the copy", e))?;
    opened.sync_all().map_err(|e| file("cannot sync the copy", e))?;
    std::fs::rename(partial, to).map_err(|e| file("cannot name the copy", e))?;
    sync_folder(to)
}

/// Replaces what the database at `to` holds by the backup `from`, in one transaction, while it is being served.
///
/// # Errors
/// `from` is damaged, is no database of Taskwell's or comes from a newer version; then `to` is untouched.
pub fn restore(from: &Path, to: &Path, clock: &Clock) -> Result<()> {
    if !from.exists() {
        return Err(Error::internal("no backup", from.display()));
    }
    // Migrated beside the target, so that a server on it never sees an older schema.
    let mut staged = to.as_os_str().to_owned();
    staged.push(".restoring");
    let staged = Path::new(&staged);
    let _ = std::fs::remove_file(staged);
    let restored = restore_by(from, staged, to, clock);
    let _ = std::fs::remove_file(staged);
    restored
}

fn restore_by(from: &Path, staged: &Path, to: &Path, clock: &Clock) -> Result<()> {
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
    migrate::sqlite(&copy, clock.now())?;
    let mut target = open(to, WRITER_CACHE_KIB)?;
    migrate::require_replaceable(&target)?;
    configure_durability(&target)?;
    copy_all(&copy, &mut target)?;
    close(&target);
    sync_folder(to)
}

fn copy_all(from: &Connection, to: &mut Connection) -> Result<()> {
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
fn sync_folder(of: &Path) -> Result<()> {
    let folder = match of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| Error::internal("cannot sync the folder", e))
}
