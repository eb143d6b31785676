//! Subscriptions to an account.

use super::App;
use crate::error::Result;
use crate::ids::UserId;
use crate::live::Subscription;

impl App {
    /// Subscribes to a user's account and tasks, for changes on any instance. After each wake-up,
    /// [`App::read`] says what changed, and whether the session is still valid.
    ///
    /// # Errors
    /// There are too many subscriptions, or the server is stopping.
    pub fn watch(&self, user: UserId) -> Result<Subscription> {
        self.0.db.live().watch(user)
    }

    /// Ends all subscriptions and rejects further ones, because the server is stopping.
    pub fn end_watches(&self) {
        self.0.db.live().close();
    }
}
