//! The SQL statements of a copy, for the tables and columns of any store.

use crate::db::{ColumnType, Dialect, Owned, Param, ReadTx, Table, TableColumn, WriteTx};
use crate::error::Result;

impl Table {
    pub(super) fn list(&self) -> String {
        self.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn kinds(&self) -> Vec<ColumnType> {
        self.columns.iter().map(|column| column.kind).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (usize, &TableColumn)> {
        let place = |name: &String| self.columns.iter().position(|column| column.name == *name);
        self.key.iter().filter_map(move |name| place(name).map(|at| (at, &self.columns[at])))
    }

    pub(super) fn key_of(&self, row: &[Owned]) -> Vec<Owned> {
        self.keys().map(|(at, _)| row[at].clone()).collect()
    }

    /// Returns the columns of the key, each followed by `more`. Text compares by its bytes in both
    /// databases.
    pub(super) fn key_list(&self, dialect: Dialect, more: &str) -> String {
        let column = |(_, column): (usize, &TableColumn)| match (column.kind, dialect) {
            (ColumnType::Text, Dialect::Postgres) => {
                format!("{} COLLATE \"C\"{more}", quoted(&column.name))
            }
            _ => format!("{}{more}", quoted(&column.name)),
        };
        self.keys().map(column).collect::<Vec<_>>().join(", ")
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn params(row: &[Owned]) -> Vec<&dyn Param> {
    row.iter().map(|value| value as &dyn Param).collect()
}

pub(super) fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn insertion(table: &Table) -> String {
    let (name, list) = (quoted(&table.name), table.list());
    format!("/* copy */ INSERT INTO {name} ({list}) VALUES ({})", places(1, table.columns.len()))
}

/// Returns the last id that the database assigned, whose row may have been deleted.
pub(super) fn last_id(tx: &mut ReadTx, table: &Table) -> Result<i64> {
    let (name, key) = (quoted(&table.name), table.key_list(tx.dialect(), ""));
    let newest = format!("/* copy */ SELECT coalesce(max({key}), 0) FROM {name}");
    let newest: i64 = tx.one(&newest, &[])?;
    let given: Option<i64> = match tx.dialect() {
        Dialect::Sqlite => {
            tx.find("/* copy */ SELECT seq FROM sqlite_sequence WHERE name = $1", &[&table.name])?
        }
        Dialect::Postgres => tx.find(
            "/* copy */ SELECT coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence($1, $2) \
             AS regclass)), 0)",
            &[&name, &table.key[0]],
        )?,
    };
    Ok(given.unwrap_or(0).max(newest))
}

pub(super) fn set_last_id(tx: &mut WriteTx, table: &Table, last: i64) -> Result<()> {
    match tx.dialect() {
        // A table without AUTOINCREMENT gets no row here. SQLite derives its next id from the
        // largest one.
        Dialect::Sqlite => {
            tx.send("/* copy */ DELETE FROM sqlite_sequence WHERE name = $1", &[&table.name])?;
            tx.send(
                "/* copy */ INSERT INTO sqlite_sequence (name, seq) SELECT name, CAST($1 AS \
                 INTEGER) FROM sqlite_schema WHERE name = $2 AND sql LIKE '%AUTOINCREMENT%'",
                &[&last, &table.name],
            )
        }
        Dialect::Postgres if last == 0 => Ok(()),
        Dialect::Postgres => tx.send(
            "/* copy */ SELECT setval(CAST(pg_get_serial_sequence($1, $2) AS regclass), $3)",
            &[&quoted(&table.name), &table.key[0], &last],
        ),
    }
}
