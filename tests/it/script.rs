//! On PostgreSQL, a use case is replayed as answers arrive. Its statements and its outcome must not
//! depend on how many statements travel together. In the test build, the driver also replays each
//! use case of every other test from its recorded answers and compares.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use taskwell_core::clock::Clock;
use taskwell_core::db::{Db, Owned, Trace, Transaction};
use taskwell_core::error::Error;
use taskwell_core::settings::Settings;
use taskwell_core::time::Timestamp;
use uuid::Uuid;

use crate::support::{Taskwell, on_each_database};
use crate::{rights, statements};

const START: Timestamp = Timestamp::from_micros(1_900_000_000_000_000);

/// Returns a transaction without its random parts: ids, secrets and salts. They are numbered, so
/// that equal ones stay equal.
fn without_randomness(transaction: Transaction) -> Transaction {
    let mut numbers = BTreeMap::new();
    let mut number = |value: String| {
        let next = numbers.len();
        Owned::Text(format!("random {}", numbers.entry(value).or_insert(next)))
    };
    let mut fixed = |param| match param {
        Owned::Bytes(_) | Owned::Uuid(_) => number(format!("{param:?}")),
        Owned::Text(text) if text.starts_with("$2b$") => number(text),
        // A stored outcome names ids.
        Owned::Text(text) if text.starts_with('{') => {
            let pieces = text.split('"').map(|piece| match Uuid::parse_str(piece) {
                Ok(_) => format!("{:?}", number(piece.to_owned())),
                Err(_) => piece.to_owned(),
            });
            Owned::Text(pieces.collect::<Vec<_>>().join("\""))
        }
        other => other,
    };
    let statements = transaction.statements.into_iter();
    let statements = statements
        .map(|(sql, params)| (sql, params.into_iter().map(&mut fixed).collect()))
        .collect();
    Transaction { statements, error: transaction.error }
}

/// Returns how often each transaction ran. Background writes run at any time, so the order is not
/// compared.
fn counted(trace: &Trace) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for transaction in trace.take() {
        *counted.entry(format!("{:#?}", without_randomness(transaction))).or_default() += 1;
    }
    counted
}

/// Runs `walk` with each statement in a round of its own, and with as many as possible in one.
async fn compare<F: Future<Output = ()>>(walk: impl Fn(Taskwell) -> F) {
    let mut runs = Vec::new();
    for one_by_one in [true, false] {
        let trace = Trace::new(one_by_one);
        walk(Taskwell::traced(&trace, Clock::stopped_at(START)).await).await;
        runs.push(counted(&trace));
    }
    let (all_at_once, one_by_one) = (runs.pop().unwrap(), runs.pop().unwrap());
    assert!(one_by_one.len() > 100, "{}", one_by_one.len());
    for (transaction, count) in &one_by_one {
        assert_eq!(all_at_once.get(transaction), Some(count), "{transaction}");
    }
    for (transaction, count) in &all_at_once {
        assert_eq!(one_by_one.get(transaction), Some(count), "{transaction}");
    }
}

#[tokio::test]
async fn the_workout_runs_the_same_statements_one_by_one_and_all_at_once() {
    compare(|t| async move { statements::work_out(&t).await }).await;
}

#[tokio::test]
async fn every_operation_runs_the_same_statements_one_by_one_and_all_at_once() {
    compare(rights::ask_as_everybody).await;
}

#[tokio::test]
async fn a_use_case_that_depends_on_its_batches_fails_in_the_test_build() {
    for one_by_one in [true, false] {
        let t = Taskwell::traced(&Trace::new(one_by_one), Clock::default()).await;
        let runs = Arc::new(AtomicI64::new(0));
        let outcome = t
            .operator
            .write(move |tx| {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                tx.one::<i64>("/* test */ SELECT COUNT(*) FROM users", &[])?;
                tx.one::<i64>("/* test */ SELECT COUNT(*) FROM tasks", &[])?;
                tx.send("/* test */ DELETE FROM tasks WHERE id = $1", &[&run])
            })
            .await;
        let Err(Error::Internal(cause)) = outcome else { panic!("{outcome:?}") };
        assert!(cause.contains("depends on how its statements are batched"), "{cause}");
    }
}

#[on_each_database]
async fn a_read_cannot_write(t: Taskwell) {
    t.user("ada").await;
    let (db, _) = Db::open(&t.place, &Settings::default(), &t.clock).unwrap();
    for text in [
        "/* test */ UPDATE users SET name = 'x' WHERE id = 1 RETURNING id",
        "/* test */ DELETE FROM users WHERE id = 1 RETURNING id",
    ] {
        let outcome = db.read(move |tx| tx.find::<i64>(text, &[])).await;
        assert!(matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
    }
    let kept = t.rows("SELECT COUNT(*) FROM users WHERE name IS NULL").await;
    assert_eq!(kept, [[Some("1".to_owned())]]);
}
