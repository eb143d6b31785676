//! `cargo run --release -p taskwell-bench` measures Taskwell on both databases, a limit server and
//! pgbench under the same load, one after the other in each round. It writes medians, spread and
//! ratios to `bench/RESULTS.md`. With the arguments `limit PORT SECRET`, it is the limit server.

#![expect(clippy::print_stdout, reason = "a command line tool prints its results")]

mod limit;
mod load;
mod plan;
mod postgres;
mod report;
mod servers;

use std::path::Path;
use std::process::ExitCode;

use load::{Data, Operation, Sample};
use plan::Plan;
use servers::Server;

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
    let plan = Plan::from_environment()?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    servers::require_wrk()?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    servers::build(here)?;
    let database = postgres::Database::start()?;
    let limit = servers::limit()?;
    let create_folder = |name: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir(&path).map(|()| path).map_err(|e| e.to_string())
    };
    let current = servers::sibling("taskwell")?;
    let start =
        |name: &'static str, program: &Path, store: &str| -> Result<(Server, Data), String> {
            let folder = create_folder(name)?;
            let server = servers::taskwell(name, program, &folder, store)?;
            let data = load::prepare(&server, &folder)?;
            Ok((server, data))
        };
    let sqlite = start("sqlite", &current, "sqlite://taskwell.db")?;
    let postgres = start("postgres", &current, &database.url("near"))?;
    let far = start("far", &current, &database.url_far_away("far"))?;
    let mut earlier = Vec::new();
    if let Some(program) = &plan.baseline {
        earlier.push(start(report::EARLIER_SQLITE, program, "sqlite://taskwell.db")?);
        earlier.push(start(report::EARLIER_POSTGRES, program, &database.url("earlier"))?);
    }
    let mut samples: Vec<Sample> = Vec::new();
    let mut record = |round: usize, sample: Sample| {
        let Sample { server, operation, connections, per_second, .. } = &sample;
        println!(
            "round {round}, {connections} connections, {operation:?} on {server}: {per_second:.0}/s"
        );
        samples.push(sample);
    };
    for round in 1..=plan.rounds {
        for &connections in &plan.connections {
            for operation in Operation::ALL {
                let measure = |server: &Server, data: &Data| {
                    load::measure(here, server, operation, connections, plan.seconds, data)
                };
                record(round, measure(&limit, &sqlite.1)?);
                record(round, measure(&sqlite.0, &sqlite.1)?);
                record(round, measure(&postgres.0, &postgres.1)?);
                record(round, measure(&far.0, &far.1)?);
                for (server, data) in &earlier {
                    record(round, measure(server, data)?);
                }
                if let Some(sample) =
                    database.pgbench(here, operation, connections, plan.seconds)?
                {
                    record(round, sample);
                }
            }
        }
    }
    let text = report::markdown(&plan, &samples);
    print!("{text}");
    std::fs::write(here.join("RESULTS.md"), text).map_err(|e| e.to_string())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
