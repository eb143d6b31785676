//! Copies a store into another, on either database, row by row and without regard to meaning. Ids,
//! hashes, numbers and sessions stay the same. Both databases list their tables and columns.

mod table;

use ring::digest::{Context, SHA256};

use self::table::{insertion, last_id, params, places, quoted, set_last_id};
use crate::db::{ColumnType, Db, Owned, ReadTx, Table, TableColumn, tables};
use crate::error::{Error, Result};

/// Number of rows per transaction.
const BATCH: i64 = 200;
/// The table whose only row describes the store. It is not copied like the others.
const STORE: &str = "store";

/// The result for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub table: String,
    pub rows: u64,
    /// SHA-256 over all values in the order of the key, the same in both stores.
    pub checksum: String,
}

/// Copies all of `from` into `to`, then reads both again and compares them. `progress` gets a
/// table, the number of its copied rows and their total. With `resume`, an interrupted copy
/// continues. Until the comparison has succeeded, nothing else opens the target.
///
/// # Errors
/// One store has a table or column that the other lacks, `to` is not empty and `resume` is not set,
/// or the two differ in the end, for example after a write to `from` meanwhile.
pub async fn copy(
    from: &Db,
    to: &Db,
    resume: bool,
    progress: impl Fn(&str, u64, u64),
) -> Result<Vec<Copied>> {
    let all = common(&from.read(tables).await?, &to.read(tables).await?)?;
    if from.read(is_filling).await? {
        return Err(Error::Internal(
            "the source is itself an incomplete copy; complete that copy first. Nothing was written"
                .into(),
        ));
    }
    check_target(from, to, &all, resume).await?;
    to.write(|tx| tx.send("/* copy */ UPDATE store SET is_filling = TRUE", &[])).await?;
    for table in &all {
        copy_table(from, to, table, &progress).await?;
    }
    for table in all.iter().filter(|table| table.has_sequence) {
        let (source, target) = (table.clone(), table.clone());
        let last = from.read(move |tx| last_id(tx, &source)).await?;
        to.write(move |tx| set_last_id(tx, &target, last)).await?;
    }
    let mut copied = Vec::new();
    for table in &all {
        let (source, target) = (sum(from, table).await?, sum(to, table).await?);
        if source != target {
            let differ = format!(
                "table {}: {} rows in the source, {} rows in the target",
                table.name, source.rows, target.rows
            );
            return Err(Error::internal(
                "the copy differs; did a client write to the source meanwhile?",
                differ,
            ));
        }
        copied.push(source);
    }
    let epoch: i64 = from.read(|tx| tx.one("/* copy */ SELECT epoch FROM store", &[])).await?;
    let whole = "/* copy */ UPDATE store SET epoch = $1, is_filling = FALSE";
    to.write(move |tx| tx.send(whole, &[&epoch])).await?;
    Ok(copied)
}

/// Returns the tables of both stores. Each column has the type of the more precise database.
fn common(here: &[Table], there: &[Table]) -> Result<Vec<Table>> {
    missing(here, there, "target")?;
    missing(there, here, "source")?;
    let mut all = Vec::new();
    for table in here.iter().filter(|table| table.name != STORE) {
        let Some(other) = find(there, &table.name) else { continue };
        if table.key != other.key {
            return Err(refusal(&format!("the primary keys of the table {} differ", table.name)));
        }
        let mut table = table.clone();
        table.has_sequence |= other.has_sequence;
        for column in &mut table.columns {
            let Some(twin) = other.columns.iter().find(|twin| twin.name == column.name) else {
                continue;
            };
            column.kind = common_kind(column.kind, twin.kind).ok_or_else(|| {
                refusal(&format!("the types of the column {}.{} differ", table.name, column.name))
            })?;
        }
        all.push(table);
    }
    Ok(all)
}

/// Checks that one store has all tables and columns of the other.
fn missing(those: &[Table], of: &[Table], place: &str) -> Result<()> {
    for table in those {
        let Some(other) = find(of, &table.name) else {
            return Err(refusal(&format!("the {place} has no table {}", table.name)));
        };
        for TableColumn { name, .. } in &table.columns {
            if !other.columns.iter().any(|column| column.name == *name) {
                return Err(refusal(&format!("the {place} has no column {}.{name}", table.name)));
            }
        }
    }
    Ok(())
}

