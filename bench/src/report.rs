//! What was measured, as tables: medians over the rounds, spread, and ratios within each round.

use std::fmt::Write as _;

use crate::load::{Operation, Sample};
use crate::plan::Plan;

/// What the samples of an earlier build are called.
pub const EARLIER_SQLITE: &str = "earlier on SQLite";
pub const EARLIER_POSTGRES: &str = "earlier on PostgreSQL";

/// The database connections of one instance: the setting's default.
const POOL: f64 = 20.0;

/// What we mean to reach on SQLite, as a share of the limit.
fn mark(operation: Operation) -> f64 {
    match operation {
        Operation::GetOne => 0.65,
        Operation::List20 => 0.45,
        Operation::Update | Operation::Create => 0.40,
    }
}

/// What we mean to reach on PostgreSQL: of the limit, and of pgbench.
fn marks_on_postgres(operation: Operation) -> (&'static str, &'static str) {
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

    /// `**0.81** (0.80–0.86)`, round by round.
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
        "# Results\n\nMade by `cargo run --release -p taskwell-bench`: Taskwell beside a limit \
         server of the same stack (axum, the token verified, a canned task serialised, no store), \
         under wrk on the same machine. Taskwell checks the session in the store on each request, \
         and syncs each write to the disk before it answers. Its log line per request is off, as \
         the limit server writes none. Read the ratios: they are taken within each round.\n\n{} \
         rounds of {} s, {cores} cores, {os} {arch}.\n",
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
        "\n## SQLite\n\n| operation | connections | limit/s | Taskwell/s | ratio (min–max) | mark \
         | server CPU per request, limit → Taskwell |\n|---|---|---|---|---|---|---|\n",
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
            mark(cell.operation),
            cell.cpu_us("limit"),
            cell.cpu_us("sqlite"),
        );
    }
    out
}

fn on_postgres(cells: &[Cell]) -> String {
    let mut out = String::from(
        "\n## PostgreSQL\n\nOn the same machine and cores, every commit synced. pgbench runs the \
         statements of the same request (`bench/pgbench`), prepared, on 16 connections over the \
         same socket, without HTTP.\n\n| operation | connections | Taskwell/s | of the limit \
         (min–max) | mark | pgbench/s | of pgbench (min–max) | mark \
         |\n|---|---|---|---|---|---|---|---|\n",
    );
    for cell in cells {
        let (of_limit, of_pgbench) = marks_on_postgres(cell.operation);
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
        "\n## PostgreSQL, 2 ms away\n\nThe same with 1 ms put in between, in each direction, as \
         where the database is a managed service. Reads share two of the twenty database \
         connections, each write has one for its time.\n\n| operation | connections | Taskwell/s | \
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
        "\n## Against an earlier build\n\nRequests per second of this build, as a share of those \
         of the build that `BASELINE` names, in the same rounds (min–max).\n\n| operation | \
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
