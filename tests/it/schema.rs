//! The two schemas: the same tables, columns, indexes and references, each in its database's terms.

use crate::support::Taskwell;

const SQLITE_COLUMNS: &str = "SELECT t.name, c.name, (c.\"notnull\" OR c.pk > 0), c.type \
    FROM sqlite_schema t, pragma_table_info(t.name) c \
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid";
const POSTGRES_COLUMNS: &str = "SELECT table_name, column_name, CASE is_nullable WHEN 'NO' THEN 1 \
    ELSE 0 END, data_type FROM information_schema.columns WHERE table_schema = current_schema() \
    ORDER BY table_name COLLATE \"C\", ordinal_position";

const SQLITE_INDEXES: &str =
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
const POSTGRES_INDEXES: &str = "SELECT indexname FROM pg_indexes WHERE schemaname = \
    current_schema() AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname AND \
    connamespace = current_schema()::regnamespace) ORDER BY indexname COLLATE \"C\"";

const SQLITE_REFERENCES: &str = "SELECT t.name, f.\"from\", f.\"table\", f.on_delete FROM \
    sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY t.name, \
    f.\"from\"";
const POSTGRES_REFERENCES: &str = "SELECT c.conrelid::regclass, a.attname, c.confrelid::regclass, \
    CASE c.confdeltype WHEN 'c' THEN 'CASCADE' ELSE c.confdeltype::text END FROM pg_constraint c \
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = \
    'f' AND c.connamespace = current_schema()::regnamespace ORDER BY 1::text COLLATE \"C\", 2";

/// Returns SQLite's name for a type of PostgreSQL.
fn in_sqlite(value: String) -> String {
    match value.as_str() {
        "bigint" | "boolean" => "INTEGER".into(),
        "text" => "TEXT".into(),
        "uuid" | "bytea" => "BLOB".into(),
        _ => value,
    }
}

#[tokio::test]
async fn both_schemas_say_the_same() {
    let (sqlite, postgres) = (Taskwell::on_sqlite(), Taskwell::on_postgres().await);
    for (what, least, in_one, in_other) in [
        ("columns", 40, SQLITE_COLUMNS, POSTGRES_COLUMNS),
        ("indexes", 4, SQLITE_INDEXES, POSTGRES_INDEXES),
        ("references", 5, SQLITE_REFERENCES, POSTGRES_REFERENCES),
    ] {
        let mut one = sqlite.rows(in_one).await;
        let mut other = postgres.rows(in_other).await;
        for last in other.iter_mut().filter_map(|row| row.last_mut()) {
            *last = last.take().map(in_sqlite);
        }
        one.sort();
        other.sort();
        assert!(one.len() >= least, "{what}: {one:?}");
        assert_eq!(one, other, "{what}");
    }
}

/// The names of unique constraints follow SQLite's error messages, which say `table.column`.
#[tokio::test]
async fn unique_constraints_are_named_after_table_and_column() {
    let postgres = Taskwell::on_postgres().await;
    let names = "SELECT conname, conrelid::regclass || '.' || a.attname FROM pg_constraint \
        JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1] \
        WHERE contype = 'u' AND connamespace = current_schema()::regnamespace";
    let names = postgres.rows(names).await;
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert_eq!(name[0], name[1]);
    }
}
