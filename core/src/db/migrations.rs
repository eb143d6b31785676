//! The migrations in order, with the parts that are in Rust. A step uses tables and columns only,
//! and none of the code of a noun, because that code changes and a step must not.

use super::row::{FromRow, Row};
use super::tx::WriteTx;
use crate::error::Result;
use crate::{names, text};

/// One migration, in the SQL of each database.
pub(super) struct Migration {
    pub name: &'static str,
    pub sqlite: &'static str,
    pub postgres: &'static str,
    /// The part that SQL can't express. It runs after the SQL, in the same transaction.
    pub then: Option<Step>,
}

/// A step in Rust. The first call gets 0, and each further call the last result, until the result
/// is `None`. Each call is bounded in rows and bytes.
pub(super) type Step = fn(&mut WriteTx, i64) -> Result<Option<i64>>;

/// The schema version is the number of applied migrations.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "initial",
        sqlite: include_str!("../../migrations/0001_initial.sqlite.sql"),
        postgres: include_str!("../../migrations/0001_initial.postgres.sql"),
        then: None,
    },
    Migration {
        name: "accounts",
        sqlite: include_str!("../../migrations/0002_accounts.sqlite.sql"),
        postgres: include_str!("../../migrations/0002_accounts.postgres.sql"),
        then: None,
    },
    Migration {
        name: "mail",
        sqlite: include_str!("../../migrations/0003_mail.sqlite.sql"),
        postgres: include_str!("../../migrations/0003_mail.postgres.sql"),
        then: None,
    },
    Migration {
        name: "two_factor",
        sqlite: include_str!("../../migrations/0004_two_factor.sqlite.sql"),
        postgres: include_str!("../../migrations/0004_two_factor.postgres.sql"),
        then: None,
    },
    Migration {
        name: "idempotency",
        sqlite: include_str!("../../migrations/0005_idempotency.sqlite.sql"),
        postgres: include_str!("../../migrations/0005_idempotency.postgres.sql"),
        then: None,
    },
    Migration {
        name: "store",
        sqlite: include_str!("../../migrations/0006_store.sqlite.sql"),
        postgres: include_str!("../../migrations/0006_store.postgres.sql"),
        then: Some(fill_folded),
    },
    Migration {
        name: "sessions",
        sqlite: include_str!("../../migrations/0007_sessions.sqlite.sql"),
        postgres: include_str!("../../migrations/0007_sessions.postgres.sql"),
        then: None,
    },
    Migration {
        name: "names",
        sqlite: include_str!("../../migrations/0008_names.sqlite.sql"),
        postgres: include_str!("../../migrations/0008_names.postgres.sql"),
        then: Some(fill_keys),
    },
];

/// Maximum rows and bytes of text that one call of a step handles. A single row may be larger.
const STEP_ROWS_MAX: i64 = 256;
const STEP_BYTES_MAX: i64 = 1024 * 1024;

/// Fills `tasks.folded` for the tasks after an id. Returns the last id that it filled.
fn fill_folded(tx: &mut WriteTx, after: i64) -> Result<Option<i64>> {
    let sizes = "/* migrate */ SELECT id, CAST(octet_length(title) + \
                 coalesce(octet_length(description), 0) AS BIGINT) FROM tasks WHERE id > $1 ORDER \
                 BY id LIMIT $2";
    let sizes: Vec<Size> = tx.all(sizes, &[&after, &STEP_ROWS_MAX])?;
    let mut bytes = 0;
    let fitting = sizes.iter().take_while(|size| {
        let is_first = bytes == 0;
        bytes += size.bytes;
        is_first || bytes <= STEP_BYTES_MAX
    });
    let Some(last) = fitting.last().map(|size| size.id) else {
        return Ok(None);
    };
    let texts = "/* migrate */ SELECT id, title, description FROM tasks WHERE id > $1 AND id <= $2 \
                 ORDER BY id";
    let texts: Vec<Text> = tx.all(texts, &[&after, &last])?;
    for Text { id, title, description } in texts {
        let folded = text::search_fold(&title, description.as_deref());
        tx.send("/* migrate */ UPDATE tasks SET folded = $1 WHERE id = $2", &[&folded, &id])?;
    }
    Ok(Some(last))
}

/// Fills the lookup keys of usernames and addresses, in the order of the accounts: if two have the
/// same key, the older account gets it. Then does the same for mail that waits for an address, and
/// returns the ids of mail as negative numbers.
fn fill_keys(tx: &mut WriteTx, after: i64) -> Result<Option<i64>> {
    if after < 0 {
        return fill_recipients(tx, -after);
    }
    let names =
        "/* migrate */ SELECT id, username, email FROM users WHERE id > $1 ORDER BY id LIMIT $2";
    let users: Vec<Names> = tx.all(names, &[&after, &STEP_ROWS_MAX])?;
    for user in &users {
        let username = names::username_key(&user.username);
        let text = "/* migrate */ UPDATE users SET username_key = $1, username_shadowed = FALSE \
                    WHERE id = $2 AND NOT EXISTS (SELECT 1 FROM users WHERE username_key = $1)";
        tx.send(text, &[&username, &user.id])?;
        let email = names::email_key(&user.email);
        let text = "/* migrate */ UPDATE users SET email_key = $1, email_shadowed = FALSE WHERE id \
                    = $2 AND NOT EXISTS (SELECT 1 FROM users WHERE email_key = $1)";
        tx.send(text, &[&email, &user.id])?;
        if let Some(skeleton) = names::skeleton(&user.username) {
            let text = "/* migrate */ UPDATE users SET username_skeleton = $1 WHERE id = $2 \
                        AND NOT EXISTS (SELECT 1 FROM users WHERE username_skeleton = $1)";
            tx.send(text, &[&skeleton, &user.id])?;
        }
    }
    match users.last() {
        Some(last) => Ok(Some(last.id)),
        None => fill_recipients(tx, 0),
    }
}

