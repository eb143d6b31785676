//! The two SQL dialects and, for a test, the statements that ran in each.

/// The database that a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

#[cfg(feature = "record")]
pub(super) fn record(on: Dialect, sql: &str) {
    recorded().insert((on, sql.to_owned()));
}

#[cfg(not(feature = "record"))]
pub(super) fn record(_: Dialect, _: &str) {}

/// Returns all SQL statements that have run in this process, for the test that checks their plans.
#[cfg(feature = "record")]
pub fn recorded() -> std::sync::MutexGuard<'static, std::collections::BTreeSet<(Dialect, String)>> {
    static TEXTS: std::sync::Mutex<std::collections::BTreeSet<(Dialect, String)>> =
        std::sync::Mutex::new(std::collections::BTreeSet::new());
    TEXTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
