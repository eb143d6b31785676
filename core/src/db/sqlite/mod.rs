//! The SQLite driver: how it sets up a connection and runs statements and transactions.

pub(super) mod codec;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, OpenFlags, Rows, ffi};

pub(super) use self::codec::error;
use self::codec::{extended_code, unique_column};
use super::dialect::{Dialect, record};
use super::row::{FromRow, Row};
use super::value::{Param, check_texts};
use crate::error::{Error, Result};

/// The writer's page cache. Each reader gets less, because there are several, and a long list
/// passes through each of them.
pub(super) const WRITER_CACHE_KIB: i32 = 16 * 1024;
pub(super) const READER_CACHE_KIB: i32 = 4 * 1024;
pub(super) const WATCHER_CACHE_KIB: i32 = 256;
/// Maximum number of prepared statements that a connection caches. Taskwell uses fewer.
const STATEMENTS_MAX: usize = 128;
/// How long a write of the command line waits for one of the server, and vice versa.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The size of the write-ahead log, in pages of 4 KiB, at which SQLite checkpoints it.
const CHECKPOINT_PAGES: u32 = 4096;

/// How long a checkpoint waits for readers: at shutdown for those of other processes, and in a
/// purge of the log for those of this process.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
const PURGE_TIMEOUT: Duration = Duration::from_millis(50);
/// The first schema version under which SQLite overwrites deleted content.
const ERASING_SINCE: i64 = 6;
/// The exit code after a failed sync: `EX_IOERR` of sysexits.h.
const SYNC_FAILED: i32 = 74;

/// Opens `path` for Taskwell. Only the owner can access a file that this creates. Writes nothing to
/// an existing file.
pub(super) fn open(path: &Path, cache_kib: i32) -> Result<Connection> {
    create_private(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| opening(path, &e))?;
    let set = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        // Otherwise SQLite may prepare a cached statement again when its bound values change.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // Overwrites deleted data with zeros, in the file and so in each later backup.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cache_size", -cache_kib)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function("strpos", 2, flags, strpos)?;
        Ok(())
    };
    set().map_err(|e| opening(path, &e))?;
    Ok(connection)
}

/// The part of PostgreSQL's `strpos` that Taskwell uses: above 0 if the first text contains the
/// second.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let connection = open(path, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true).map_err(|e| opening(path, &e))?;
    Ok(connection)
}

fn strpos(context: &Context) -> rusqlite::Result<bool> {
    let (text, word) = (context.get_raw(0).as_bytes()?, context.get_raw(1).as_bytes()?);
    Ok(memchr::memmem::find(text, word).is_some())
}

/// Configures the connection so that an acknowledged write survives a power failure: SQLite syncs
/// each commit before the commit returns.
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

/// Creates the file if it does not exist, and never opens an existing one. SQLite's locks belong to
/// the process, and closing any descriptor of the file drops all of them. Another program's SQLite
/// would then delete the log under this one (*How To Corrupt An SQLite Database File*, 2.2).
fn create_private(path: &Path) -> Result<()> {
    static CREATING: Mutex<()> = Mutex::new(());
    // No thread of this process may take a lock on the new file before it is closed here.
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    match private().create_new(true).open(path) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::internal(&format!("cannot open {}", path.display()), e))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn private() -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    options
}

pub(super) fn opening(path: &Path, e: &rusqlite::Error) -> Error {
    Error::internal(&format!("cannot open {} as a database", path.display()), e)
}

/// Runs a cached statement and passes its rows to `f`.
fn run<T>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    f: impl FnOnce(&mut Rows) -> Result<T>,
) -> Result<T> {
    record(Dialect::Sqlite, sql);
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, params)?;
    f(&mut statement.raw_query())
}

/// See [`crate::db::ReadTx::all_by`].
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

/// See [`crate::db::ReadTx::all_within`].
pub(super) fn all_within<T: FromRow>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    bytes_max: usize,
    size: impl Fn(&T) -> usize,
) -> Result<(Vec<T>, bool)> {
    run(connection, sql, params, |rows| {
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().map_err(error)? {
            if bytes > bytes_max {
                return Ok((items, true));
            }
            let item = T::from_row(&Row::Sqlite(row))?;
            bytes += size(&item);
            items.push(item);
        }
        Ok((items, false))
    })
}

/// See [`crate::db::ReadTx::find`].
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

