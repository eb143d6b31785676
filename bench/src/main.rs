//! `cargo run --release -p taskwell-bench`: Taskwell on both databases, a limit server and pgbench, one after the other in
//! each round, under the same load; medians, spread and ratios go into `bench/RESULTS.md`. With `limit PORT SECRET` it is the limit server.

#![expect(clippy::print_stdout, reason = "a tool at the terminal")]

mod limit;
mod load;
mod postgres;
mod report;
mod servers;

use std::path::Path;
use std::process::ExitCode;

use load::{Data, Operation, Sample};
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
    servers::build(here)?;
    let database = postgres::Database::start()?;
    let limit = servers::limit()?;
    let place = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).map(|()| path).map_err(|e| e.to_string())
    };
    let start = |name: &'static str, store: &str| -> Result<(Server, Data), String> {
        let folder = place(name)?;
        let server = servers::taskwell(name, &folder, store)?;
        let data = load::prepare(&server, &folder)?;
        Ok((server, data))
    };
    let sqlite = start("sqlite", "sqlite://taskwell.db")?;
    let postgres = start("postgres", &database.url("near"))?;
    let far = start("far", &database.url_far_away("far"))?;
    let mut samples: Vec<Sample> = Vec::new();
    let mut note = |round: usize, sample: Sample| {
        let Sample { server, operation, connections, per_second, .. } = &sample;
        println!("round {round}, {connections} connections, {operation:?} on {server}: {per_second:.0}/s");
        samples.push(sample);
    };
    for round in 1..=plan.rounds {
        for &connections in &plan.connections {
            for operation in Operation::ALL {
                let measure = |server: &Server, data: &Data| {
                    load::measure(here, server, operation, connections, plan.seconds, data)
                };
                note(round, measure(&limit, &sqlite.1)?);
                note(round, measure(&sqlite.0, &sqlite.1)?);
                note(round, measure(&postgres.0, &postgres.1)?);
                note(round, measure(&far.0, &far.1)?);
                if let Some(sample) = database.pgbench(here, operation, connections, plan.seconds)? {
                    note(round, sample);
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
