//! Ids of idempotent producers.

use crate::{Broker, Failure};

/// Ids of idempotent producers.
#[derive(Clone, Copy)]
pub struct Producers<'a> {
    pub(crate) broker: &'a Broker,
}

impl Producers<'_> {
    /// A producer id that was never handed out before and never will be again.
    pub async fn new_id(&self) -> Result<i64, Failure> {
        let _ = self.broker;
        crate::later()
    }
}
