//! What moves from queue to queue, the arriving side, and what both sides share (decision E4). The machines in `trine-core` decide; this carries.
//!
//! ```text
//! source's shard                       a task                 target's shard
//!   Forward is durable ── places ──> reads the bodies ──> decides the arrivals, logs them
//!   settles what arrived <────────── receipts, once that is durable ──┘
//! ```
//!
//! Nobody waits for anybody: a parcel is a message to a mailbox that takes it always, and a source has one parcel per target on its way at a time, of a
//! bounded number of messages and bytes. Messages go the same way when both queues are in one shard, since their bodies have to be read where that may
//! take time, and meanwhile something must hold them: that is what a forward is.

use std::time::Duration;

use bytes::Bytes;
use trine_core::{
    forwards::{Receipt, TransferId, Verdict},
    queues::{Arriving, QueueRecord},
};
use trine_types::EntityId;

use super::{
    super::{Command, Shard},
    Kept,
    late::LateAckCommand,
    send::run,
};

/// A target that refused gets nothing for so long: until then messages stay where they are.
pub(super) const REFUSED_FOR: Duration = Duration::from_secs(5);

/// What is on its way from a queue to others. Session state: after a crash everything that still moves is sent again.
#[derive(Default)]
pub(super) struct Transit {
    /// Parcels that have not been answered.
    pub(super) under_way: u64,
    /// Something went missing: nothing is sent until it is time to try again.
    pub(super) waits: bool,
    /// Targets that refused lately, and until when (connection time).
    pub(super) refused: Vec<(EntityId, Duration)>,
    /// Acknowledgements that wait for their messages to arrive or to come back.
    pub(super) late: Vec<LateAckCommand>,
}

/// A message on its way.
pub(crate) struct Parcel {
    pub(crate) id: TransferId,
    pub(crate) arriving: Arriving,
    /// Its record, alone in a batch.
    pub(crate) batch: Bytes,
}

/// What a target's shard says about the parcels of one source.
pub(crate) struct Receipts {
    pub(crate) target: EntityId,
    /// How many parcels there were.
    pub(crate) sent: usize,
    /// What became of them; fewer when the rest should be sent again later.
    pub(crate) receipts: Vec<Receipt>,
}

impl Shard {
    /// Messages from another queue have arrived, all for one target, in order. `logged` says whether the source survives a crash.
    pub(crate) fn queue_arrive(&mut self, source: EntityId, target: EntityId, logged: bool, parcels: Vec<Parcel>) {
        let sent = parcels.len();
        let queue = self.queue_of(target).filter(|queue| !queue.is_deleted());
        let Some(queue) = queue.filter(|queue| self.queue_ready(queue)) else {
            // Its entity never comes back, so nothing needs to be remembered for this to stay true.
            let from = parcels.first().map_or(0, |parcel| parcel.id.no);
            let refused = |parcel: &Parcel| Receipt { id: parcel.id, verdict: Verdict::Refused { from } };
            let receipts = parcels.iter().map(refused).collect();
            self.queue_send_receipts(source, Receipts { target, sent, receipts });
            return;
        };
        if self.store.admit().is_err() {
            self.queue_send_receipts(source, Receipts { target, sent, receipts: Vec::new() });
            return;
        }
        let kept = self.queues.slots.get(&target).map(|slot| slot.kept);
        // Whoever forgets everything in a crash cannot take part in the numbering: the other side would wait for numbers that never come, or take new
        // messages for old ones. Within one process nothing arrives twice, and more than that such a queue does not promise.
        let numbered = logged && kept != Some(Kept::Memory);
        let mut receipts = Vec::new();
        for parcel in parcels {
            if self.failed {
                return;
            }
            receipts.extend(self.queue_arrival(target, parcel, numbered));
        }
        self.queue_answer(target, move |shard| {
            shard.queue_send_receipts(source, Receipts { target, sent, receipts });
        });
        drop(queue);
        self.queue_changed(target);
    }

    fn queue_arrival(&mut self, target: EntityId, parcel: Parcel, numbered: bool) -> Vec<Receipt> {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&target) else { return Vec::new() };
        let mut arrivals = match numbered {
            true => slot.state.decide_arrivals(now, &[(parcel.id, parcel.arriving)]),
            false => slot.state.decide_local_arrivals(now, &[parcel.arriving]),
        };
        for record in &arrivals.refusals {
            self.queue_record(target, record, None);
        }
        for (record, _) in &arrivals.enqueues {
            let QueueRecord::Enqueue(enqueue) = record else { continue };
            self.queue_record(target, record, Some(run(enqueue, parcel.batch.clone(), now)));
        }
        if let Some(drops) = &arrivals.drops {
            self.queue_record(target, drops, None);
        }
        if !numbered {
            let taken = arrivals.numbers.first().is_some_and(Option::is_some);
            let verdict = if taken { Verdict::Taken } else { Verdict::Refused { from: parcel.id.no } };
            arrivals.receipts = vec![Receipt { id: parcel.id, verdict }];
        }
        arrivals.receipts
    }

    fn queue_send_receipts(&self, source: EntityId, receipts: Receipts) {
        let shard = usize::from(self.shared.shard_of(source).0);
        self.shared.tell(shard, Command::Call(Box::new(move |shard| shard.queue_receipts(source, &receipts))));
    }
}
