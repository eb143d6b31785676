//! Lanes: what may be slow without anybody else waiting for it.

/// Which reads wait for each other. A lane has connections or threads of its own, so that nobody
/// waits behind what is slow or locked in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Accounts and sessions: what must answer whatever happens to tasks.
    Accounts,
    /// Whether the store answers at all.
    Health,
    /// Single tasks, lists and changes.
    Tasks,
    /// What looks through much text.
    Search,
}
