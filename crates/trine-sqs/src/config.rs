//! Settings of the edge.

use std::time::Duration;

/// Settings of the edge. The service's own limits are not among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SqsConfig {
    /// How long after a purge of a queue another one is refused; zero: never.
    pub purge_interval: Duration,
    /// How long after a queue was deleted its name is refused, at most 60 s; zero: never.
    pub delete_cooldown: Duration,
}

/// The service's own wait after purging and deleting.
pub(crate) const SERVICE_INTERVAL: Duration = Duration::from_secs(60);

impl Default for SqsConfig {
    /// Purges as at the service, names free at once.
    fn default() -> Self {
        Self { purge_interval: SERVICE_INTERVAL, delete_cooldown: Duration::ZERO }
    }
}