/// See [`crate::db::WriteTx::execute`].
pub(super) fn execute(connection: &Connection, sql: &str, params: &[&dyn Param]) -> Result<u64> {
    record(Dialect::Sqlite, sql);
    let mut statement = connection.prepare_cached(sql).map_err(error)?;
    bind(&mut statement, params)?;
    let changed = statement.raw_execute().map_err(error)?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// See [`crate::db::WriteTx::one_unless_taken`].
pub(super) fn find_unless_taken<T: FromRow>(
    connection: &Connection,
    sql: &str,
    params: &[&dyn Param],
    taken: impl Fn(&str) -> Error,
) -> Result<Option<T>> {
    run(connection, sql, params, |rows| match rows.next() {
        Ok(Some(row)) => T::from_row(&Row::Sqlite(row)).map(Some),
        Ok(None) => Ok(None),
        Err(e) => Err(match unique_column(&e) {
            Some(column) => taken(&column),
            None => error(e),
        }),
    })
}

/// Binds the parameters by position. SQLite numbers `$n` by first occurrence, so each statement
/// must name them in order.
fn bind(statement: &mut rusqlite::CachedStatement, params: &[&dyn Param]) -> Result<()> {
    check_texts(params)?;
    debug_assert!(
        (1..=params.len()).all(|n| statement.parameter_name(n) == Some(format!("${n}").as_str())),
        "a text must name its parameters in order: {:?}",
        statement.expanded_sql()
    );
    for (at, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, param.value()).map_err(error)?;
    }
    Ok(())
}

fn simple(connection: &Connection, sql: &str) -> Result<()> {
    execute(connection, sql, &[]).map(drop)
}

pub(super) fn begin_write(connection: &Connection) -> Result<()> {
    simple(connection, "BEGIN IMMEDIATE")
}

/// Commits. If the disk fails to sync, the process exits: the system may have lost part of the
/// file, and a retry could report success for lost data. The next start reads what the disk really
/// contains.
pub(super) fn commit(connection: &Connection) -> Result<()> {
    record(Dialect::Sqlite, "COMMIT");
    let committed = connection.prepare_cached("COMMIT").and_then(|mut commit| commit.raw_execute());
    committed.map(drop).map_err(|e| {
        if let Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) = extended_code(&e) {
            tracing::error!(
                error = %e,
                "the disk failed to sync a commit. Taskwell acknowledged nothing and stops. \
                 Check the disk before you start it again"
            );
            // A separate thread writes the log and needs time for the message.
            std::thread::sleep(Duration::from_millis(200));
            std::process::exit(SYNC_FAILED);
        }
        error(e)
    })
}

/// Rolls back the transaction, if one is open.
pub(super) fn rollback(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = simple(connection, "ROLLBACK")
    {
        tracing::error!(%error, "cannot roll back a transaction");
    }
}

/// Checks that the transaction is still open. A full disk or an I/O error may have rolled it back,
/// even if the job ignored the error.
pub(super) fn require_transaction(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Err(Error::StorageFull) } else { Ok(()) }
}

/// Runs one job of a group. Rolls back this job alone if it returns `false`.
///
/// # Errors
/// The whole transaction was rolled back (a full disk, an I/O error). No job of the group may be
/// acknowledged.
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

/// Checkpoints the log into the file, so that a stopped server leaves a single file.
pub(super) fn close(connection: &Connection) {
    // A connection that has not read the log yet opens it during the checkpoint, and then waits for
    // its own read lock until the timeout.
    let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let folded = looked.and_then(|()| truncate_log(connection, CLOSE_TIMEOUT)).map(drop);
    if let Err(error) = folded {
        tracing::warn!(%error, "cannot merge the write-ahead log into the database; Taskwell \
                                merges it at the next start");
    }
}

/// Rebuilds a file that an older schema version wrote, to remove the data that was deleted in it.
pub(super) fn erase_older(connection: &Connection, version: i64) {
    if !(1..ERASING_SINCE).contains(&version) {
        return;
    }
    let erased = connection.execute_batch("VACUUM").map_err(error);
    if let Err(error) = erased.and_then(|()| purge_log(connection)) {
        tracing::warn!(%error, "the database file still contains text that was deleted earlier; \
                                run VACUUM to remove it");
    }
}

/// Checkpoints the log into the file and truncates it, so that neither contains deleted data.
/// Returns `false` if a reader still uses an older snapshot; the caller must then try again.
pub(super) fn purge_log(connection: &Connection) -> Result<bool> {
    truncate_log(connection, PURGE_TIMEOUT).map_err(error)
}

fn truncate_log(connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(patience)?;
    let busy =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(busy? == 0)
}
