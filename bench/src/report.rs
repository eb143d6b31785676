//! What was measured, as a table: medians over the rounds, spread, and ratios within each round.

use std::fmt::Write as _;

use crate::Plan;
use crate::load::{Operation, Sample};

/// What we mean to reach, as a share of the limit.
fn mark(operation: Operation) -> f64 {
    match operation {
        Operation::GetOne => 0.65,
        Operation::List20 => 0.45,
        Operation::Update | Operation::Create => 0.40,
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

pub fn markdown(plan: &Plan, samples: &[Sample]) -> String {
    let mut out = String::from(
        "# Results\n\nMade by `cargo run --release -p taskwell-bench`: Taskwell on SQLite beside a limit server of the same stack \
         (axum, the token verified, a canned task serialised, no store), under wrk on the same machine. Taskwell checks \
         the session in the store on each request, and syncs each write to the disk before it answers. Its log \
         line per request is off, as the limit server writes none. Read the ratios: they are taken within each round.\n\n",
    );
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = writeln!(
        out,
        "{} rounds of {} s, {cores} cores, {} {}.\n",
        plan.rounds,
        plan.seconds,
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    out.push_str("| operation | connections | limit/s | Taskwell/s | ratio (min–max) | mark | server CPU per request, limit → Taskwell |\n");
    out.push_str("|---|---|---|---|---|---|---|\n");
    for &connections in &plan.connections {
        for operation in Operation::ALL {
            let of = |server: &str| -> Vec<&Sample> {
                let same = |s: &&Sample| {
                    s.server == server && s.operation == operation && s.connections == connections
                };
                samples.iter().filter(same).collect()
            };
            let (limit, ours) = (of("limit"), of("taskwell"));
            let ratios: Vec<f64> =
                limit.iter().zip(&ours).map(|(l, o)| o.per_second / l.per_second).collect();
            let rate = |s: &[&Sample]| median(s.iter().map(|s| s.per_second));
            let cpu = |s: &[&Sample]| median(s.iter().map(|s| s.cpu_us));
            let _ = writeln!(
                out,
                "| {} | {connections} | {:.0} | {:.0} | **{:.2}** ({:.2}–{:.2}) | {:.2} | {:.1} → {:.1} µs |",
                title(operation),
                rate(&limit),
                rate(&ours),
                median(ratios.iter().copied()),
                ratios.iter().copied().fold(f64::INFINITY, f64::min),
                ratios.iter().copied().fold(0.0, f64::max),
                mark(operation),
                cpu(&limit),
                cpu(&ours)
            );
        }
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
