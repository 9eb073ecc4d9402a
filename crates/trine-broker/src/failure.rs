//! What can go wrong below every operation.

/// Why an operation was not done, or why nobody knows whether it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The disk is (nearly) full. Known not to be done; worth trying again (Kafka 56, HTTP 503).
    #[error("the disk is full: {free} bytes are free, {needed} are kept in reserve")]
    Full {
        /// Bytes the disk still has.
        free: u64,
        /// Bytes kept for commits, trims and deletes.
        needed: u64,
    },
    /// A bound was hit. Known not to be done; worth trying again.
    #[error("the limit {limit} of {value} is reached")]
    Busy {
        /// Name of the limit.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
    /// The server is stopping. Known not to be done.
    #[error("the server is stopping")]
    Stopping,
    /// The store failed after the operation was handed to it: it may or may not have happened. An edge answers neither success nor failure: it closes
    /// the connection (decision E17).
    #[error("the outcome is unknown because the server failed")]
    Unknown,
}

impl From<trine_storage::AppendError> for Failure {
    fn from(error: trine_storage::AppendError) -> Self {
        match error {
            trine_storage::AppendError::Full { free, needed } => Self::Full { free, needed },
            trine_storage::AppendError::Stopped(_) => Self::Unknown,
        }
    }
}
