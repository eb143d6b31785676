//! The tables of another back end, the meaning of their columns, and the queries that read them.

use super::Remark;
use super::fields::{Columns, Field, Noun, Spec};
use super::overrides::{Override, named};
use crate::db::{SourceColumn, SourceDb};
use crate::error::{Error, Result};

/// The two tables that an import reads.
#[derive(Debug)]
pub struct Tables {
    pub users: Table,
    pub tasks: Table,
    /// Tables that are not read.
    others: Vec<String>,
}

#[derive(Debug)]
pub struct Table {
    pub noun: Noun,
    pub name: String,
    /// The columns that are read, in the order of the query.
    pub columns: Vec<Column>,
    unread: Vec<String>,
    has_integer_id: bool,
    /// An expression that sorts rows as they were stored, if the database has one.
    place: Option<&'static str>,
}

/// A column and its field.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub field: Field,
}

impl Tables {
    /// Finds the tables and decides the meaning of each of their columns.
    ///
    /// # Errors
    /// The database is a store of Taskwell, a required table or column is missing, or an override
    /// names a column that does not exist.
    pub async fn find(from: &SourceDb, overrides: &[Override]) -> Result<Tables> {
        let names = from.tables().await?;
        if ["schema_migrations", "counters"].iter().all(|own| names.iter().any(|name| name == own))
        {
            return Err(Error::Internal(
                "the source is a Taskwell store; use `taskwell copy` for it".into(),
            ));
        }
        let users = Table::find(from, &names, Noun::User, overrides).await?;
        let tasks = Table::find(from, &names, Noun::Task, overrides).await?;
        for given in overrides {
            if !users.knows(given) && !tasks.knows(given) {
                return Err(Error::Internal(format!(
                    "--map {given}: no such column for this field; {} has {}; {} has {}",
                    users.name,
                    users.all().join(", "),
                    tasks.name,
                    tasks.all().join(", ")
                )));
            }
        }
        let others =
            names.into_iter().filter(|name| *name != users.name && *name != tasks.name).collect();
        Ok(Tables { users, tasks, others })
    }

    /// Lists which columns are read as which field, and which are not read.
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = Vec::new();
        for table in [&self.users, &self.tasks] {
            for Column { name, field } in &table.columns {
                let word = table.spec(*field).map_or("", |spec| spec.word);
                remarks
                    .push(Remark::Read { column: format!("{}.{name}", table.name), field: word });
            }
        }
        for table in [&self.users, &self.tasks] {
            remarks.extend(
                table
                    .unread
                    .iter()
                    .map(|name| Remark::Unread { what: format!("{}.{name}", table.name) }),
            );
        }
        let table = |name: &String| Remark::Unread { what: format!("table {name}") };
        remarks.extend(self.others.iter().map(table));
        remarks
    }
}

impl Table {
    async fn find(
        from: &SourceDb,
        names: &[String],
        noun: Noun,
        overrides: &[Override],
    ) -> Result<Table> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Some(name) = noun.tables().iter().find_map(|wanted| named(&names, wanted)) else {
            return Err(Error::Internal(format!(
                "the source has no table {}",
                noun.tables().join(" or ")
            )));
        };
        let there = from.columns(name).await?;
        let mut table = Table {
            noun,
            name: name.to_owned(),
            columns: assigned(noun, name, &there, overrides)?,
            unread: Vec::new(),
            has_integer_id: false,
            place: from.place_of_row(name).await?,
        };
        let is_read =
            |column: &&SourceColumn| table.columns.iter().any(|read| read.name == column.name);
        table.unread = there.iter().filter(|c| !is_read(c)).map(|c| c.name.clone()).collect();
        let id = table.columns_of(Field::Id).next();
        let id = id.and_then(|id| there.iter().find(|column| column.name == id.name));
        table.has_integer_id = id.is_some_and(|id| id.data_type.to_lowercase().contains("int"));
        Ok(table)
    }

    /// Returns the query for all rows, with tasks grouped by owner. Ascending keys determine the
    /// order. Other keys, such as UUIDs, have no meaningful order: the creation time then counts,
    /// followed by the place in the database.
    pub fn rows(&self, from: &SourceDb) -> String {
        let texts: Vec<String> =
            self.columns.iter().map(|column| from.as_text(&quoted(&column.name))).collect();
        let mut order = Vec::new();
        let owners: Vec<String> = self.columns_of(Field::Owner).map(|c| quoted(&c.name)).collect();
        match &owners[..] {
            [] => {}
            [owner] => order.push(owner.clone()),
            owners => {
                let texts: Vec<String> = owners.iter().map(|owner| from.as_text(owner)).collect();
                order.push(format!("COALESCE({})", texts.join(", ")));
            }
        }
        if !self.has_integer_id {
            let created = self
                .columns_of(Field::CreatedAt)
                .map(|c| format!("{} NULLS LAST", quoted(&c.name)));
            order.extend(created);
            order.extend(self.place.map(str::to_owned));
        }
        order.extend(self.columns_of(Field::Id).map(|c| quoted(&c.name)));
        format!(
            "SELECT {} FROM {} ORDER BY {}",
            texts.join(", "),
            quoted(&self.name),
            order.join(", ")
        )
    }

    /// Returns the columns that are read as `field`.
    pub fn columns_of(&self, field: Field) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(move |column| column.field == field)
    }

    /// Returns all columns, read or not.
    fn all(&self) -> Vec<&str> {
        let read = self.columns.iter().map(|column| column.name.as_str());
        read.chain(self.unread.iter().map(String::as_str)).collect()
    }

    fn knows(&self, given: &Override) -> bool {
        given.concerns(self.noun, &self.name) && given.column(&self.all()).is_some()
    }

    fn spec(&self, field: Field) -> Option<&'static Spec> {
        self.noun.specs().iter().find(|spec| spec.field == field)
    }
}