fn find<'t>(all: &'t [Table], name: &str) -> Option<&'t Table> {
    all.iter().find(|table| table.name == name)
}

fn refusal(what: &str) -> Error {
    Error::Internal(format!(
        "{what}; both stores must have the same tables and columns. Make them equal, then try \
         again. Nothing was written"
    ))
}

/// Returns the common type of a column. PostgreSQL has booleans and UUIDs, which are integers and
/// bytes on SQLite.
fn common_kind(one: ColumnType, other: ColumnType) -> Option<ColumnType> {
    match (one, other) {
        _ if one == other => Some(one),
        (ColumnType::Bool, ColumnType::Int) | (ColumnType::Int, ColumnType::Bool) => {
            Some(ColumnType::Bool)
        }
        (ColumnType::Uuid, ColumnType::Bytes) | (ColumnType::Bytes, ColumnType::Uuid) => {
            Some(ColumnType::Uuid)
        }
        _ => None,
    }
}

fn is_filling(tx: &mut ReadTx) -> Result<bool> {
    let found = tx.all_by("/* copy */ SELECT is_filling FROM store", &[], |row| row.get(0))?;
    Ok(found.contains(&true))
}

/// Checks that the target is empty or, with `resume`, that it contains no more than the source.
async fn check_target(from: &Db, to: &Db, all: &[Table], resume: bool) -> Result<()> {
    let is_begun = to.read(is_filling).await?;
    for table in all {
        let there = count(to, table).await?;
        if resume && !is_begun && there > 0 {
            return Err(Error::internal(
                "the target is a separate store, and --resume continues only an interrupted copy. \
                 Nothing was written. The target has rows in the table",
                &table.name,
            ));
        }
        if !resume && there > 0 {
            return Err(Error::internal(
                "the target is not empty; use an empty one, or continue an interrupted copy with \
                 --resume. The target has rows in the table",
                &table.name,
            ));
        }
        if there > count(from, table).await? {
            return Err(Error::internal(
                "the target is not a copy of the source, because it has more rows. Nothing was \
                 written. The table is",
                &table.name,
            ));
        }
    }
    Ok(())
}

async fn copy_table(
    from: &Db,
    to: &Db,
    table: &Table,
    progress: &impl Fn(&str, u64, u64),
) -> Result<()> {
    let total = count(from, table).await?;
    let mut done = count(to, table).await?;
    let mut last = last_key(to, table).await?;
    progress(&table.name, done, total);
    loop {
        let rows = page(from, table, last.take()).await?;
        let Some(row) = rows.last() else {
            return Ok(());
        };
        last = Some(table.key_of(row));
        done += rows.len() as u64;
        let text = insertion(table);
        to.write(move |tx| rows.iter().try_for_each(|row| tx.send(&text, &params(row)))).await?;
        progress(&table.name, done, total);
    }
}

async fn count(db: &Db, table: &Table) -> Result<u64> {
    let text = format!("/* copy */ SELECT count(*) FROM {}", quoted(&table.name));
    let rows: i64 = db.read(move |tx| tx.one(&text, &[])).await?;
    Ok(rows.unsigned_abs())
}

/// Returns the rows after a key.
async fn page(db: &Db, table: &Table, after: Option<Vec<Owned>>) -> Result<Vec<Vec<Owned>>> {
    let table = table.clone();
    db.read(move |tx| {
        let (list, key) = (table.list(), table.key_list(tx.dialect(), ""));
        let mut values = after.clone().unwrap_or_default();
        let condition = match values.len() {
            0 => String::new(),
            keys => format!("WHERE ({key}) > ({}) ", places(1, keys)),
        };
        values.push(Owned::Int(BATCH));
        let limit = values.len();
        let name = quoted(&table.name);
        let text = format!(
            "/* copy */ SELECT {list} FROM {name} {condition}ORDER BY {key} LIMIT ${limit}"
        );
        tx.all_by(&text, &params(&values), |row| row.owned(&table.kinds()))
    })
    .await
}

