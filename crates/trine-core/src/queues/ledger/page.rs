//! What is exceptional among 4096 consecutive numbers of a lane.

use std::collections::BTreeMap;
use std::sync::Arc;

use trine_types::Timestamp;

use super::bits::Bits;
use crate::queues::MoveCause;

/// The exceptions of a page. A page of messages that were all never delivered holds nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Done.
    pub(super) done: Bits,
    /// Chosen by an index beside the ledger (groups), not by the cursor.
    pub(super) aside: Bits,
    /// Passed over by the cursor: everything that is done, aside, marked or later. Never becomes free again. Derived.
    pub(super) busy: Bits,
    /// Delivered at least once, or moving.
    pub(super) marks: BTreeMap<u16, Mark>,
    /// Never delivered, and not before that time.
    pub(super) later: BTreeMap<u16, Timestamp>,
}

/// What is known of a message that was delivered, or moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::queues) struct Mark {
    /// Where it is.
    pub(in crate::queues) state: MarkState,
    /// How often it was delivered; stays at its largest value.
    pub(in crate::queues) count: u16,
    /// Its size, so that what is in flight can be weighed.
    pub(in crate::queues) size: u32,
    /// The last delivery.
    pub(in crate::queues) received_at: Timestamp,
    /// The first delivery, if there was one.
    pub(in crate::queues) first_received_at: Option<Timestamp>,
    /// The push consumer of the last delivery, 0 for none.
    pub(in crate::queues) consumer: u64,
    /// Shown as who has it.
    pub(in crate::queues) holder: Option<Arc<str>>,
}

/// Where a marked message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::queues) enum MarkState {
    /// A consumer has it until then (and then it is available: nothing is logged), or as long as the consumer lives.
    InFlight(Option<Timestamp>),
    /// Available from then on.
    Back(Timestamp),
    /// On its way to another entity.
    Moving(MoveCause),
}

impl Page {
    pub(super) fn heap_bytes(&self) -> usize {
        // A B-tree holds its entries in nodes of 11, two thirds full as a rule.
        let marks = self.marks.len() * (2 + size_of::<Mark>()) * 3 / 2;
        let later = self.later.len() * (2 + size_of::<Timestamp>()) * 3 / 2;
        size_of::<Self>() + self.done.heap_bytes() + self.aside.heap_bytes() + self.busy.heap_bytes() + marks + later
    }
}
