//! Messages put into a lane (decision E9). The messages themselves are the operation's run.

use trine_types::{EntityId, Offset, Timestamp, Uuid};

use super::{read_entity, unzigzag, zigzag};
use crate::codec::{DecodeError, Reader, Writer};
use crate::forwards::InboxRecord;

/// Most messages of one enqueue, and so records of its batch.
pub const ENQUEUE_MESSAGES_MAX: usize = 1024;

/// Messages put into one lane, with consecutive offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueue {
    /// The lane.
    pub lane: u8,
    /// Offset of the first message in the lane's log: base offset of the run.
    pub first: Offset,
    /// What the queue has to know of each.
    pub messages: Vec<EnqueuedMessage>,
    /// The transfer that brought the last of them, when another entity sent them (decision E4).
    pub taken: Option<InboxRecord>,
}

/// What a queue knows of a message without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnqueuedMessage {
    /// Bytes that count against limits.
    pub size: u32,
    /// When it was sent; a message that was moved to a standard queue keeps the time of its first send.
    pub sent_at: Timestamp,
    /// Not available before so long after `sent_at`. On a FIFO queue always `None`: its delay is the queue's.
    pub delay_ms: Option<u64>,
    /// Dropped at this time, if retention has not dropped it before.
    pub expires_at: Option<Timestamp>,
    /// Hash of its group, 0 for none.
    pub group: u64,
    /// Hash of its deduplication id and scope, 0 for none.
    pub dedup: u128,
    /// What it brought along from another queue.
    pub moved: Option<Box<MovedFrom>>,
}

/// What a message brings along when it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovedFrom {
    /// The id that it keeps.
    pub message_id: Uuid,
    /// How often it was delivered so far.
    pub receive_count: u16,
    /// When it was delivered first.
    pub first_received_at: Option<Timestamp>,
    /// Where it was before.
    pub origin: Option<Origin>,
}

/// Where a message was before it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The entity.
    pub entity: EntityId,
    /// Its number there.
    pub seq: u64,
}

// Bits of a message's flags byte; on disk for ever.
const FLAG_DELAY: u8 = 1;
const FLAG_EXPIRES: u8 = 2;
const FLAG_GROUP: u8 = 4;
const FLAG_DEDUP: u8 = 8;
const FLAG_MOVED: u8 = 16;
const FLAGS: u8 = 31;

// Bits of a moved message's flags byte; on disk for ever.
const MOVED_RECEIVED: u8 = 1;
const MOVED_ORIGIN: u8 = 2;

impl Enqueue {
    pub(super) fn encode(&self, w: &mut Writer) {
        w.u8(self.lane);
        w.var(self.first);
        w.u8(u8::from(self.taken.is_some()));
        if let Some(taken) = &self.taken {
            taken.encode(w);
        }
        w.var(self.messages.len() as u64);
        let mut before = 0;
        for message in &self.messages {
            let flag = |on: bool, bit: u8| if on { bit } else { 0 };
            w.u8(flag(message.delay_ms.is_some(), FLAG_DELAY)
                | flag(message.expires_at.is_some(), FLAG_EXPIRES)
                | flag(message.group != 0, FLAG_GROUP)
                | flag(message.dedup != 0, FLAG_DEDUP)
                | flag(message.moved.is_some(), FLAG_MOVED));
            w.var(u64::from(message.size));
            w.var(zigzag(message.sent_at.0.wrapping_sub(before)));
            before = message.sent_at.0;
            message.delay_ms.into_iter().for_each(|ms| w.var(ms));
            message.expires_at.into_iter().for_each(|at| w.i64(at.0));
            if message.group != 0 {
                w.u64(message.group);
            }
            if message.dedup != 0 {
                w.raw(&message.dedup.to_le_bytes());
            }
            if let Some(moved) = &message.moved {
                moved.encode(w);
            }
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (lane, first) = (r.u8()?, r.var()?);
        let taken = match r.u8()? {
            0 => None,
            1 => Some(InboxRecord::decode(r)?),
            _ => return r.fail(),
        };
        let n = r.count()?;
        if n > ENQUEUE_MESSAGES_MAX {
            return r.fail();
        }
        let (mut messages, mut before) = (Vec::new(), 0_i64);
        for _ in 0..n {
            let flags = r.u8()?;
            if flags & !FLAGS != 0 {
                return r.fail();
            }
            let is = |bit: u8| flags & bit != 0;
            let size = r.var_u32()?;
            before = before.wrapping_add(unzigzag(r.var()?));
            messages.push(EnqueuedMessage {
                size,
                sent_at: Timestamp(before),
                delay_ms: if is(FLAG_DELAY) { Some(r.var()?) } else { None },
                expires_at: if is(FLAG_EXPIRES) { Some(Timestamp(r.i64()?)) } else { None },
                group: if is(FLAG_GROUP) { r.u64()? } else { 0 },
                dedup: if is(FLAG_DEDUP) { u128::from_le_bytes(r.uuid()?.0) } else { 0 },
                moved: if is(FLAG_MOVED) { Some(Box::new(MovedFrom::decode(r)?)) } else { None },
            });
        }
        Ok(Self { lane, first, messages, taken })
    }
}

impl MovedFrom {
    pub(in crate::queues) fn encode(&self, w: &mut Writer) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        w.u8(flag(self.first_received_at.is_some(), MOVED_RECEIVED) | flag(self.origin.is_some(), MOVED_ORIGIN));
        w.raw(&self.message_id.0);
        w.var(u64::from(self.receive_count));
        self.first_received_at.into_iter().for_each(|at| w.i64(at.0));
        if let Some(origin) = self.origin {
            w.u64(origin.entity.to_bits());
            w.var(origin.seq);
        }
    }

    pub(in crate::queues) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = r.u8()?;
        if flags & !(MOVED_RECEIVED | MOVED_ORIGIN) != 0 {
            return r.fail();
        }
        let message_id = r.uuid()?;
        let count = r.var()?;
        Ok(Self {
            message_id,
            receive_count: u16::try_from(count).or_else(|_| r.fail())?,
            first_received_at: if flags & MOVED_RECEIVED != 0 { Some(Timestamp(r.i64()?)) } else { None },
            origin: if flags & MOVED_ORIGIN != 0 {
                Some(Origin { entity: read_entity(r)?, seq: r.var()? })
            } else {
                None
            },
        })
    }
}
