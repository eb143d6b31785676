//! How users are stored. Their rules are in `mod`.

use std::sync::LazyLock;

use uuid::Uuid;

use super::login_name::{LoginKind, LoginName};
use super::model::{AccountState, Draft, Email, User, Username};
use super::password::PasswordHash;
use crate::db::{FromRow, ReadTx, Row, WriteTx, columns};
use crate::error::{Conflict, Error, Result};
use crate::ids::UserId;
use crate::names;

/// A user and the password hash, as a login reads them.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: User,
    pub password: PasswordHash,
}

columns!(User {
    id,
    uuid,
    username,
    name,
    email,
    role,
    is_active,
    email_verified,
    created_at,
    updated_at,
});

/// The statements that name all columns.
struct Texts {
    insert: String,
    update: String,
    list: String,
    by_id: String,
    by_uuid: String,
    credentials: String,
    credentials_by_email: String,
    credentials_by_username: String,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    let columns = User::COLUMNS.join(", ");
    let by_login = |key: &str| {
        format!(
            "SELECT {columns}, password_hash, {key} = $1 FROM users WHERE id = COALESCE( \
             (SELECT id FROM users WHERE {key} = $1), (SELECT min(id) FROM users))"
        )
    };
    Texts {
        insert: format!("{INSERT} RETURNING {columns}"),
        update: format!("{UPDATE} RETURNING {columns}"),
        list: format!("SELECT {columns} FROM users WHERE id > $1 ORDER BY id LIMIT $2 OFFSET $3"),
        by_id: format!("SELECT {columns} FROM users WHERE id = $1"),
        by_uuid: format!("SELECT {columns} FROM users WHERE uuid = $1"),
        credentials: format!("SELECT {columns}, password_hash FROM users WHERE id = $1"),
        credentials_by_email: by_login("email_key"),
        credentials_by_username: by_login("username_key"),
    }
});

const INSERT: &str = "INSERT INTO users (uuid, username, username_key, username_skeleton, name, \
                      email, email_key, password_hash, role, is_active, email_verified, \
                      created_at, updated_at, epoch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
                      $10, $11, $12, $13, (SELECT epoch FROM store WHERE id = 1)) ON CONFLICT DO \
                      NOTHING";

const UPDATE: &str = "UPDATE users SET username = $1, username_key = CASE WHEN username = $1 THEN \
                      username_key ELSE $2 END, username_skeleton = CASE WHEN username = $1 THEN \
                      username_skeleton ELSE $3 END, username_shadowed = username_shadowed AND \
                      username = $1, name = $4, email = $5, email_key = CASE WHEN email = $5 THEN \
                      email_key ELSE $6 END, email_shadowed = email_shadowed AND email = $5, role \
                      = $7, is_active = $8, email_verified = $9, updated_at = $10 WHERE id = $11";

impl FromRow for Credentials {
    fn from_row(row: &Row) -> Result<Credentials> {
        Ok(Credentials {
            user: User::from_row(row)?,
            password: PasswordHash::stored(row.get(User::COLUMNS.len())?),
        })
    }
}

/// Stores a new user; `None` if an account has this username or address, or a username that looks
/// like it.
pub fn insert_if_free(
    tx: &mut WriteTx,
    draft: &Draft,
    username: &Username,
    standing: &AccountState,
) -> Result<Option<User>> {
    let uuid = tx.new_uuid()?;
    let user: Option<User> = tx.find(
        &TEXTS.insert,
        &[
            &uuid,
            &username.as_str(),
            &username.key(),
            &username.skeleton(),
            &draft.name.as_ref().map(super::Name::as_str),
            &draft.email.as_str(),
            &draft.email.key(),
            &draft.password.as_str(),
            &draft.role,
            &standing.is_active,
            &standing.email_verified,
            &standing.created_at,
            &standing.updated_at,
        ],
    )?;
    if let Some(user) = &user {
        tx.send("INSERT INTO counters (owner, last) VALUES ($1, 0)", &[&user.id])?;
    }
    Ok(user)
}

