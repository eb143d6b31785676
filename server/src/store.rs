//! What is done to the database as a whole: open, migrate, back up, restore.

use std::path::Path;

use taskwell_core::app::App;
use taskwell_core::clock::Clock;
use taskwell_core::db;

use crate::cli::{Outcome, print};
use crate::config::Checked;
use crate::secret::Secret;

/// Opens the database of the settings, migrated.
pub fn open(config: &Checked) -> Result<App, String> {
    let secret = match &config.jwt_secret {
        Some(secret) => secret.clone(),
        None => Secret::beside(&config.store.path)?,
    };
    let path = &config.store.path;
    let opened = App::open(path, secret.as_bytes(), config.settings.clone(), Clock::default());
    let (app, migrated) = opened.map_err(|e| e.to_string())?;
    if migrated.from != migrated.to {
        tracing::info!(from = migrated.from, to = migrated.to, "migrated the database");
    }
    Ok(app)
}

pub fn migrate(config: &Checked) -> Outcome {
    let app = open(config)?;
    drop(app);
    print(&format!("{} has schema version {}", config.store.shown(), db::SCHEMA_VERSION))
}

pub fn backup(config: &Checked, file: &Path) -> Outcome {
    db::backup(&config.store.path, file).map_err(|e| e.to_string())?;
    print(&format!("{} is backed up as {}", config.store.shown(), file.display()))
}

pub fn restore(config: &Checked, file: &Path) -> Outcome {
    db::restore(file, &config.store.path, &Clock::default()).map_err(|e| e.to_string())?;
    print(&format!("{} holds what {} held", config.store.shown(), file.display()))
}
