//! Converts values to and from the wire, and classifies the server's errors.

use std::error::Error as _;

use bytes::BytesMut;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::db::script::StatementError;
use crate::db::value::{ColumnType, Owned, Value};
use crate::error::{Error, Result};

/// Converts an error of the driver for the script.
pub fn refusal(e: &tokio_postgres::Error) -> StatementError {
    let Some(db) = e.as_db_error() else {
        let io = e.source().and_then(<dyn std::error::Error>::downcast_ref::<std::io::Error>);
        // An invalid certificate is a lasting error.
        let inner = io.and_then(std::io::Error::get_ref);
        let is_passing =
            io.is_some() && inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_none();
        return if e.is_closed() || is_passing {
            StatementError::Lost(message(e))
        } else {
            StatementError::Other(message(e))
        };
    };
    match db.code() {
        &SqlState::UNIQUE_VIOLATION => {
            StatementError::Unique(db.constraint().unwrap_or("").to_owned())
        }
        &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => {
            StatementError::Again
        }
        &SqlState::DISK_FULL => StatementError::Full,
        &SqlState::IN_FAILED_SQL_TRANSACTION => StatementError::Aborted,
        &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => {
            StatementError::Late(message(e))
        }
        // A server that refuses writes was probably just replaced. The other errors are temporary.
        &SqlState::READ_ONLY_SQL_TRANSACTION
        | &SqlState::ADMIN_SHUTDOWN
        | &SqlState::CRASH_SHUTDOWN
        | &SqlState::CANNOT_CONNECT_NOW
        | &SqlState::TOO_MANY_CONNECTIONS
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | &SqlState::IDLE_SESSION_TIMEOUT => StatementError::Lost(message(e)),
        code if code.code().starts_with("08") => StatementError::Lost(message(e)),
        // Nothing ran, and the next try uses no names.
        _ if is_wrong_name(e) => StatementError::Again,
        _ => StatementError::Other(message(e)),
    }
}

/// Whether the name of a prepared statement was unknown or duplicate at the other end, which means
/// that there is a pooler in between.
pub fn is_wrong_name(e: &tokio_postgres::Error) -> bool {
    let code = e.as_db_error().map(tokio_postgres::error::DbError::code);
    matches!(code, Some(&SqlState::INVALID_SQL_STATEMENT_NAME | &SqlState::DUPLICATE_PSTATEMENT))
}

/// Returns an error message without stored values, which PostgreSQL puts into the detail.
pub fn message(e: &tokio_postgres::Error) -> String {
    match (e.as_db_error(), e.source()) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(source)) => format!("{e}: {source}"),
        (None, None) => e.to_string(),
    }
}

/// Reads the value of a column.
pub fn value(row: &Row, column: usize) -> Result<Value<'_>> {
    let Cell(value) =
        row.try_get(column).map_err(|e| Error::internal("PostgreSQL", message(&e)))?;
    Ok(value)
}

struct Cell<'r>(Value<'r>);

impl<'r> FromSql<'r> for Cell<'r> {
    fn from_sql(
        ty: &Type,
        raw: &'r [u8],
    ) -> Result<Cell<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::UUID => Value::Uuid(uuid::Uuid::from_sql(ty, raw)?),
            Type::BYTEA => Value::Bytes(raw),
            _ => Value::Text(<&str>::from_sql(ty, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Cell<'r>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell(Value::Null(ColumnType::Int)))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::INT8
                | Type::INT4
                | Type::BOOL
                | Type::UUID
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
        )
    }
}

/// Returns the column type of a value.
pub fn type_of(value: &Owned) -> Type {
    match value {
        Owned::Null(ColumnType::Int) | Owned::Int(_) => Type::INT8,
        Owned::Null(ColumnType::Bool) | Owned::Bool(_) => Type::BOOL,
        Owned::Null(ColumnType::Text) | Owned::Text(_) => Type::TEXT,
        Owned::Null(ColumnType::Bytes) | Owned::Bytes(_) => Type::BYTEA,
        Owned::Null(ColumnType::Uuid) | Owned::Uuid(_) => Type::UUID,
    }
}

impl ToSql for Owned {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Owned::Null(_) => Ok(IsNull::Yes),
            Owned::Int(int) => int.to_sql_checked(ty, out),
            Owned::Bool(bool) => bool.to_sql_checked(ty, out),
            Owned::Text(text) => text.to_sql_checked(ty, out),
            Owned::Bytes(bytes) => bytes.to_sql_checked(ty, out),
            Owned::Uuid(uuid) => uuid.to_sql_checked(ty, out),
        }
    }

    // The value itself decides, above.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