fn fill_recipients(tx: &mut WriteTx, after: i64) -> Result<Option<i64>> {
    let waiting = "/* migrate */ SELECT id, recipient FROM mail_queue WHERE user_id IS NULL AND id \
                   > $1 ORDER BY id LIMIT $2";
    let waiting: Vec<(i64, String)> =
        tx.all_by(waiting, &[&after, &STEP_ROWS_MAX], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (id, recipient) in &waiting {
        let key = names::email_key(recipient);
        tx.send("/* migrate */ UPDATE mail_queue SET recipient = $1 WHERE id = $2", &[&key, id])?;
    }
    Ok(waiting.last().map(|(id, _)| -id))
}

struct Names {
    id: i64,
    username: String,
    email: String,
}

impl FromRow for Names {
    fn from_row(row: &Row) -> Result<Names> {
        Ok(Names { id: row.get(0)?, username: row.get(1)?, email: row.get(2)? })
    }
}

struct Size {
    id: i64,
    bytes: i64,
}

impl FromRow for Size {
    fn from_row(row: &Row) -> Result<Size> {
        Ok(Size { id: row.get(0)?, bytes: row.get(1)? })
    }
}

struct Text {
    id: i64,
    title: String,
    description: Option<String>,
}

impl FromRow for Text {
    fn from_row(row: &Row) -> Result<Text> {
        Ok(Text { id: row.get(0)?, title: row.get(1)?, description: row.get(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::migrate::{apply, tests::with_rows};
    use super::MIGRATIONS;
    use crate::clock::Clock;

    #[test]
    fn migration_8_gives_each_key_to_the_oldest_account_and_shadows_the_others() {
        let connection = with_rows();
        let user = "INSERT INTO users (id, uuid, username, username_key, email, email_key,
            password_hash, role, is_active, email_verified, created_at, updated_at)
            VALUES (?1, randomblob(16), ?2, ?3, ?4, ?5, 'h', 'user', 1, 1, 0, 0)";
        // The keys as earlier versions made them: in lower case.
        for (id, username, username_key, email, email_key) in [
            (2, "Straße", "straße", "οδος@x.de", "οδος@x.de"),
            (3, "STRASSE", "strasse", "three@x.de", "three@x.de"),
            (4, "four", "four", "ΟΔΟΣ@x.de", "οδοσ@x.de"),
            (5, "rnüller", "rnüller", "five@xn--mller-kva.de", "five@xn--mller-kva.de"),
            (6, "müller", "müller", "FIVE@müller.de", "five@müller.de"),
        ] {
            connection.execute(user, (id, username, username_key, email, email_key)).unwrap();
        }
        connection
            .execute_batch(
                "WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
                 INSERT INTO users (id, uuid, username, username_key, email, email_key,
                     password_hash, role, is_active, email_verified, created_at, updated_at)
                 SELECT n, randomblob(16), 'User' || n, 'user' || n, 'U@x' || n, 'u@x' || n, 'h',
                     'user', 1, 1, 0, 0 FROM n;
                 WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 700)
                 INSERT INTO mail_queue (id, kind, recipient, attempts, next_at, created_at)
                 SELECT n, 'reset', 'straße' || n || '@x.de', 0, 0, 7 FROM n",
            )
            .unwrap();
        apply(&connection, MIGRATIONS, None, &Clock::default()).unwrap();
        let mut users = connection
            .prepare(
                "SELECT username_key || ' ' || email_key || ' ' || username_shadowed ||
                    email_shadowed || ' ' ||
                 coalesce(username_skeleton, '') FROM users ORDER BY id",
            )
            .unwrap();
        let users: Vec<String> =
            users.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            users[..6],
            [
                "ada a@b 00 ",
                "strasse οδοσ@x.de 00 Straße",
                "SHADOWED 3 three@x.de 10 ",
                "four SHADOWED 4 01 ",
                "rnüller five@müller.de 00 rnu\u{308}ller",
                "müller SHADOWED 6 01 ",
            ]
        );
        assert_eq!(users.len(), 607);
        for (user, n) in users[6..].iter().zip(100..) {
            assert_eq!(*user, format!("user{n} u@x{n} 00 "));
        }
        let folded = "SELECT count(*) FROM mail_queue WHERE recipient = 'strasse' || id || '@x.de' \
                      AND turn_at = 7";
        let folded: i64 = connection.query_row(folded, [], |row| row.get(0)).unwrap();
        assert_eq!(folded, 601);
    }

    #[test]
    fn migration_6_folds_the_text_of_each_task_whatever_their_number_and_length() {
        let connection = with_rows();
        let more = "WITH RECURSIVE n (n) AS (SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n <
            1000)
            INSERT INTO tasks (id, uuid, owner, title, description, status, priority, created_at,
                updated_at, version)
            SELECT n, randomblob(16), 1, 'ΟΔΟΣ ' || n,
                   CASE WHEN n % 9 = 0 THEN replace(hex(zeroblob(10000)), '0', 'ß') END,
                   'pending', 1, 0, 0, 1 FROM n";
        connection.execute_batch(more).unwrap();
        apply(&connection, MIGRATIONS, None, &Clock::default()).unwrap();
        let mut tasks = connection.prepare("SELECT title, description, folded FROM tasks").unwrap();
        let tasks = tasks.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let mut count = 0;
        for task in tasks {
            let (title, description, folded): (String, Option<String>, String) = task.unwrap();
            assert_eq!(folded, crate::text::search_fold(&title, description.as_deref()));
            count += 1;
        }
        assert_eq!(count, 902);
    }
}
