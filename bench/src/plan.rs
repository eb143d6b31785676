//! What is measured, and how long.

use std::path::PathBuf;

pub struct Plan {
    pub rounds: usize,
    /// Seconds of each measurement.
    pub seconds: u32,
    /// HTTP connections, one measurement for each number.
    pub connections: Vec<u32>,
    /// An earlier build of Taskwell, to be measured in the same rounds.
    pub baseline: Option<PathBuf>,
}

impl Plan {
    /// From `ROUNDS`, `SECONDS` and `BASELINE`.
    pub fn from_environment() -> Result<Plan, String> {
        Ok(Plan {
            rounds: setting("ROUNDS", 5)?,
            seconds: setting("SECONDS", 4)?,
            connections: vec![64, 256],
            baseline: std::env::var_os("BASELINE").map(PathBuf::from),
        })
    }
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name}={text} is not a number")),
        Err(_) => Ok(default),
    }
}
