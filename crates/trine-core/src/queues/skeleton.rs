//! The machine.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use trine_types::{EntityId, Offset, Timestamp, Uuid};

use super::{
    Arrivals, Arriving, Departing, Handle, Handled, MessageFacts, MessageNumber, MessageState, MoveCause, MoveRefusal,
    MoveStatus, MoveStep, MoveTask, Peek, PeekPage, PurgeScope, QueueRecord, QueueSettings, QueueStats, Receive,
    Received, Send, SendMessage, StartMove,
};
use crate::codec::{DecodeError, Writer};
use crate::forwards::{Outbox, Receipt, TransferId};

/// A queue.
#[derive(Debug, Default)]
pub struct Queue {
    settings: Arc<QueueSettings>,
    outbox: Outbox,
}

/// A queue as it was at one moment, to be encoded in slices.
#[derive(Debug)]
pub struct FrozenQueue;

impl FrozenQueue {
    /// Encodes a part of at least one byte and about `bytes`; false when everything was encoded.
    pub fn encode_slice(&mut self, _w: &mut Writer, _bytes: usize) -> bool {
        false
    }
}

#[expect(unused_variables, reason = "bodies follow")]
#[expect(missing_docs, reason = "bodies follow")]
impl Queue {
    /// A queue that knows nothing yet: its first record says id and settings.
    pub fn new() -> Self {
        Self::default()
    }
    pub fn id(&self) -> Uuid {
        Uuid::NIL
    }
    pub fn settings(&self) -> &Arc<QueueSettings> {
        &self.settings
    }
    /// Version of the settings in the catalogue; 0 before the first.
    pub fn meta_version(&self) -> u64 {
        0
    }
    /// `None` when it has them.
    pub fn decide_meta(&self, id: Uuid, version: u64, settings: &Arc<QueueSettings>) -> Option<QueueRecord> {
        None
    }
    pub fn apply(&mut self, record: &QueueRecord, at: Timestamp) {}

    pub fn decide_send(&mut self, now: Timestamp, messages: &[SendMessage]) -> Send {
        Send::default()
    }
    pub fn decide_receive(&mut self, now: Timestamp, receive: &Receive) -> Received {
        Received::default()
    }
    /// Whether a receive would find something (taken, dead or expired).
    pub fn has_work(&mut self, now: Timestamp) -> bool {
        false
    }
    pub fn decide_ack(&mut self, now: Timestamp, handles: &[Handle]) -> Handled {
        Handled::default()
    }
    /// Held for so long from now on; 0 gives it back.
    pub fn decide_extend(&mut self, now: Timestamp, handles: &[(Handle, u64)]) -> Handled {
        Handled::default()
    }
    pub fn decide_release(&mut self, now: Timestamp, handles: &[Handle], delay_ms: u64) -> Handled {
        Handled::default()
    }
    pub fn decide_release_consumer(&self, consumer: u64) -> Option<QueueRecord> {
        None
    }
    /// Push consumers that hold something.
    pub fn consumers(&self) -> Vec<u64> {
        Vec::new()
    }
    pub fn decide_purge(&mut self, now: Timestamp, scope: PurgeScope) -> (u64, Option<QueueRecord>) {
        (0, None)
    }
    /// Drops at most [`super::EXPIRE_SLICE`] messages whose time is over.
    pub fn decide_expire(&mut self, now: Timestamp) -> Option<QueueRecord> {
        None
    }

    pub fn decide_forward(&self, target: EntityId, numbers: &[MessageNumber], cause: MoveCause) -> Option<QueueRecord> {
        None
    }
    /// Same shard: goes into one batch with the target's enqueue.
    pub fn decide_moved(&self, numbers: &[MessageNumber], cause: MoveCause) -> Option<QueueRecord> {
        None
    }
    pub fn decide_receipt(&self, receipt: &Receipt) -> Option<QueueRecord> {
        None
    }
    pub fn unsent(&self, me: EntityId) -> impl Iterator<Item = Departing> {
        std::iter::empty()
    }
    pub fn mark_sent(&mut self, id: &TransferId) {}
    pub fn send_again(&mut self) {}
    pub fn decide_arrivals(&mut self, now: Timestamp, messages: &[(TransferId, Arriving)]) -> Arrivals {
        Arrivals::default()
    }
    /// Same shard, without a transfer: goes into one batch with the source's [`Queue::decide_moved`].
    pub fn decide_local_arrivals(&mut self, now: Timestamp, messages: &[Arriving]) -> Arrivals {
        Arrivals::default()
    }

    pub fn decide_start_move(&mut self, now: Timestamp, start: StartMove) -> Result<QueueRecord, MoveRefusal> {
        Err(MoveRefusal::NotRunning)
    }
    pub fn decide_cancel_move(&self, id: Uuid) -> Result<QueueRecord, MoveRefusal> {
        Err(MoveRefusal::NotRunning)
    }
    pub fn decide_end_move(&self, status: MoveStatus, failure: Option<&str>) -> Option<QueueRecord> {
        None
    }
    pub fn decide_move_step(&mut self, now: Timestamp) -> MoveStep {
        MoveStep::default()
    }
    /// Newest first.
    pub fn move_tasks(&self) -> Vec<MoveTask> {
        Vec::new()
    }

    /// When something becomes due next, after `now`: never early.
    pub fn next_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        None
    }
    pub fn stats(&mut self, now: Timestamp) -> QueueStats {
        QueueStats::default()
    }
    pub fn forget_totals(&mut self) {}
    pub fn peek(&mut self, now: Timestamp, peek: &Peek) -> PeekPage {
        PeekPage::default()
    }
    pub fn state(&mut self, now: Timestamp, number: MessageNumber) -> Option<MessageState> {
        None
    }
    pub fn facts(&self, number: MessageNumber) -> Option<MessageFacts> {
        None
    }
    pub fn message_id(&self, number: MessageNumber) -> Uuid {
        Uuid::NIL
    }
    /// The part of `range` of a lane's log that is still needed.
    pub fn live(&self, lane: u8, range: Range<Offset>) -> Vec<Range<Offset>> {
        Vec::new()
    }
    /// Everything of the lane's log below is done.
    pub fn trim_point(&self, lane: u8) -> Offset {
        0
    }
    pub fn end(&self, lane: u8) -> Offset {
        0
    }

    pub fn freeze(&self) -> FrozenQueue {
        FrozenQueue
    }
    pub fn decode_section(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::default())
    }
    /// All slices at once.
    pub fn encode_section(&self) -> Bytes {
        Bytes::new()
    }
}
