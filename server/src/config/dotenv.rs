//! `.env` in the working directory: settings that the environment does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

use clap::Command;
use clap::builder::Resettable;

/// Which variables `.env` has set.
pub struct Dotenv(BTreeSet<String>);

impl Dotenv {
    /// Sets what `.env` has and the environment has not. To be called before there are other
    /// threads.
    ///
    /// # Errors
    /// A line is none of `.env`'s, or the file cannot be read.
    pub fn load() -> Result<Dotenv, String> {
        let names = read()?.into_keys().filter(|name| env::var_os(name).is_none()).collect();
        match dotenvy::from_path(FILE) {
            Err(e) if !is_missing(&e) => Err(told(&e)),
            _ => Ok(Dotenv(names)),
        }
    }

    /// The command line as it is read with what `.env` says now.
    ///
    /// # Errors
    /// As for [`Dotenv::load`].
    pub fn again(&self, mut command: Command) -> Result<Command, String> {
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

/// All that it sets; of two lines for one name the first one counts.
fn read() -> Result<BTreeMap<String, String>, String> {
    let mut set = BTreeMap::new();
    let lines = match dotenvy::from_path_iter(Path::new(FILE)) {
        Ok(lines) => lines,
        Err(e) if is_missing(&e) => return Ok(set),
        Err(e) => return Err(told(&e)),
    };
    for line in lines {
        let (name, value) = line.map_err(|e| told(&e))?;
        set.entry(name).or_insert(value);
    }
    Ok(set)
}

fn is_missing(error: &dotenvy::Error) -> bool {
    matches!(error, dotenvy::Error::Io(e) if e.kind() == std::io::ErrorKind::NotFound)
}

fn told(error: &dotenvy::Error) -> String {
    match error {
        // The line's text may hold a secret, so only its place is told.
        dotenvy::Error::LineParse(_, at) => {
            format!(
                ".env: a line is not NAME=value (at character {at} of the line); correct or remove \
                 it"
            )
        }
        error => format!("cannot read .env: {error}"),
    }
}
