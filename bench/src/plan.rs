//! The parameters of a benchmark run.

use std::path::PathBuf;

pub struct Plan {
    pub rounds: usize,
    /// Duration of each measurement, in seconds.
    pub seconds: u32,
    /// Numbers of HTTP connections. Each number is measured separately.
    pub connections: Vec<u32>,
    /// An earlier build of Taskwell to measure in the same rounds.
    pub baseline: Option<PathBuf>,
}

impl Plan {
    /// Reads `ROUNDS`, `SECONDS` and `BASELINE`.
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
