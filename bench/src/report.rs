//! The report: tables with medians over the rounds, the spread, and ratios within each round.

use std::fmt::Write as _;

use crate::load::{Operation, Sample};
use crate::plan::Plan;

/// Server names of an earlier build.
pub const EARLIER_SQLITE: &str = "earlier on SQLite";
pub const EARLIER_POSTGRES: &str = "earlier on PostgreSQL";

/// Database connections of one instance: the default of `DATABASE_POOL_MAX`.
const POOL: f64 = 20.0;

/// The target on SQLite, as a share of the limit server's throughput.
fn target(operation: Operation) -> f64 {
    match operation {
        Operation::GetOne => 0.65,
        Operation::List20 => 0.45,
        Operation::Update | Operation::Create => 0.40,
    }
}

/// The targets on PostgreSQL: as a share of the limit server's and of pgbench's throughput.
fn targets_on_postgres(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::GetOne => ("0.35", "0.60"),
        Operation::Create => ("", "0.80"),
        Operation::List20 | Operation::Update => ("", ""),
    }
}

fn title(operation: Operation) -> &'static str {
    match operation {
        Operation::GetOne => "GET one task",
        Operation::List20 => "GET a list of 20",
        Operation::Create => "POST a task",
        Operation::Update => "PUT a task",
    }
}

/// All samples of one operation at one number of connections.
struct Cell<'s> {
    operation: Operation,
    connections: u32,
    samples: Vec<&'s Sample>,
}

impl<'s> Cell<'s> {
    fn of(&self, server: &str) -> impl Iterator<Item = &'s Sample> {
        self.samples.iter().copied().filter(move |sample| sample.server == server)
    }

    fn rate(&self, server: &str) -> f64 {
        median(self.of(server).map(|sample| sample.per_second))
    }

    fn cpu_us(&self, server: &str) -> f64 {
        median(self.of(server).map(|sample| sample.cpu_us))
    }

    /// The median and the range of the ratios in each round, such as `**0.81** (0.80–0.86)`.
    fn ratio(&self, ours: &str, theirs: &str) -> String {
        let pairs = self.of(ours).zip(self.of(theirs));
        let ratios: Vec<f64> =
            pairs.map(|(ours, theirs)| ours.per_second / theirs.per_second).collect();
        if ratios.is_empty() {
            return String::new();
        }
        let (low, high) =
            ratios.iter().fold((f64::MAX, 0.0_f64), |(low, high), r| (low.min(*r), high.max(*r)));
        format!("**{:.2}** ({low:.2}–{high:.2})", median(ratios.iter().copied()))
    }
}

pub fn markdown(plan: &Plan, samples: &[Sample]) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut out = format!(
        "# Results\n\n`cargo run --release -p taskwell-bench` wrote this file. It compares \
         Taskwell with a limit server of the same stack, which verifies the token and serializes a \
         fixed task, but has no store. wrk sends the requests from the same machine. Taskwell \
         checks the session in the store on each request, and syncs each write to the disk before \
         it responds. Neither server logs requests. Compare the ratios, which are taken within \
         each round.\n\n{} rounds of {} s, {cores} cores, {os} {arch}.\n",
        plan.rounds, plan.seconds
    );
    let cells: Vec<Cell> = plan
        .connections
        .iter()
        .flat_map(|&connections| Operation::ALL.map(|operation| (connections, operation)))
        .map(|(connections, operation)| {
            let same = |s: &&Sample| s.operation == operation && s.connections == connections;
            Cell { operation, connections, samples: samples.iter().filter(same).collect() }
        })
        .collect();
    out.push_str(&on_sqlite(&cells));
    out.push_str(&on_postgres(&cells));
    out.push_str(&far_away(&cells));
    if plan.baseline.is_some() {
        out.push_str(&against_earlier(&cells));
    }
    out
}

fn on_sqlite(cells: &[Cell]) -> String {
    let mut out = String::from(
        "\n## SQLite\n\n| operation | connections | limit/s | Taskwell/s | ratio (min–max) | \
         target | server CPU per request, limit → Taskwell |\n|---|---|---|---|---|---|---|\n",
    );
    for cell in cells {
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {:.0} | {} | {:.2} | {:.1} → {:.1} µs |",
            title(cell.operation),
            cell.connections,
            cell.rate("limit"),
            cell.rate("sqlite"),
            cell.ratio("sqlite", "limit"),
            target(cell.operation),
            cell.cpu_us("limit"),
            cell.cpu_us("sqlite"),
        );
    }
    out
}

fn on_postgres(cells: &[Cell]) -> String {
    let mut out = String::from(
        "\n## PostgreSQL\n\nPostgreSQL runs on the same machine and cores and syncs every commit. \
         pgbench runs the statements of the same request (`bench/pgbench`) as prepared statements, \
         on 16 connections over the same socket, without HTTP.\n\n| operation | connections | \
         Taskwell/s | of the limit (min–max) | target | pgbench/s | of pgbench (min–max) | target \
         |\n|---|---|---|---|---|---|---|---|\n",
    );
    for cell in cells {
        let (of_limit, of_pgbench) = targets_on_postgres(cell.operation);
        let pgbench = match cell.rate("pgbench") {
            rate if rate.is_nan() => String::new(),
            rate => format!("{rate:.0}"),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {} | {of_limit} | {pgbench} | {} | {of_pgbench} |",
            title(cell.operation),
            cell.connections,
            cell.rate("postgres"),
            cell.ratio("postgres", "limit"),
            cell.ratio("postgres", "pgbench"),
        );
    }
    out
}

fn far_away(cells: &[Cell]) -> String {
    let mut out = String::from(
        "\n## PostgreSQL, 2 ms away\n\nA delay of 1 ms in each direction simulates a managed \
         database. Reads share two of the twenty database connections. Each write uses one of the \
         others.\n\n| operation | connections | Taskwell/s | \
         per HTTP connection | per database connection |\n|---|---|---|---|---|\n",
    );
    for cell in cells {
        let rate = cell.rate("far");
        let used = match cell.operation {
            Operation::GetOne | Operation::List20 => 2.0,
            Operation::Update | Operation::Create => POOL - 2.0,
        };
        let _ = writeln!(
            out,
            "| {} | {} | {rate:.0} | {:.0} | {:.0} |",
            title(cell.operation),
            cell.connections,
            rate / f64::from(cell.connections),
            rate / used,
        );
    }
    out
}

fn against_earlier(cells: &[Cell]) -> String {
    let mut out = String::from(
        "\n## Against an earlier build\n\nRequests per second of this build, relative to the \
         build that `BASELINE` names, in the same rounds (min–max).\n\n| operation | \
         connections | SQLite | PostgreSQL |\n|---|---|---|---|\n",
    );
    for cell in cells {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            title(cell.operation),
            cell.connections,
            cell.ratio("sqlite", EARLIER_SQLITE),
            cell.ratio("postgres", EARLIER_POSTGRES),
        );
    }
    out
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
