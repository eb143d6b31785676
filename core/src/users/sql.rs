//! How users are stored. What it means is `mod`'s.

use uuid::Uuid;

use super::model::{Draft, Email, Standing, User, UserId, Username};
use super::password::PasswordHash;
use crate::db::{FromRow, Row, Tx};
use crate::error::{Conflict, Error, Result};
use crate::text;
use crate::time::Timestamp;

/// A user with what proves it: what a login reads.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: User,
    pub password: PasswordHash,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<User> {
        Ok(User {
            id: row.get(0)?,
            uuid: row.get(1)?,
            username: row.get(2)?,
            name: row.get(3)?,
            email: row.get(4)?,
            role: row.get(5)?,
            is_active: row.get(6)?,
            email_verified: row.get(7)?,
            created_at: Timestamp::from_micros(row.get(8)?),
            updated_at: Timestamp::from_micros(row.get(9)?),
        })
    }
}

impl FromRow for Credentials {
    fn from_row(row: &Row) -> Result<Credentials> {
        Ok(Credentials { user: User::from_row(row)?, password: PasswordHash::stored(row.get(10)?) })
    }
}

pub fn insert(tx: &mut Tx, draft: &Draft, username: &Username, standing: &Standing) -> Result<User> {
    let uuid = tx.new_uuid()?;
    let user: User = tx.one_unless_taken(
        "INSERT INTO users (uuid, username, username_key, name, email, email_key, password_hash, role, \
         is_active, email_verified, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         RETURNING id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at",
        &[
            &uuid,
            &username.as_str(),
            &username.key(),
            &draft.name.as_ref().map(super::Name::as_str),
            &draft.email.as_str(),
            &draft.email.key(),
            &draft.password.as_str(),
            &draft.role.as_str(),
            &standing.is_active,
            &standing.email_verified,
            &standing.created_at.as_micros(),
            &standing.updated_at.as_micros(),
        ],
        taken,
    )?;
    tx.send("INSERT INTO counters (owner, last) VALUES ($1, 0)", &[&user.id])?;
    Ok(user)
}

/// Writes back what [`super::update`] has changed.
pub fn save(tx: &mut Tx, user: &User) -> Result<User> {
    let now = tx.now().as_micros().max(user.updated_at.as_micros());
    tx.one_unless_taken(
        "UPDATE users SET username = $1, username_key = $2, name = $3, email = $4, email_key = $5, role = $6, \
         is_active = $7, email_verified = $8, updated_at = $9 WHERE id = $10 \
         RETURNING id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at",
        &[
            &user.username,
            &text::fold(&user.username),
            &user.name,
            &user.email,
            &text::fold(&user.email),
            &user.role.as_str(),
            &user.is_active,
            &user.email_verified,
            &now,
            &user.id,
        ],
        taken,
    )
}

fn taken(column: &str) -> Error {
    match column {
        "users.email_key" => Error::Conflict(Conflict::EmailTaken),
        "users.username_key" => Error::Conflict(Conflict::UsernameTaken),
        _ => Error::internal("a unique value came twice", column),
    }
}

pub fn find(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    tx.find(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at \
         FROM users WHERE id = $1",
        &[&id],
    )
}

/// The same, held: what is written back is what was read.
pub fn find_held(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    tx.find_held(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at \
         FROM users WHERE id = $1",
        &[&id],
    )
}

pub fn find_by_uuid(tx: &mut Tx, uuid: Uuid) -> Result<Option<User>> {
    tx.find(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at \
         FROM users WHERE uuid = $1",
        &[&uuid],
    )
}

pub fn credentials(tx: &mut Tx, id: UserId) -> Result<Option<Credentials>> {
    tx.find(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, \
         password_hash FROM users WHERE id = $1",
        &[&id],
    )
}

/// The same, held: what depends on the hash or on `is_active` is done before anybody changes them.
pub fn credentials_held(tx: &mut Tx, id: UserId) -> Result<Option<Credentials>> {
    tx.find_held(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, \
         password_hash FROM users WHERE id = $1",
        &[&id],
    )
}

/// An account that was looked for; or, where there is none, the first of all, which it is not.
struct Sought {
    is_it: bool,
    credentials: Credentials,
}

impl FromRow for Sought {
    fn from_row(row: &Row) -> Result<Sought> {
        Ok(Sought { credentials: Credentials::from_row(row)?, is_it: row.get(11)? })
    }
}

/// By address where `login` holds an `@`, else by username; both in any spelling. A row is read in any case: how long that
/// takes does not tell whether there is such an account.
pub fn credentials_by_login(tx: &mut Tx, login: &str) -> Result<Option<Credentials>> {
    let key = text::fold(&text::nfc(login));
    let found: Option<Sought> = if login.contains('@') {
        tx.find(
            "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, \
             password_hash, email_key = $1 FROM users WHERE id = COALESCE( \
             (SELECT id FROM users WHERE email_key = $1), (SELECT min(id) FROM users))",
            &[&key],
        )
    } else {
        tx.find(
            "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at, \
             password_hash, username_key = $1 FROM users WHERE id = COALESCE( \
             (SELECT id FROM users WHERE username_key = $1), (SELECT min(id) FROM users))",
            &[&key],
        )
    }?;
    Ok(found.filter(|found| found.is_it).map(|found| found.credentials))
}

pub fn username_exists(tx: &mut Tx, username: &Username) -> Result<bool> {
    let found: Option<i64> = tx.find("SELECT id FROM users WHERE username_key = $1", &[&username.key()])?;
    Ok(found.is_some())
}

pub fn email_exists(tx: &mut Tx, email: &Email) -> Result<bool> {
    let found: Option<i64> = tx.find("SELECT id FROM users WHERE email_key = $1", &[&email.key()])?;
    Ok(found.is_some())
}

/// Users after `after` in the order of their ids.
pub fn list(tx: &mut Tx, after: i64, count: i64) -> Result<Vec<User>> {
    tx.all(
        "SELECT id, uuid, username, name, email, role, is_active, email_verified, created_at, updated_at \
         FROM users WHERE id > $1 ORDER BY id LIMIT $2",
        &[&after, &count],
    )
}

/// Whether an active admin besides `but` is left; held, so that it stays one until `but` is none.
pub fn another_admin_exists(tx: &mut Tx, but: UserId) -> Result<bool> {
    let found: Option<i64> = tx
        .find_held("SELECT id FROM users WHERE role = 'admin' AND is_active AND id <> $1 LIMIT 1", &[&but])?;
    Ok(found.is_some())
}

pub fn set_password(tx: &mut Tx, id: UserId, password: &PasswordHash) -> Result<()> {
    let now = tx.now().as_micros();
    tx.send(
        "UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3",
        &[&password.as_str(), &now, &id],
    )
}

/// Ends every session of the user: what a deactivation or another password asks for.
pub fn set_verified(tx: &mut Tx, id: UserId) -> Result<()> {
    let now = tx.now().as_micros();
    tx.send("UPDATE users SET email_verified = TRUE, updated_at = $1 WHERE id = $2", &[&now, &id])
}

pub fn delete_tokens(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.send("DELETE FROM personal_tokens WHERE user_id = $1", &[&id])
}

pub fn end_sessions(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.send("DELETE FROM sessions WHERE user_id = $1", &[&id])
}

/// With all that is the user's: sessions, tasks, changes go by the foreign keys.
pub fn delete(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.send("DELETE FROM users WHERE id = $1", &[&id])
}