/// Stores what [`super::update`] changed. An unchanged name keeps its key, so a shadowed name stays
/// shadowed.
pub fn save(tx: &mut WriteTx, user: &User) -> Result<User> {
    let now = tx.now().as_micros().max(user.updated_at.as_micros());
    tx.one_unless_taken(
        &TEXTS.update,
        &[
            &user.username,
            &names::username_key(&user.username),
            &names::skeleton(&user.username),
            &user.name,
            &user.email,
            &names::email_key(&user.email),
            &user.role,
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
        "users.username_skeleton" => Error::Conflict(Conflict::UsernameLooksTaken),
        _ => Error::internal("a unique value came twice", column),
    }
}

pub fn find(tx: &mut ReadTx, id: UserId) -> Result<Option<User>> {
    tx.find(&TEXTS.by_id, &[&id])
}

/// The same, locked, so that the caller can write back what it read.
pub fn find_for_update(tx: &mut WriteTx, id: UserId) -> Result<Option<User>> {
    tx.find_for_update(&TEXTS.by_id, &[&id])
}

pub fn find_by_uuid(tx: &mut ReadTx, uuid: Uuid) -> Result<Option<User>> {
    tx.find(&TEXTS.by_uuid, &[&uuid])
}

pub fn credentials(tx: &mut ReadTx, id: UserId) -> Result<Option<Credentials>> {
    tx.find(&TEXTS.credentials, &[&id])
}

/// The same, locked, so that neither the hash nor `is_active` changes before the caller commits.
pub fn credentials_held(tx: &mut WriteTx, id: UserId) -> Result<Option<Credentials>> {
    tx.find_for_update(&TEXTS.credentials, &[&id])
}

/// The requested account or, if there is none, the first of all accounts, with `is_it` false.
struct Sought {
    is_it: bool,
    credentials: Credentials,
}

impl FromRow for Sought {
    fn from_row(row: &Row) -> Result<Sought> {
        Ok(Sought {
            credentials: Credentials::from_row(row)?,
            is_it: row.get(User::COLUMNS.len() + 1)?,
        })
    }
}

/// Finds the account with this name. A row is read in either case, so that the time does not reveal
/// whether the account exists.
pub fn credentials_by_login(tx: &mut ReadTx, login: &LoginName) -> Result<Option<Credentials>> {
    let key = login.key();
    let found: Option<Sought> = match login.kind() {
        LoginKind::Email => tx.find(&TEXTS.credentials_by_email, &[&key]),
        LoginKind::Username => tx.find(&TEXTS.credentials_by_username, &[&key]),
    }?;
    Ok(found.filter(|found| found.is_it).map(|found| found.credentials))
}

pub fn username_exists(tx: &mut ReadTx, username: &Username) -> Result<bool> {
    let found: Option<i64> =
        tx.find("SELECT id FROM users WHERE username_key = $1", &[&username.key()])?;
    Ok(found.is_some())
}

/// Returns whether an account has a non-ASCII username that looks like this one.
pub fn skeleton_exists(tx: &mut ReadTx, username: &Username) -> Result<bool> {
    let Some(skeleton) = username.skeleton() else {
        return Ok(false);
    };
    let found: Option<i64> =
        tx.find("SELECT id FROM users WHERE username_skeleton = $1", &[&skeleton])?;
    Ok(found.is_some())
}

pub fn email_exists(tx: &mut ReadTx, email: &Email) -> Result<bool> {
    let found: Option<i64> =
        tx.find("SELECT id FROM users WHERE email_key = $1", &[&email.key()])?;
    Ok(found.is_some())
}

/// An account that is not found by its username or its address, because an older account has an
/// equal one by the current rules of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shadowed {
    pub id: UserId,
    pub username: bool,
    pub email: bool,
}

impl FromRow for Shadowed {
    fn from_row(row: &Row) -> Result<Shadowed> {
        Ok(Shadowed { id: row.get(0)?, username: row.get(1)?, email: row.get(2)? })
    }
}

pub fn shadowed(tx: &mut ReadTx, after: UserId, count: i64) -> Result<Vec<Shadowed>> {
    tx.all(
        "SELECT id, username_shadowed, email_shadowed FROM users \
         WHERE (username_shadowed OR email_shadowed) AND id > $1 ORDER BY id LIMIT $2",
        &[&after, &count],
    )
}

/// Lists users after `after`, ordered by id, without the first `skip`.
pub fn list(tx: &mut ReadTx, after: UserId, count: i64, skip: i64) -> Result<Vec<User>> {
    tx.all(&TEXTS.list, &[&after, &count, &skip])
}

/// Returns whether an active admin other than `but` exists. Locks that account, so that it stays an
/// active admin until this transaction ends.
pub fn another_admin_exists(tx: &mut WriteTx, but: UserId) -> Result<bool> {
    let found: Option<i64> = tx.find_for_update(
        "SELECT id FROM users WHERE role = 'admin' AND is_active AND id <> $1 LIMIT 1",
        &[&but],
    )?;
    Ok(found.is_some())
}

pub fn set_password(tx: &mut WriteTx, id: UserId, password: &PasswordHash) -> Result<()> {
    let now = tx.now();
    tx.send(
        "UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3",
        &[&password.as_str(), &now, &id],
    )
}

pub fn set_verified(tx: &mut WriteTx, id: UserId) -> Result<()> {
    let now = tx.now();
    tx.send("UPDATE users SET email_verified = TRUE, updated_at = $1 WHERE id = $2", &[&now, &id])
}

/// Deletes the user's valid personal access tokens and returns their number.
pub fn end_tokens(tx: &mut WriteTx, id: UserId) -> Result<u64> {
    let now = tx.now();
    tx.execute("DELETE FROM personal_tokens WHERE user_id = $1 AND expires_at > $2", &[&id, &now])
}

/// Returns whether the user has this session, which has not been ended.
pub fn has_session(tx: &mut ReadTx, id: UserId, session: Uuid) -> Result<bool> {
    let found: Option<i64> =
        tx.find("SELECT user_id FROM sessions WHERE uuid = $1 AND user_id = $2", &[&session, &id])?;
    Ok(found.is_some())
}

/// Ends all sessions of the user.
pub fn end_sessions(tx: &mut WriteTx, id: UserId) -> Result<()> {
    tx.send("DELETE FROM sessions WHERE user_id = $1", &[&id])
}

/// Locks the account's counter: writers of its tasks wait until this transaction ends.
pub fn hold_counter(tx: &mut WriteTx, id: UserId) -> Result<()> {
    tx.find_for_update::<i64>("SELECT last FROM counters WHERE owner = $1", &[&id]).map(drop)
}

/// Deletes the user. The foreign keys delete the user's sessions, tasks and changes.
pub fn delete(tx: &mut WriteTx, id: UserId) -> Result<()> {
    tx.erase();
    tx.send("DELETE FROM users WHERE id = $1", &[&id])
}
