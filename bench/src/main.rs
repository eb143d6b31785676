//! `cargo run --release -p taskwell-bench`: Taskwell and a limit server, one after the other in each round, under the same
//! load; medians, spread and ratios go into `bench/RESULTS.md`. With `limit PORT SECRET` it is the limit server.

#![expect(clippy::print_stdout, reason = "a tool at the terminal")]

mod limit;
mod load;
mod report;
mod servers;

use std::path::Path;
use std::process::ExitCode;

use load::{Operation, Sample};
use servers::Server;

/// What is measured, and how long; environment variables of the same names change it.
pub struct Plan {
    pub rounds: usize,
    pub seconds: u32,
    pub connections: Vec<u32>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "limit", port, secret] => limit::run(port, secret),
        [_] => run(),
        _ => Err("usage: taskwell-bench".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("taskwell-bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let plan =
        Plan { rounds: setting("ROUNDS", 5)?, seconds: setting("SECONDS", 4)?, connections: vec![64, 256] };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    servers::require_wrk()?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let taskwell = servers::taskwell(here, folder.path())?;
    let limit = servers::limit()?;
    let data = load::prepare(&taskwell, folder.path())?;
    let mut samples: Vec<Sample> = Vec::new();
    for round in 1..=plan.rounds {
        for &connections in &plan.connections {
            for operation in Operation::ALL {
                for server in [&limit, &taskwell] {
                    let sample = load::measure(here, server, operation, connections, plan.seconds, &data)?;
                    println!(
                        "round {round}, {connections} connections, {operation:?} on {}: {:.0}/s",
                        server.name, sample.per_second
                    );
                    samples.push(sample);
                }
            }
        }
    }
    let text = report::markdown(&plan, &samples);
    print!("{text}");
    std::fs::write(here.join("RESULTS.md"), text).map_err(|e| e.to_string())
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> Result<T, String> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name}={text} is no number")),
        Err(_) => Ok(default),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
