//! Moving house: a store is copied into another, of either database, row by row. What the rows mean is not looked at; ids,
//! hashes, numbers and sessions stay what they are.

use ring::digest::{Context, SHA256};

use crate::db::{Db, Dialect, Kind, Owned, Param, Tx};
use crate::error::{Error, Result};

/// Rows in one transaction.
const BATCH: i64 = 500;

/// A table, by its columns; the first one is the key that orders it.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

/// All tables, those that others refer to first.
const TABLES: &[Table] = &[
    Table {
        name: "users",
        columns: &[
            ("id", Kind::Int),
            ("uuid", Kind::Uuid),
            ("username", Kind::Text),
            ("username_key", Kind::Text),
            ("name", Kind::Text),
            ("email", Kind::Text),
            ("email_key", Kind::Text),
            ("password_hash", Kind::Text),
            ("role", Kind::Text),
            ("is_active", Kind::Bool),
            ("email_verified", Kind::Bool),
            ("created_at", Kind::Int),
            ("updated_at", Kind::Int),
        ],
    },
    Table {
        name: "sessions",
        columns: &[
            ("uuid", Kind::Uuid),
            ("user_id", Kind::Int),
            ("user_agent", Kind::Text),
            ("created_at", Kind::Int),
            ("last_used_at", Kind::Int),
            ("expires_at", Kind::Int),
        ],
    },
    Table {
        name: "refresh_tokens",
        columns: &[("hash", Kind::Bytes), ("session_uuid", Kind::Uuid), ("used_at", Kind::Int)],
    },
    Table { name: "counters", columns: &[("owner", Kind::Int), ("last", Kind::Int)] },
    Table {
        name: "tasks",
        columns: &[
            ("id", Kind::Int),
            ("uuid", Kind::Uuid),
            ("owner", Kind::Int),
            ("title", Kind::Text),
            ("description", Kind::Text),
            ("status", Kind::Text),
            ("priority", Kind::Int),
            ("due_date", Kind::Int),
            ("completed_at", Kind::Int),
            ("created_at", Kind::Int),
            ("updated_at", Kind::Int),
            ("version", Kind::Int),
        ],
    },
    Table {
        name: "changes",
        columns: &[
            ("id", Kind::Int),
            ("owner", Kind::Int),
            ("seq", Kind::Int),
            ("task_id", Kind::Int),
            ("task_uuid", Kind::Uuid),
            ("kind", Kind::Text),
            ("actor", Kind::Int),
            ("at", Kind::Int),
            ("before", Kind::Text),
            ("after", Kind::Text),
        ],
    },
    Table {
        name: "personal_tokens",
        columns: &[
            ("uuid", Kind::Uuid),
            ("user_id", Kind::Int),
            ("name", Kind::Text),
            ("hash", Kind::Bytes),
            ("scopes", Kind::Text),
            ("created_at", Kind::Int),
            ("last_used_at", Kind::Int),
            ("expires_at", Kind::Int),
        ],
    },
    Table {
        name: "audit",
        columns: &[
            ("id", Kind::Int),
            ("at", Kind::Int),
            ("actor", Kind::Int),
            ("subject", Kind::Int),
            ("action", Kind::Text),
            ("client", Kind::Text),
            ("detail", Kind::Text),
        ],
    },
    Table {
        name: "mail_queue",
        columns: &[
            ("id", Kind::Int),
            ("kind", Kind::Text),
            ("user_id", Kind::Int),
            ("recipient", Kind::Text),
            ("detail", Kind::Text),
            ("attempts", Kind::Int),
            ("next_at", Kind::Int),
            ("created_at", Kind::Int),
        ],
    },
    Table {
        name: "mail_tokens",
        columns: &[
            ("hash", Kind::Bytes),
            ("user_id", Kind::Int),
            ("purpose", Kind::Text),
            ("email", Kind::Text),
            ("expires_at", Kind::Int),
        ],
    },
    Table {
        name: "totp",
        columns: &[
            ("user_id", Kind::Int),
            ("secret", Kind::Bytes),
            ("created_at", Kind::Int),
            ("confirmed_at", Kind::Int),
            ("last_step", Kind::Int),
        ],
    },
    Table { name: "recovery_codes", columns: &[("hash", Kind::Bytes), ("user_id", Kind::Int)] },
    // So that what was sent before the move has no second effect after it.
    Table {
        name: "idempotency_keys",
        columns: &[
            ("hash", Kind::Bytes),
            ("user_id", Kind::Int),
            ("fingerprint", Kind::Bytes),
            ("outcome", Kind::Text),
            ("at", Kind::Int),
        ],
    },
];

/// Tables whose ids are given out by the database; it must not give one out again.
const COUNTED: [&str; 4] = ["users", "tasks", "audit", "mail_queue"];

/// What one table came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub table: &'static str,
    pub rows: u64,
    /// SHA-256 over all values in the order of the key, the same in both stores.
    pub checksum: String,
}

