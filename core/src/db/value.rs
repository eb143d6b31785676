//! Parameters and column values, with one set of types for both databases. Each driver converts
//! them to its own types.

use uuid::Uuid;

use crate::epoch::Epoch;
use crate::error::{Error, Result};
use crate::ids::{EntryId, MailId, TaskId, UserId};
use crate::text;
use crate::time::Timestamp;

/// A value of a parameter or a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'v> {
    Null(ColumnType),
    Int(i64),
    /// 0 or 1 on SQLite, which has no booleans.
    Bool(bool),
    Text(&'v str),
    Bytes(&'v [u8]),
    /// 16 bytes on SQLite.
    Uuid(Uuid),
}

/// The type of a value. PostgreSQL also requires the type of a NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Int,
    Bool,
    Text,
    Bytes,
    Uuid,
}

/// A type that can be bound to a parameter.
pub trait Param: Sync {
    fn value(&self) -> Value<'_>;
}

/// A type that is always bound as the same column type, and so may also be NULL.
pub trait OfKind: Param {
    const KIND: ColumnType;
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Converts the value of a column.
    ///
    /// # Errors
    /// The column contains a value of another type.
    fn read(value: Value) -> Result<Self>;
}

/// Returns the error for a column with an unexpected value.
pub fn unexpected(wanted: &str, found: Value) -> Error {
    Error::internal(
        "unexpected value in the database",
        format!("expected {wanted}, found {found:?}"),
    )
}

/// Checks that both databases can store all texts among the parameters. Callers normally check this
/// first and name the field; this check catches the rest.
pub fn check_texts(params: &[&dyn Param]) -> Result<()> {
    for param in params {
        if let Value::Text(text) = param.value() {
            text::check_storable(text).map_err(|flaw| Error::invalid("text", flaw.0, flaw.1))?;
        }
    }
    Ok(())
}

macro_rules! param {
    ($($type:ty => $kind:ident, |$this:ident| $value:expr;)*) => {$(
        impl Param for $type {
            fn value(&self) -> Value<'_> {
                let $this = self;
                Value::$kind($value)
            }
        }

        impl OfKind for $type {
            const KIND: ColumnType = ColumnType::$kind;
        }
    )*};
}

param! {
    i64 => Int, |this| *this;
    bool => Bool, |this| *this;
    String => Text, |this| this;
    &str => Text, |this| this;
    &[u8] => Bytes, |this| this;
    Uuid => Uuid, |this| *this;
    Epoch => Int, |this| this.stored();
    Timestamp => Int, |this| this.as_micros();
    UserId => Int, |this| this.0;
    TaskId => Int, |this| this.0;
    MailId => Int, |this| this.0;
    EntryId => Int, |this| this.0;
}

impl<T: OfKind> Param for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null(T::KIND), Param::value)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Result<Option<T>> {
        match value {
            Value::Null(_) => Ok(None),
            value => T::read(value).map(Some),
        }
    }
}

impl Column for Epoch {
    fn read(value: Value) -> Result<Epoch> {
        let Value::Int(number) = value else { return Err(unexpected("an epoch", value)) };
        Epoch::from_stored(number).ok_or_else(|| unexpected("an epoch", value))
    }
}

impl Column for i64 {
    fn read(value: Value) -> Result<i64> {
        match value {
            Value::Int(int) => Ok(int),
            other => Err(unexpected("an integer", other)),
        }
    }
}

/// Reads a type from an integer column.
macro_rules! int_column {
    ($($type:ty => $make:expr;)*) => {$(
        impl Column for $type {
            fn read(value: Value) -> Result<$type> {
                i64::read(value).map($make)
            }
        }
    )*};
}

int_column! {
    Timestamp => Timestamp::from_micros;
    UserId => UserId;
    TaskId => TaskId;
    MailId => MailId;
    EntryId => EntryId;
}

impl Column for bool {
    fn read(value: Value) -> Result<bool> {
        match value {
            Value::Bool(bool) => Ok(bool),
            Value::Int(int @ (0 | 1)) => Ok(int == 1),
            other => Err(unexpected("a boolean", other)),
        }
    }
}

impl Column for String {
    fn read(value: Value) -> Result<String> {
        match value {
            Value::Text(text) => Ok(text.to_owned()),
            other => Err(unexpected("text", other)),
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Result<Vec<u8>> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.to_vec()),
            other => Err(unexpected("bytes", other)),
        }
    }
}

impl Column for Uuid {
    fn read(value: Value) -> Result<Uuid> {
        match value {
            Value::Uuid(uuid) => Ok(uuid),
            Value::Bytes(bytes) => Uuid::from_slice(bytes).map_err(|_| unexpected("a UUID", value)),
            other => Err(unexpected("a UUID", other)),
        }
    }
}

/// An owned value, for statements that wait to be sent and for copies between stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owned {
    Null(ColumnType),
    Int(i64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
}

impl From<Value<'_>> for Owned {
    fn from(value: Value) -> Owned {
        match value {
            Value::Null(kind) => Owned::Null(kind),
            Value::Int(int) => Owned::Int(int),
            Value::Bool(bool) => Owned::Bool(bool),
            Value::Text(text) => Owned::Text(text.to_owned()),
            Value::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
            Value::Uuid(uuid) => Owned::Uuid(uuid),
        }
    }
}

impl Param for Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Null(kind) => Value::Null(*kind),
            Owned::Int(int) => Value::Int(*int),
            Owned::Bool(bool) => Value::Bool(*bool),
            Owned::Text(text) => Value::Text(text),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Uuid(uuid) => Value::Uuid(*uuid),
        }
    }
}

impl Owned {
    /// Converts the value of a column to its intended type, because SQLite has fewer types.
    ///
    /// # Errors
    /// The value does not have that type.
    pub fn read(value: Value, kind: ColumnType) -> Result<Owned> {
        Ok(match (value, kind) {
            (Value::Null(_), kind) => Owned::Null(kind),
            (value, ColumnType::Int) => Owned::Int(Column::read(value)?),
            (value, ColumnType::Bool) => Owned::Bool(Column::read(value)?),
            (value, ColumnType::Text) => Owned::Text(Column::read(value)?),
            (value, ColumnType::Uuid) => Owned::Uuid(Column::read(value)?),
            (Value::Bytes(bytes), ColumnType::Bytes) => Owned::Bytes(bytes.to_vec()),
            (value, ColumnType::Bytes) => return Err(unexpected("bytes", value)),
        })
    }
}
