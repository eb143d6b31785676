//! The tables of a store, as the database describes them, for code that processes all of them, such
//! as a copy.

use super::dialect::Dialect;
use super::row::{FromRow, Row};
use super::tx::ReadTx;
use super::value::ColumnType;
use crate::error::{Error, Result};

/// A table as its database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<TableColumn>,
    /// The columns of the primary key, in its order.
    pub key: Vec<String>,
    /// The other tables that its rows refer to.
    pub parents: Vec<String>,
    /// Whether the database assigns the ids, and must not assign one twice.
    pub has_sequence: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    pub name: String,
    /// SQLite has no booleans and no UUIDs.
    pub kind: ColumnType,
}

const SQLITE_TABLES: &str = "/* tables */ SELECT name, (SELECT count(*) FROM sqlite_schema s WHERE \
    s.name = t.name AND s.sql LIKE '%AUTOINCREMENT%') FROM pragma_table_list t WHERE schema = \
    'main' AND type <> 'view' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> \
    'schema_migrations' ORDER BY name";
const SQLITE_COLUMNS: &str =
    "/* tables */ SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
const SQLITE_PARENTS: &str =
    "/* tables */ SELECT DISTINCT \"table\" FROM pragma_foreign_key_list($1) WHERE \"table\" <> $2";

const POSTGRES_TABLES: &str = "/* tables */ SELECT CAST(c.relname AS TEXT), (SELECT count(*) FROM \
    pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' WHERE d.refobjid = c.oid \
    AND d.deptype IN ('a', 'i')) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'f') AND c.relname <> \
    'schema_migrations' ORDER BY c.relname";
const POSTGRES_COLUMNS: &str = "/* tables */ SELECT CAST(a.attname AS TEXT), \
    CAST(format_type(a.atttypid, NULL) AS TEXT), CAST(coalesce(array_position(k.conkey, a.attnum), \
    0) AS BIGINT) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON \
    n.oid = c.relnamespace LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' \
    WHERE n.nspname = current_schema() AND CAST(c.relname AS TEXT) = $1 AND a.attnum > 0 AND NOT \
    a.attisdropped ORDER BY a.attnum";
const POSTGRES_PARENTS: &str = "/* tables */ SELECT DISTINCT CAST(p.relname AS TEXT) FROM \
    pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = \
    c.relnamespace JOIN pg_class p ON p.oid = k.confrelid WHERE k.contype = 'f' AND n.nspname = \
    current_schema() AND CAST(c.relname AS TEXT) = $1 AND CAST(p.relname AS TEXT) <> $2";

struct Named(String, i64);

impl FromRow for Named {
    fn from_row(row: &Row) -> Result<Named> {
        Ok(Named(row.get(0)?, row.get(1)?))
    }
}

/// A column's name, its type, and its position in the primary key, from 1.
struct Described(String, String, i64);

impl FromRow for Described {
    fn from_row(row: &Row) -> Result<Described> {
        Ok(Described(row.get(0)?, row.get(1)?, row.get(2)?))
    }
}

/// Returns all tables but the one that counts migrations, each after those that it refers to.
///
/// # Errors
/// A table has no primary key, or a column has a type that Taskwell does not use.
pub fn tables(tx: &mut ReadTx) -> Result<Vec<Table>> {
    let (tables, columns, parents) = match tx.dialect() {
        Dialect::Sqlite => (SQLITE_TABLES, SQLITE_COLUMNS, SQLITE_PARENTS),
        Dialect::Postgres => (POSTGRES_TABLES, POSTGRES_COLUMNS, POSTGRES_PARENTS),
    };
    let mut found = Vec::new();
    for Named(name, sequences) in tx.all::<Named>(tables, &[])? {
        let described: Vec<Described> = tx.all(columns, &[&name])?;
        let parents = tx.all_by(parents, &[&name, &name], |row| row.get(0))?;
        found.push(describe(name, described, parents, sequences > 0)?);
    }
    in_order(found)
}

fn describe(
    name: String,
    described: Vec<Described>,
    parents: Vec<String>,
    has_sequence: bool,
) -> Result<Table> {
    let mut key: Vec<(i64, String)> = described
        .iter()
        .filter(|column| column.2 > 0)
        .map(|column| (column.2, column.0.clone()))
        .collect();
    if key.is_empty() {
        return Err(Error::Internal(format!(
            "cannot copy the table {name}, because it has no primary key. Nothing was written"
        )));
    }
    key.sort();
    let column = |Described(column, kind, _)| {
        let kind = kind_of(&kind).ok_or_else(|| {
            Error::Internal(format!(
                "the column {name}.{column} is of type {kind}, which Taskwell does not use. \
                 Nothing was written"
            ))
        })?;
        Ok(TableColumn { name: column, kind })
    };
    let columns = described.into_iter().map(column).collect::<Result<_>>()?;
    let key = key.into_iter().map(|(_, column)| column).collect();
    Ok(Table { name, columns, key, parents, has_sequence })
}

fn kind_of(name: &str) -> Option<ColumnType> {
    Some(match name.to_ascii_lowercase().as_str() {
        "integer" | "int" | "bigint" => ColumnType::Int,
        "boolean" => ColumnType::Bool,
        "text" => ColumnType::Text,
        "blob" | "bytea" => ColumnType::Bytes,
        "uuid" => ColumnType::Uuid,
        _ => return None,
    })
}

/// Sorts the tables, each after those that it refers to.
fn in_order(mut left: Vec<Table>) -> Result<Vec<Table>> {
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_waiting = |table: &Table, left: &[Table]| {
            table.parents.iter().any(|parent| left.iter().any(|other| other.name == *parent))
        };
        let Some(at) = (0..left.len()).find(|at| !is_waiting(&left[*at], &left)) else {
            let names: Vec<&str> = left.iter().map(|table| table.name.as_str()).collect();
            return Err(Error::internal(
                "cannot copy tables that refer to each other in a circle",
                names.join(", "),
            ));
        };
        ordered.push(left.remove(at));
    }
    Ok(ordered)
}
