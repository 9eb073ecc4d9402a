//! The messages of a queue that is never on disk.

use std::collections::BTreeMap;

use bytes::Bytes;
use trine_core::queues::{MessageNumber, Queue, QueueRecord};
use trine_storage::Run;

/// Batches dropped for want of messages that live in them are looked for once so many messages were settled since the last look.
const LOOK_AFTER: usize = 1024;

/// Record batches by lane and base offset.
#[derive(Default)]
pub(super) struct MemoryLog {
    batches: BTreeMap<(u8, u64), Held>,
    settled: usize,
}

struct Held {
    count: u32,
    batch: Bytes,
}

impl MemoryLog {
    pub(super) fn push(&mut self, lane: u8, run: Run) {
        // A record's offset is relative to the batch's base, which is 0 as it was built: what is read goes by the number instead.
        let mut batch = run.batch.to_vec();
        trine_records::set_base_offset(&mut batch, run.base);
        self.batches.insert((lane, run.base), Held { count: run.count, batch: batch.into() });
    }

    /// The batch that holds a message.
    pub(super) fn batch(&self, number: MessageNumber) -> Option<Bytes> {
        let lane = number.lane();
        let ((_, base), held) = self.batches.range((lane, 0)..=(lane, number.offset())).next_back()?;
        (number.offset() < base + u64::from(held.count)).then(|| held.batch.clone())
    }

    /// Drops what a record has made superfluous: at once what lies below all that lives, now and then what lies between.
    pub(super) fn after(&mut self, record: &QueueRecord, state: &Queue) {
        match record {
            QueueRecord::Settle { numbers, .. } => self.settled += numbers.len(),
            QueueRecord::ForwardEnd(_) => self.settled += 1,
            QueueRecord::Purge { .. } => self.settled = LOOK_AFTER,
            _ => return,
        }
        while let Some(((lane, base), held)) = self.batches.first_key_value() {
            if base + u64::from(held.count) > state.trim_point(*lane) {
                break;
            }
            self.batches.pop_first();
        }
        if self.settled >= LOOK_AFTER.max(self.batches.len() / 2) {
            self.settled = 0;
            self.batches
                .retain(|(lane, base), held| !state.live(*lane, *base..base + u64::from(held.count)).is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(base: u64, count: u32) -> Run {
        let mut builder = trine_records::BatchBuilder::new();
        for n in 0..count {
            builder.push(5, None, Some(&[n as u8]), &[]);
        }
        Run { base, count, max_ts: 5, leader_epoch: 0, batch: builder.build().unwrap() }
    }

    #[test]
    fn a_message_is_found_in_its_batch_and_lane() {
        let mut log = MemoryLog::default();
        log.push(0, run(0, 3));
        log.push(0, run(3, 1));
        log.push(2, run(0, 2));
        let base = |lane, offset| {
            let batch = log.batch(MessageNumber::new(lane, offset))?;
            Some(trine_records::BatchHeader::parse(&batch).unwrap().base_offset)
        };
        assert_eq!((base(0, 2), base(0, 3), base(0, 4)), (Some(0), Some(3), None));
        assert_eq!((base(1, 0), base(2, 1), base(2, 2)), (None, Some(0), None));
    }
}