/// Assigns columns to fields: by the operator's overrides first, then by their names.
fn assigned(
    noun: Noun,
    table: &str,
    there: &[SourceColumn],
    overrides: &[Override],
) -> Result<Vec<Column>> {
    let names: Vec<&str> = there.iter().map(|column| column.name.as_str()).collect();
    let mut given: Vec<(&str, Option<Field>)> = Vec::new();
    for said in overrides.iter().filter(|said| said.concerns(noun, table)) {
        let Some(column) = said.column(&names) else { continue };
        if given.iter().any(|(other, _)| *other == column) {
            return Err(Error::Internal(format!("--map {said}: {table}.{column} is mapped twice")));
        }
        given.push((column, said.field(noun)));
    }
    let mut free: Vec<&SourceColumn> =
        there.iter().filter(|column| !given.iter().any(|(name, _)| *name == column.name)).collect();
    let mut columns = Vec::new();
    for spec in noun.specs() {
        let mapped = given.iter().filter(|(_, field)| *field == Some(spec.field));
        let mut found: Vec<String> = mapped.map(|(name, _)| (*name).to_owned()).collect();
        if found.len() > 1 && matches!(spec.columns, Columns::One | Columns::AtMostOne) {
            return Err(Error::Internal(format!(
                "--map: {table}.{} are all mapped to {}; map only one column to it",
                found.join(" and "),
                spec.word
            )));
        }
        // A column that blocks accounts still counts if an override names another one.
        if found.is_empty() || spec.columns == Columns::Any {
            let guessed = guessed(spec, &free);
            free.retain(|column| !guessed.contains(&column.name));
            found.extend(guessed);
        }
        if found.is_empty() && matches!(spec.columns, Columns::One | Columns::OneOrMore) {
            return Err(Error::Internal(format!(
                "the table {table} has no column {}; it has {}; name the column with --map \
                 COLUMN={}",
                [spec.guesses, spec.fallbacks].concat().join(" or "),
                names.join(", "),
                spec.word
            )));
        }
        columns.extend(found.into_iter().map(|name| Column { name, field: spec.field }));
    }
    Ok(columns)
}

/// Returns the columns whose names suggest the field.
fn guessed(spec: &Spec, free: &[&SourceColumn]) -> Vec<String> {
    // A boolean column named `status` sometimes says whether a task is done or an account may be
    // used.
    let is_boolean = |column: &SourceColumn| column.data_type.to_lowercase().contains("bool");
    let fits = |column: &SourceColumn| match spec.field {
        Field::Status | Field::AccountStatus => !is_boolean(column),
        _ => true,
    };
    let names: Vec<&str> =
        free.iter().filter(|column| fits(column)).map(|column| column.name.as_str()).collect();
    let mut found: Vec<&str> =
        spec.guesses.iter().filter_map(|guess| named(&names, guess)).collect();
    if found.is_empty() {
        found.extend(spec.fallbacks.iter().filter_map(|guess| named(&names, guess)).take(1));
    }
    if found.is_empty() && matches!(spec.field, Field::Completed | Field::Active) {
        let booleans = free.iter().filter(|column| is_boolean(column));
        let booleans: Vec<&str> = booleans.map(|column| column.name.as_str()).collect();
        found.extend(["status", "state"].iter().filter_map(|guess| named(&booleans, guess)));
    }
    if spec.columns == Columns::One || spec.columns == Columns::AtMostOne {
        found.truncate(1);
    }
    let mut several: Vec<String> = Vec::new();
    for name in found {
        // Two guesses may be spellings of one column.
        if !several.iter().any(|other| other == name) {
            several.push(name.to_owned());
        }
    }
    several
}

/// Quotes an SQL identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
