//! What the router needs besides the app.

use crate::client::Network;
use crate::cors::Cors;
use crate::ops::Readiness;

/// What the router needs besides the app.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub cors: Cors,
    pub readiness: Readiness,
    /// Where somebody who has found a hole writes to: a `mailto:` or `https:` URL.
    pub security_contact: Option<String>,
    /// Whose word about their clients counts.
    pub trusted_proxies: Vec<Network>,
}
