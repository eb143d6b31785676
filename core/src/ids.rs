//! The integer ids of rows. Each kind has a type of its own, so ids of different kinds cannot be
//! confused.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// An account. Tasks, sessions and changes refer to it.
    UserId
    /// A task.
    TaskId
    /// A queued message.
    MailId
    /// An entry of the audit log.
    EntryId
}
