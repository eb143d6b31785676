//! Operations on the whole store: restoring it and beginning a new epoch.

use std::path::Path;

use crate::clock::Clock;
use crate::db::{self, WriteTx};
use crate::epoch::Epoch;
use crate::error::Result;

/// How far a new epoch advances each account's sequence, so that it does not repeat numbers that
/// were issued after the backup.
const JUMP: i64 = 1 << 20;

/// Replaces the contents of the SQLite database at `to` with the backup `from`, in one transaction,
/// while the database is being served. Then begins a new epoch.
///
/// # Errors
/// `from` is damaged, is not a Taskwell database or comes from a newer version. `to` is then
/// unchanged.
pub fn restore(from: &Path, to: &Path, clock: &Clock) -> Result<()> {
    db::restore(from, to, clock, begin_epoch)
}

/// Begins a new epoch. Required after the store returned to an earlier state: a backup, a
/// point-in-time recovery, an asynchronous replica. Clients that follow changes then read
/// everything again, and no old version matches any more.
pub fn begin_epoch(tx: &mut WriteTx) -> Result<()> {
    let epoch = Epoch::from_random(tx.new_secret()?);
    tx.send("/* restored */ UPDATE store SET epoch = $1 WHERE id = 1", &[&epoch.stored()])?;
    tx.send("/* restored */ UPDATE users SET epoch = $1", &[&epoch.stored()])?;
    tx.send("/* restored */ UPDATE counters SET last = last + $1, floor = last + $1", &[&JUMP])
}
