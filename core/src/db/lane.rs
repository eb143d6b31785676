//! Lanes keep slow reads from delaying others.

/// A group of reads that may wait for each other. A lane has its own connections or threads, so
/// that no read waits for a slow or blocked one in another lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Accounts and sessions, which must respond regardless of the load on tasks.
    Accounts,
    /// Checks whether the store responds at all.
    Health,
    /// Single tasks, lists and changes.
    Tasks,
    /// Searches, which scan much text.
    Search,
}
