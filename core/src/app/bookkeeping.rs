//! What is written beside requests: when sessions and tokens were last used. It neither delays nor
//! fails a response.

use super::App;
use crate::bearer::{self, Stale};

impl App {
    /// Stores the last use later. If that fails, a later request tries again.
    pub(super) fn touch_later(&self, stale: Stale) {
        if self.0.touches.begin(stale, self.0.clock.now()) {
            self.0.db.write_later(move |tx| bearer::touch(tx, stale));
        }
    }
}
