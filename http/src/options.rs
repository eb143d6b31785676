//! Options of the router.

use crate::client::Network;
use crate::cors::Cors;
use crate::ops::Readiness;

/// Options of the router.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub cors: Cors,
    pub readiness: Readiness,
    /// Where to report vulnerabilities: a `mailto:` or `https:` URL.
    pub security_contact: Option<String>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
}
