//! `.env` in the working directory: values for variables that the environment does not set.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

use clap::Command;
use clap::builder::Resettable;

/// The variables that Taskwell has set from `.env`.
pub struct Dotenv(BTreeSet<String>);

impl Dotenv {
    /// Sets the variables of `.env` that the environment does not set. Call this before the process
    /// starts threads.
    ///
    /// # Errors
    /// A line is malformed, or the file cannot be read.
    pub fn load() -> Result<Dotenv, String> {
        let names = read()?.into_keys().filter(|name| env::var_os(name).is_none()).collect();
        match dotenvy::from_path(FILE) {
            Err(e) if !is_missing(&e) => Err(describe(&e)),
            _ => Ok(Dotenv(names)),
        }
    }

    /// Gives the settings the values that `.env` has now.
    ///
    /// # Errors
    /// As for [`Dotenv::load`].
    pub fn reload(&self, mut command: Command) -> Result<Command, String> {
        let mut now = read()?;
        let settings = command.get_arguments().filter_map(|arg| {
            let name = arg.get_env()?.to_str()?.to_owned();
            Some((arg.get_id().clone(), name))
        });
        for (id, name) in settings.collect::<Vec<_>>() {
            if env::var_os(&name).is_some() && !self.0.contains(&name) {
                continue;
            }
            let value = now.remove(&name);
            command = command.mut_arg(id, |arg| {
                let arg = arg.env(Resettable::Reset);
                match value {
                    Some(value) => arg.default_value(value),
                    None => arg,
                }
            });
        }
        Ok(command)
    }
}

const FILE: &str = ".env";

/// Reads the variables. If two lines set the same one, the first line counts.
fn read() -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    let lines = match dotenvy::from_path_iter(Path::new(FILE)) {
        Ok(lines) => lines,
        Err(e) if is_missing(&e) => return Ok(variables),
        Err(e) => return Err(describe(&e)),
    };
    for line in lines {
        let (name, value) = line.map_err(|e| describe(&e))?;
        variables.entry(name).or_insert(value);
    }
    Ok(variables)
}

fn is_missing(error: &dotenvy::Error) -> bool {
    matches!(error, dotenvy::Error::Io(e) if e.kind() == std::io::ErrorKind::NotFound)
}

fn describe(error: &dotenvy::Error) -> String {
    match error {
        // The line may contain a secret, so the message gives only a position.
        dotenvy::Error::LineParse(_, at) => {
            format!(
                ".env: a line is not NAME=value (at character {at} of the line); correct or remove \
                 it"
            )
        }
        error => format!("cannot read .env: {error}"),
    }
}