/// Copies all of `from` into `to`, then reads both again and compares. `progress` is told a table and how many of its rows
/// are there, of how many. With `resume` a copy that broke off goes on.
///
/// # Errors
/// `to` holds something and it is not to go on; or the two differ in the end, as when somebody wrote meanwhile.
pub async fn copy(
    from: &Db,
    to: &Db,
    resume: bool,
    progress: impl Fn(&'static str, u64, u64),
) -> Result<Vec<Copied>> {
    if !resume && !page(to, &TABLES[0], None).await?.is_empty() {
        return Err(Error::Internal(
            "the target is not empty: take an empty one, or go on with --resume".into(),
        ));
    }
    for table in TABLES {
        copy_table(from, to, table, &progress).await?;
    }
    for table in COUNTED {
        let last = from.read(move |tx| last_id(tx, table)).await?;
        to.write(move |tx| set_last_id(tx, table, last)).await?;
    }
    to.write(|tx| match tx.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => tx.send(
            "/* copy */ SELECT setval(pg_get_serial_sequence('changes', 'id'), max(id)) FROM changes",
            &[],
        ),
    })
    .await?;
    let mut copied = Vec::new();
    for table in TABLES {
        let (source, target) = (sum(from, table).await?, sum(to, table).await?);
        if source != target {
            let differ = format!("{}: {} rows here, {} rows there", table.name, source.rows, target.rows);
            return Err(Error::internal("the copy differs; was the source written to meanwhile?", differ));
        }
        copied.push(source);
    }
    Ok(copied)
}

async fn copy_table(
    from: &Db,
    to: &Db,
    table: &'static Table,
    progress: &impl Fn(&'static str, u64, u64),
) -> Result<()> {
    let total = count(from, table).await?;
    let mut done = count(to, table).await?;
    let mut last = last_key(to, table).await?;
    progress(table.name, done, total);
    loop {
        let rows = page(from, table, last.take()).await?;
        let Some(row) = rows.last() else {
            return Ok(());
        };
        last = Some(row[0].clone());
        done += rows.len() as u64;
        to.write(move |tx| rows.iter().try_for_each(|row| insert(tx, table, row))).await?;
        progress(table.name, done, total);
    }
}

impl Table {
    fn key(&self) -> &'static str {
        self.columns[0].0
    }

    fn list(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Less than every key.
    fn before_all(&self) -> Owned {
        match self.columns[0].1 {
            Kind::Uuid => Owned::Uuid(uuid::Uuid::nil()),
            Kind::Bytes => Owned::Bytes(Vec::new()),
            _ => Owned::Int(i64::MIN),
        }
    }
}

async fn count(db: &Db, table: &'static Table) -> Result<u64> {
    let rows: i64 =
        db.read(|tx| tx.one(&format!("/* copy */ SELECT count(*) FROM {}", table.name), &[])).await?;
    Ok(rows.unsigned_abs())
}

/// Rows after a key.
async fn page(db: &Db, table: &'static Table, after: Option<Owned>) -> Result<Vec<Vec<Owned>>> {
    let after = after.unwrap_or_else(|| table.before_all());
    let kinds: Vec<Kind> = table.columns.iter().map(|(_, kind)| *kind).collect();
    let (name, key, list) = (table.name, table.key(), table.list());
    let text = format!("/* copy */ SELECT {list} FROM {name} WHERE {key} > $1 ORDER BY {key} LIMIT $2");
    db.read(move |tx| tx.all_by(&text, &[&after, &BATCH], |row| row.owned(&kinds))).await
}

async fn last_key(db: &Db, table: &'static Table) -> Result<Option<Owned>> {
    let (name, (key, kind)) = (table.name, table.columns[0]);
    let text = format!("/* copy */ SELECT {key} FROM {name} ORDER BY {key} DESC LIMIT 1");
    let rows = db.read(move |tx| tx.all_by(&text, &[], |row| row.owned(&[kind]))).await?;
    Ok(rows.into_iter().flatten().next())
}

fn insert(tx: &mut Tx, table: &Table, row: &[Owned]) -> Result<()> {
    let places = (1..=row.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let text = format!("/* copy */ INSERT INTO {} ({}) VALUES ({places})", table.name, table.list());
    let params: Vec<&dyn Param> = row.iter().map(|value| value as &dyn Param).collect();
    tx.send(&text, &params)
}

async fn sum(db: &Db, table: &'static Table) -> Result<Copied> {
    let (mut rows, mut last, mut sum) = (0, None, Context::new(&SHA256));
    loop {
        let page = page(db, table, last.take()).await?;
        let Some(row) = page.last() else {
            let checksum = crate::clock::hex(sum.finish().as_ref());
            return Ok(Copied { table: table.name, rows, checksum });
        };
        last = Some(row[0].clone());
        rows += page.len() as u64;
        page.iter().flatten().for_each(|value| add(&mut sum, value));
    }
}

/// Each value with its kind and length, so that no two rows give the same bytes.
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

/// The last id that the database gave out, which may be of a row that is gone.
fn last_id(tx: &mut Tx, table: &str) -> Result<i64> {
    let found = match tx.dialect() {
        Dialect::Sqlite => {
            tx.find("/* copy */ SELECT seq FROM sqlite_sequence WHERE name = $1", &[&table])?
        }
        Dialect::Postgres => tx.find(
            &format!("/* copy */ SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq"),
            &[],
        )?,
    };
    Ok(found.unwrap_or(0))
}

fn set_last_id(tx: &mut Tx, table: &str, last: i64) -> Result<()> {
    match tx.dialect() {
        Dialect::Sqlite => {
            tx.send("/* copy */ DELETE FROM sqlite_sequence WHERE name = $1", &[&table])?;
            tx.send("/* copy */ INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", &[&table, &last])
        }
        Dialect::Postgres if last == 0 => Ok(()),
        Dialect::Postgres => {
            tx.send("/* copy */ SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", &[&table, &last])
        }
    }
}
