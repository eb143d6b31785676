//! Operations on the whole database: open, migrate, back up, restore.

use std::path::Path;
use std::sync::Arc;

use taskwell_core::app::{App, Operator};
use taskwell_core::clock::Clock;
use taskwell_core::db::{self, DatabaseLocation};
use taskwell_core::limits::Shared;

use crate::config::Config;
use crate::console::{Outcome, print, runtime, sentence};
use crate::secret::Secret;

/// Opens and migrates the database for the server.
pub fn open(config: &Config) -> Result<Operator, String> {
    let secret = secret(config)?.ok_or(SECRET_REQUIRED)?;
    if let Some(file) = config.secret_file()
        && is_readable_by_all(&file)
    {
        tracing::warn!(
            "every user of this machine can read the secret in {} and sign tokens with it; run \
             chmod 600 on the file",
            file.display()
        );
    }
    open_with(config, &secret)
}

/// Opens and migrates the database for a command. A command signs no tokens, so it needs no secret
/// on PostgreSQL.
pub fn open_to_manage(config: &Config) -> Result<Operator, String> {
    let secret = match secret(config)? {
        Some(secret) => secret,
        None => Secret::ephemeral()?,
    };
    open_with(config, &secret)
}

/// The secret from the settings, or else the one beside the SQLite database. `None` on PostgreSQL
/// without a setting.
fn secret(config: &Config) -> Result<Option<Secret>, String> {
    let DatabaseLocation::Sqlite(path) = &config.database else {
        return Ok(config.jwt_secret.clone());
    };
    require_folder(path, "DATABASE_URL")?;
    match &config.jwt_secret {
        Some(secret) => Ok(Some(secret.clone())),
        None => secret_beside(path).map(Some),
    }
}

/// Reads the secret for a reload. If its file is missing, this does not generate a new secret,
/// because that would end all sessions.
pub fn reload_secret(config: &Config) -> Result<Secret, String> {
    if let Some(secret) = &config.jwt_secret {
        return Ok(secret.clone());
    }
    let file = config.secret_file().ok_or(SECRET_REQUIRED)?;
    let secret = Secret::read(&file).map_err(|e| format!("the file {} {e}", file.display()))?;
    secret.check().map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(secret)
}

/// Checks that the folder of `file` exists. `by` is the setting or argument that names the file.
pub fn require_folder(file: &Path, by: &str) -> Result<(), String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => Err(format!(
            "the folder {} for {} does not exist; create it, or choose another path with {by}",
            folder.display(),
            file.file_name().unwrap_or_default().display()
        )),
        _ => Ok(()),
    }
}

/// The secret beside a database. If it is missing beside an existing database, the new one ends all
/// sessions.
fn secret_beside(database: &Path) -> Result<Secret, String> {
    let is_lost = database.exists() && !Secret::file(database).exists();
    let secret = Secret::load_or_generate(database)?;
    if is_lost {
        tracing::warn!(
            "the secret file {} was missing, so Taskwell generated a new secret: all users must \
             log in again. If you have the old file, stop the server and put it back",
            Secret::file(database).display()
        );
    }
    Ok(secret)
}

#[cfg(unix)]
fn is_readable_by_all(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|known| known.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_all(_: &Path) -> bool {
    false
}

fn open_with(config: &Config, secret: &Secret) -> Result<Operator, String> {
    let shared = config.redis.clone().map(|redis| redis as Arc<dyn Shared>);
    let (settings, clock) = (config.settings.clone(), Clock::default());
    let opened = App::open_among(&config.database, &secret.all(), settings, clock, shared);
    let (_, operator, migrated) = opened.map_err(|e| sentence(&e))?;
    if migrated.from != migrated.to {
        tracing::info!(from = migrated.from, to = migrated.to, "migrated the database");
    }
    Ok(operator)
}

/// Adds a new secret to the file in use, before the existing ones.
pub fn rotate_keys(config: &Config) -> Outcome {
    let Some(file) = config.secret_file() else {
        return Err(match config.jwt_secret {
            Some(_) => {
                "the secret is in JWT_SECRET; add a new one on a line before it, then restart the \
                 server"
                    .into()
            }
            None => SECRET_REQUIRED.into(),
        });
    };
    if let (None, DatabaseLocation::Sqlite(path)) = (&config.jwt_secret, &config.database) {
        require_folder(path, "DATABASE_URL")?;
        secret_beside(path)?;
    }
    let secret = Secret::rotate(&file).map_err(|e| format!("the file {} {e}", file.display()))?;
    let before = secret.all().len() - 1;
    print(&format!(
        "added a new secret to {}, which signs after SIGHUP or a restart; earlier secrets that \
         still verify tokens: {before}",
        file.display()
    ))
}

const SECRET_REQUIRED: &str = "PostgreSQL requires JWT_SECRET or JWT_SECRET_FILE, with the same \
                               secret for every instance: at least 32 random bytes, for example \
                               from openssl rand -base64 32";

pub fn migrate(config: &Config) -> Outcome {
    drop(open_to_manage(config)?);
    print(&format!("{} has schema version {}", describe(&config.database), db::SCHEMA_VERSION))
}

pub fn backup(config: &Config, file: &Path) -> Outcome {
    let path = sqlite(config, "pg_dump")?;
    require_folder(file, "FILE")?;
    db::backup(path, file).map_err(|e| e.to_string())?;
    print(&format!("backed up {} to {}", path.display(), file.display()))
}

pub fn restore(config: &Config, file: &Path) -> Outcome {
    let path = sqlite(config, "pg_restore")?;
    require_folder(path, "DATABASE_URL")?;
    taskwell_core::store::restore(file, path, &Clock::default()).map_err(|e| e.to_string())?;
    print(&format!("restored {} from {}", path.display(), file.display()))
}

/// Starts a new epoch after a recovery by other means than `restore`.
pub fn restored(config: &Config) -> Outcome {
    let operator = open_to_manage(config)?;
    let runtime = runtime()?;
    runtime
        .block_on(operator.write(taskwell_core::store::begin_epoch))
        .map_err(|e| sentence(&e))?;
    print(&format!(
        "started a new epoch in {}: clients read everything again",
        describe(&config.database)
    ))
}

fn sqlite<'c>(config: &'c Config, instead: &str) -> Result<&'c Path, String> {
    match &config.database {
        DatabaseLocation::Sqlite(path) => Ok(path),
        DatabaseLocation::Postgres(_) => {
            Err(format!("this command supports only SQLite; on PostgreSQL, use {instead}"))
        }
    }
}

/// The location of the store, without its password.
fn describe(location: &DatabaseLocation) -> String {
    match location {
        DatabaseLocation::Sqlite(path) => path.display().to_string(),
        DatabaseLocation::Postgres(server) => server.shown(),
    }
}
