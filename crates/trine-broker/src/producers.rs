//! Ids of idempotent producers.

use crate::{Broker, Failure};

/// Ids logged as used at a time, so that not every producer waits for the disk.
const PRODUCER_ID_BLOCK: u32 = 1000;

/// Ids of idempotent producers.
#[derive(Clone, Copy)]
pub struct Producers<'a> {
    pub(crate) broker: &'a Broker,
}

impl Producers<'_> {
    /// A producer id that was never handed out before and never will be again.
    pub async fn new_id(self) -> Result<i64, Failure> {
        let inner = &self.broker.inner;
        let mut block = inner.producer_ids.lock().await;
        if let Some(id) = block.next() {
            return Ok(id);
        }
        let first = inner.call_catalog(|shard, reply| shard.producer_ids(PRODUCER_ID_BLOCK, reply)).await??;
        *block = first..first + i64::from(PRODUCER_ID_BLOCK);
        block.next().ok_or(Failure::Unknown)
    }
}
