//! What is done to the database as a whole: open, migrate, back up, restore.

use std::path::Path;
use std::sync::Arc;

use taskwell_core::app::App;
use taskwell_core::clock::Clock;
use taskwell_core::db::{self, Place};
use taskwell_core::limits::Shared;

use crate::cli::{Outcome, print};
use crate::config::Checked;
use crate::secret::Secret;

/// Opens the database of the settings, migrated.
pub fn open(config: &Checked) -> Result<App, String> {
    let secret = match (&config.jwt_secret, &config.place) {
        (Some(secret), _) => secret.clone(),
        (None, Place::Sqlite(path)) => Secret::beside(path)?,
        (None, Place::Postgres(_)) => return Err(NO_SECRET.into()),
    };
    let shared = config.redis.clone().map(|redis| redis as Arc<dyn Shared>);
    let (settings, clock) = (config.settings.clone(), Clock::default());
    let opened = App::open_among(&config.place, &secret.all(), settings, clock, shared);
    let (app, migrated) = opened.map_err(|e| e.to_string())?;
    if migrated.from != migrated.to {
        tracing::info!(from = migrated.from, to = migrated.to, "migrated the database");
    }
    Ok(app)
}

/// Puts a new secret before the ones of the file that is in use.
pub fn rotate_keys(config: &Checked) -> Outcome {
    let file = match (&config.jwt_secret_file, &config.place) {
        (Some(file), _) => file.clone(),
        (None, _) if config.jwt_secret.is_some() => {
            return Err("the secret is in JWT_SECRET: put a new one on a line before it, and restart".into());
        }
        (None, Place::Sqlite(path)) => {
            Secret::beside(path)?;
            Secret::file(path)
        }
        (None, Place::Postgres(_)) => return Err(NO_SECRET.into()),
    };
    let secret = Secret::rotate(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let before = secret.all().len() - 1;
    print(&format!(
        "{} has a new secret, which signs after a restart; the last {before} before it still verify",
        file.display()
    ))
}

const NO_SECRET: &str = "JWT_SECRET or JWT_SECRET_FILE is needed on PostgreSQL, the same for every instance: \
                         32 random bytes or more, such as openssl rand -base64 32 prints";

pub fn migrate(config: &Checked) -> Outcome {
    let app = open(config)?;
    drop(app);
    print(&format!("{} has schema version {}", shown(&config.place), db::SCHEMA_VERSION))
}

pub fn backup(config: &Checked, file: &Path) -> Outcome {
    let path = sqlite(config, "pg_dump")?;
    db::backup(path, file).map_err(|e| e.to_string())?;
    print(&format!("{} is backed up as {}", path.display(), file.display()))
}

pub fn restore(config: &Checked, file: &Path) -> Outcome {
    let path = sqlite(config, "pg_restore")?;
    db::restore(file, path, &Clock::default()).map_err(|e| e.to_string())?;
    print(&format!("{} holds what {} held", path.display(), file.display()))
}

fn sqlite<'c>(config: &'c Checked, instead: &str) -> Result<&'c Path, String> {
    match &config.place {
        Place::Sqlite(path) => Ok(path),
        Place::Postgres(_) => Err(format!("this is for SQLite; PostgreSQL has {instead} for it")),
    }
}

/// Where the store is, as it is told to people.
fn shown(place: &Place) -> String {
    match place {
        Place::Sqlite(path) => path.display().to_string(),
        Place::Postgres(server) => server.shown(),
    }
}
