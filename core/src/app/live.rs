//! Waiting for what happens to an account.

use super::App;
use crate::error::Result;
use crate::ids::UserId;
use crate::live::Subscription;

impl App {
    /// Waits for what happens to a user's account and tasks, on whatever instance. Each time it is
    /// woken, [`App::read`] says what that was, and whether the session still lives.
    ///
    /// # Errors
    /// Too many wait already.
    pub fn watch(&self, user: UserId) -> Result<Subscription> {
        self.0.db.live().watch(user)
    }

    /// Ends all waiting, now and later: the server stops.
    pub fn end_watches(&self) {
        self.0.db.live().close();
    }
}