async fn last_key(db: &Db, table: &Table) -> Result<Option<Vec<Owned>>> {
    let table = table.clone();
    db.read(move |tx| {
        let (list, order) = (table.list(), table.key_list(tx.dialect(), " DESC"));
        let text = format!(
            "/* copy */ SELECT {list} FROM {} ORDER BY {order} LIMIT 1",
            quoted(&table.name)
        );
        let rows = tx.all_by(&text, &[], |row| row.owned(&table.kinds()))?;
        Ok(rows.first().map(|row| table.key_of(row)))
    })
    .await
}

async fn sum(db: &Db, table: &Table) -> Result<Copied> {
    let (mut rows, mut last, mut sum) = (0, None, Context::new(&SHA256));
    loop {
        let page = page(db, table, last.take()).await?;
        let Some(row) = page.last() else {
            let checksum = crate::clock::hex(sum.finish().as_ref());
            return Ok(Copied { table: table.name.clone(), rows, checksum });
        };
        last = Some(table.key_of(row));
        rows += page.len() as u64;
        page.iter().flatten().for_each(|value| add(&mut sum, value));
    }
}

/// Adds a value to the checksum with its type and length, so that no two rows give the same bytes.
fn add(sum: &mut Context, value: &Owned) {
    let (kind, bytes): (u8, &[u8]) = match value {
        Owned::Null(_) => (0, &[]),
        Owned::Int(int) => (1, &int.to_be_bytes()),
        Owned::Bool(bool) => (2, &[u8::from(*bool)]),
        Owned::Text(text) => (3, text.as_bytes()),
        Owned::Bytes(bytes) => (4, bytes),
        Owned::Uuid(uuid) => (5, uuid.as_bytes()),
    };
    sum.update(&[kind]);
    sum.update(&bytes.len().to_be_bytes());
    sum.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::db::DatabaseLocation;
    use crate::settings::Settings;

    #[test]
    fn a_table_of_one_store_alone_is_refused_and_one_of_both_is_copied() {
        let folder = std::env::temp_dir().join(format!("taskwell-{}-copy", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let open = |name: &str| {
            let place = DatabaseLocation::Sqlite(folder.join(name));
            Db::open(&place, &Settings::default(), &Clock::default()).unwrap()
        };
        let (here, there) = (open("here.db").0, open("there.db").0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = |db: &Db, text: &'static str| {
            runtime.block_on(db.write(move |tx| tx.send(text, &[]))).unwrap();
        };
        let copy = |resume| runtime.block_on(copy(&here, &there, resume, |_, _, _| ()));
        let notes = "CREATE TABLE notes (a TEXT, b INTEGER, PRIMARY KEY (a, b)) STRICT";
        run(&here, notes);
        assert!(
            matches!(copy(false), Err(Error::Internal(told)) if told.contains("no table notes"))
        );
        run(&there, notes);
        run(&here, "ALTER TABLE audit ADD COLUMN colour TEXT");
        assert!(matches!(copy(false), Err(Error::Internal(told)) if told.contains("no column \
                audit.colour")));
        run(&there, "ALTER TABLE audit ADD COLUMN colour TEXT");
        assert!(!open("there.db").1.is_filling);
        run(&here, "INSERT INTO notes VALUES ('x', 1), ('x', 2), ('y', 1)");
        run(&here, "INSERT INTO audit (id, at, action, colour) VALUES (9, 1, 'a', 'red')");
        run(&here, "UPDATE store SET epoch = 5");
        let copied = copy(false).unwrap();
        assert!(copied.iter().any(|copied| copied.table == "notes" && copied.rows == 3));
        assert!(!open("there.db").1.is_filling);
        assert!(copy(false).is_err());
        run(&there, "UPDATE store SET is_filling = TRUE");
        run(&there, "DELETE FROM notes WHERE a = 'y'");
        assert!(open("there.db").1.require_whole().is_err());
        assert_eq!(copy(true).unwrap(), copied);
        let state = "/* copy */ SELECT epoch FROM store WHERE NOT is_filling";
        let epoch: i64 = runtime.block_on(there.read(move |tx| tx.one(state, &[]))).unwrap();
        assert_eq!(epoch, 5);
        drop((here, there));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
