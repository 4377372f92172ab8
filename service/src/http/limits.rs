//! What one process grants to its clients.

use std::time::Duration;

use crate::request::TrustedProxies;

/// Bounds of the accept loop; the defaults are those of production.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A head must be complete within this time; an idle connection is closed after it.
    pub header_read_timeout: Duration,
    /// A connection whose client takes nothing for this long is closed.
    pub write_timeout: Duration,
    /// Connections at a time.
    pub max_connections: usize,
    /// Connections at a time from one address; trusted proxies are not counted.
    pub max_connections_per_address: usize,
    /// The proxies in front of this process.
    pub trusted_proxies: TrustedProxies,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            max_connections: 16_384,
            max_connections_per_address: 1_024,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}
