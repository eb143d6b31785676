//! The store as a whole: when a new epoch begins.

use std::path::Path;

use crate::clock::Clock;
use crate::db::{self, WriteTx};
use crate::epoch::Epoch;
use crate::error::Result;

/// How far each account's sequence moves on with a new epoch: numbers that were given out after the
/// backup was made are not given out again.
const JUMP: i64 = 1 << 20;

/// Replaces what the SQLite database at `to` holds by the backup `from`, in one transaction, while
/// it is being served; then a new epoch begins.
///
/// # Errors
/// `from` is damaged, is no database of Taskwell's or comes from a newer version; then `to` is
/// untouched.
pub fn restore(from: &Path, to: &Path, clock: &Clock) -> Result<()> {
    db::restore(from, to, clock, begin_epoch)
}

/// Begins a new epoch, after the store's content was replaced by an earlier one: a backup, a
/// point-in-time recovery, an asynchronous replica. Clients that follow changes then read
/// everything again, and no old version matches any more.
pub fn begin_epoch(tx: &mut WriteTx) -> Result<()> {
    let epoch = Epoch::from_random(tx.new_secret()?);
    tx.send("/* restored */ UPDATE store SET epoch = $1 WHERE id = 1", &[&epoch.stored()])?;
    tx.send("/* restored */ UPDATE users SET epoch = $1", &[&epoch.stored()])?;
    tx.send("/* restored */ UPDATE counters SET last = last + $1, floor = last + $1", &[&JUMP])
}
