//! What ends without a consumer: messages whose time is over, purges.

use trine_types::Timestamp;

use super::queue::{Groups, Queue, ms};
use super::{EXPIRE_SLICE, PurgeScope, QueueRecord, SettleReason};

impl Queue {
    /// Drops at most [`EXPIRE_SLICE`] messages whose retention or time to live is over, whoever has them; `None` when there are none. What moves is left
    /// alone until it is known where it is. Nothing logged changes.
    pub fn decide_expire(&mut self, now: Timestamp) -> Option<QueueRecord> {
        self.refresh(now);
        let ended = self.facts.ended(&self.ledger, ms(self.settings.retention_ms), now, EXPIRE_SLICE);
        if ended.is_empty() {
            return None;
        }
        let bytes = ended.iter().map(|(_, size)| u64::from(*size)).sum();
        let numbers = ended.into_iter().map(|(number, _)| number).collect();
        Some(QueueRecord::Settle { reason: SettleReason::Expired, numbers, bytes })
    }

    /// Empties the queue. Returns how many messages that takes away; no record when there is nothing to forget. Nothing logged changes.
    pub fn decide_purge(&mut self, now: Timestamp, scope: PurgeScope) -> (u64, Option<QueueRecord>) {
        self.refresh_all(now);
        let counts = self.ledger.counts();
        let gone = match scope {
            PurgeScope::All => counts.live - counts.moving,
            PurgeScope::Ready => {
                counts.live - counts.moving - counts.in_flight - counts.delayed - self.fifo_delayed(now)
            }
        };
        let remembers = scope == PurgeScope::All && self.dedup.len() > 0;
        (gone, (gone > 0 || remembers).then_some(QueueRecord::Purge { scope }))
    }

    /// How many messages of a FIFO queue wait for its delay to be over.
    pub(super) fn fifo_delayed(&self, now: Timestamp) -> u64 {
        if self.settings.delay_ms == 0 || !matches!(self.groups, Groups::Fifo(_)) {
            return 0;
        }
        self.facts.fresh_since(&self.ledger, 0, now.plus_ms(-ms(self.settings.delay_ms)))
    }
}
