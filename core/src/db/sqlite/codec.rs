//! Converts values and errors of the SQLite driver.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, ffi};

use crate::db::value::{ColumnType, Value};
use crate::error::{Error, Result};

/// Converts an error of the driver for the caller.
pub(in crate::db) fn error(e: rusqlite::Error) -> Error {
    match e.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::StorageFull,
        // The shared memory beside the log could not grow.
        _ if extended_code(&e) == Some(ffi::SQLITE_IOERR_SHMSIZE) => Error::StorageFull,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::Unavailable { retry_after_s: 1 }
        }
        _ => Error::internal("sqlite", e),
    }
}

pub(super) fn extended_code(e: &rusqlite::Error) -> Option<i32> {
    match e {
        rusqlite::Error::SqliteFailure(failure, _) => Some(failure.extended_code),
        _ => None,
    }
}

/// Reads the value of a column.
pub(in crate::db) fn value<'r>(row: &'r rusqlite::Row, column: usize) -> Result<Value<'r>> {
    Ok(match row.get_ref(column).map_err(error)? {
        ValueRef::Null => Value::Null(ColumnType::Int),
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text)
                .map_err(|e| Error::internal("invalid UTF-8 in the database", e))?,
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
        ValueRef::Real(real) => {
            return Err(Error::internal("unexpected fraction in the database", real));
        }
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

/// Extracts `users.email_key` from `UNIQUE constraint failed: users.email_key`.
pub(super) fn unique_column(e: &rusqlite::Error) -> Option<String> {
    match e {
        rusqlite::Error::SqliteFailure(failure, Some(message))
            if failure.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE =>
        {
            message.rsplit(": ").next().map(str::to_owned)
        }
        _ => None,
    }
}
