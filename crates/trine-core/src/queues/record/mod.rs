//! The records of a queue: the only thing that changes its logged state.

mod enqueue;
mod moves;
mod numbers;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use trine_types::{EntityId, Timestamp, Uuid};

pub use enqueue::{ENQUEUE_MESSAGES_MAX, Enqueue, EnqueuedMessage, MovedFrom, Origin};
pub use moves::{MoveDestination, MoveRecord, MoveStatus, MoveTask};
pub(super) use moves::{read_task, write_task};
pub(super) use numbers::{read_numbers, unzigzag, write_numbers, zigzag};

use super::{MessageNumber, QueueSettings};
use crate::codec::{DecodeError, Reader, Writer};
use crate::forwards::{InboxRecord, OutboxRecord};
use crate::ops;

/// Version byte of every queue record. A reader refuses versions it does not know.
const VERSION: u8 = 1;

/// One change of a queue's logged state; [`QueueRecord::encode`] gives the operation that carries it. An enqueue belongs to the entity of its lane, beside
/// the run with the messages themselves; everything else to the entity of lane 0, which is the queue's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueRecord {
    /// The queue's copy of what the catalogue says about it.
    Meta {
        /// The queue's id.
        id: Uuid,
        /// Version of the settings in the catalogue: recovery compares it.
        version: u64,
        /// The settings.
        settings: Arc<QueueSettings>,
    },
    /// Messages were put into a lane.
    Enqueue(Enqueue),
    /// Messages were taken.
    Deliver(Deliver),
    /// Messages are done.
    Settle {
        /// Why.
        reason: SettleReason,
        /// Which.
        numbers: Vec<MessageNumber>,
        /// Their bytes.
        bytes: u64,
    },
    /// Deliveries were given back, or are held until another time.
    Release {
        /// Which of the two.
        kind: ReleaseKind,
        /// Which messages, and when they become available.
        entries: Vec<(MessageNumber, Timestamp)>,
    },
    /// Everything that a push consumer holds is back.
    ReleaseConsumer {
        /// The consumer.
        consumer: u64,
    },
    /// Messages are on their way to another entity.
    Forward(Forward),
    /// What moved to a target has arrived there, or was refused by it.
    ForwardEnd(OutboxRecord),
    /// This queue refused what was to move here.
    ForwardRefused(InboxRecord),
    /// The queue was emptied.
    Purge {
        /// Of what.
        scope: PurgeScope,
    },
    /// A move task started, went on or ended.
    Move(MoveRecord),
}

/// Messages were taken by a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliver {
    /// The push consumer; 0 for a receive, which belongs to nobody.
    pub consumer: u64,
    /// Shown as who holds them.
    pub holder: Arc<str>,
    /// When they become available again; `None`: when their consumer is gone.
    pub deadline: Option<Timestamp>,
    /// Which messages. Each was delivered once more.
    pub numbers: Vec<MessageNumber>,
    /// Their bytes.
    pub bytes: u64,
}

/// Messages are on their way to one target: the first has number `first_no` there, and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where to.
    pub target: EntityId,
    /// Epoch of the outbox's lane.
    pub epoch: u32,
    /// Number of the first one.
    pub first_no: u64,
    /// Why.
    pub cause: MoveCause,
    /// Which messages.
    pub numbers: Vec<MessageNumber>,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a message moves to another queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveCause {
    /// It was delivered too often.
    DeadLetter,
    /// A move task moves it.
    Task,
}

/// Why messages are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettleReason {
    /// Acknowledged by a consumer.
    Acked,
    /// Retention or time to live is over.
    Expired,
    /// Dropped to make room.
    Overflow,
    /// Moved to a queue of the same shard group in the same batch.
    Moved(MoveCause),
}

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseKind {
    /// It ends; the message is available from then on.
    Returned,
    /// It goes on until then.
    Extended,
}

/// What is purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeScope {
    /// Everything that does not move, in flight and delayed as well, and the memory of deduplication.
    All,
    /// What could be received at that time.
    Ready,
}

const ACKED: u8 = 1;
const EXPIRED: u8 = 2;
const OVERFLOW: u8 = 3;
const MOVED_DEAD: u8 = 4;
const MOVED_TASK: u8 = 5;

const RETURNED: u8 = 1;
const EXTENDED: u8 = 2;

const PURGE_ALL: u8 = 1;
const PURGE_READY: u8 = 2;

impl MoveCause {
    pub(super) const fn to_byte(self) -> u8 {
        match self {
            Self::DeadLetter => 1,
            Self::Task => 2,
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            1 => Self::DeadLetter,
            2 => Self::Task,
            _ => return r.fail(),
        })
    }
}

impl QueueRecord {
    /// The lane whose entity the operation names.
    #[must_use]
    pub const fn lane(&self) -> u8 {
        match self {
            Self::Enqueue(enqueue) => enqueue.lane,
            _ => 0,
        }
    }

    /// The operation number and its own fields. The record batch of an enqueue goes beside them as the operation's run.
    #[must_use]
    pub fn encode(&self) -> (u16, Bytes) {
        let mut w = Writer::new();
        w.u8(VERSION);
        let kind = match self {
            Self::Meta { id, version, settings } => {
                w.raw(&id.0);
                w.var(*version);
                settings.encode(&mut w);
                ops::QUEUE_META
            }
            Self::Enqueue(enqueue) => {
                enqueue.encode(&mut w);
                ops::ENQUEUE
            }
            Self::Deliver(deliver) => {
                w.var(deliver.consumer);
                w.str(&deliver.holder);
                w.u8(u8::from(deliver.deadline.is_some()));
                deliver.deadline.into_iter().for_each(|at| w.i64(at.0));
                write_numbers(&mut w, &deliver.numbers);
                w.var(deliver.bytes);
                ops::DELIVER
            }
            Self::Settle { reason, numbers, bytes } => {
                w.u8(match reason {
                    SettleReason::Acked => ACKED,
                    SettleReason::Expired => EXPIRED,
                    SettleReason::Overflow => OVERFLOW,
                    SettleReason::Moved(MoveCause::DeadLetter) => MOVED_DEAD,
                    SettleReason::Moved(MoveCause::Task) => MOVED_TASK,
                });
                write_numbers(&mut w, numbers);
                w.var(*bytes);
                ops::SETTLE
            }
            Self::Release { kind, entries } => {
                w.u8(match kind {
                    ReleaseKind::Returned => RETURNED,
                    ReleaseKind::Extended => EXTENDED,
                });
                w.var(entries.len() as u64);
                for (number, at) in entries {
                    w.u64(number.to_bits());
                    w.i64(at.0);
                }
                ops::RELEASE
            }
            Self::ReleaseConsumer { consumer } => {
                w.var(*consumer);
                ops::RELEASE_CONSUMER
            }
            Self::Forward(forward) => {
                w.u64(forward.target.to_bits());
                w.var(u64::from(forward.epoch));
                w.var(forward.first_no);
                w.u8(forward.cause.to_byte());
                write_numbers(&mut w, &forward.numbers);
                w.var(forward.bytes);
                ops::FORWARD
            }
            Self::ForwardEnd(record) => {
                record.encode(&mut w);
                ops::FORWARD_END
            }
            Self::ForwardRefused(record) => {
                record.encode(&mut w);
                ops::FORWARD_REFUSED
            }
            Self::Purge { scope } => {
                w.u8(match scope {
                    PurgeScope::All => PURGE_ALL,
                    PurgeScope::Ready => PURGE_READY,
                });
                ops::PURGE
            }
            Self::Move(record) => {
                record.encode(&mut w);
                ops::MOVE_TASK
            }
        };
        (kind, w.finish())
    }

    /// Whether operations of this kind are a queue's.
    #[must_use]
    pub const fn is_kind(kind: u16) -> bool {
        matches!(
            kind,
            ops::ENQUEUE
                | ops::DELIVER
                | ops::SETTLE
                | ops::RELEASE
                | ops::FORWARD
                | ops::PURGE
                | ops::RELEASE_CONSUMER
                | ops::QUEUE_META
                | ops::MOVE_TASK
                | ops::FORWARD_END
                | ops::FORWARD_REFUSED
        )
    }

    /// Reads a record back; an error when the bytes are damaged or of a newer version. Needs no message: sizes and times are in the record.
    pub fn decode(kind: u16, meta: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(meta, "a queue record");
        if r.u8()? != VERSION {
            return r.fail();
        }
        let record = match kind {
            ops::QUEUE_META => {
                let (id, version) = (r.uuid()?, r.var()?);
                Self::Meta { id, version, settings: Arc::new(QueueSettings::decode(&mut r)?) }
            }
            ops::ENQUEUE => Self::Enqueue(Enqueue::decode(&mut r)?),
            ops::DELIVER => Self::Deliver(Deliver {
                consumer: r.var()?,
                holder: r.str()?.into(),
                deadline: match r.u8()? {
                    0 => None,
                    1 => Some(Timestamp(r.i64()?)),
                    _ => return r.fail(),
                },
                numbers: read_numbers(&mut r)?,
                bytes: r.var()?,
            }),
            ops::SETTLE => {
                let reason = match r.u8()? {
                    ACKED => SettleReason::Acked,
                    EXPIRED => SettleReason::Expired,
                    OVERFLOW => SettleReason::Overflow,
                    MOVED_DEAD => SettleReason::Moved(MoveCause::DeadLetter),
                    MOVED_TASK => SettleReason::Moved(MoveCause::Task),
                    _ => return r.fail(),
                };
                Self::Settle { reason, numbers: read_numbers(&mut r)?, bytes: r.var()? }
            }
            ops::RELEASE => {
                let kind = match r.u8()? {
                    RETURNED => ReleaseKind::Returned,
                    EXTENDED => ReleaseKind::Extended,
                    _ => return r.fail(),
                };
                let mut entries = Vec::new();
                for _ in 0..r.count()? {
                    entries.push((MessageNumber::from_bits(r.u64()?), Timestamp(r.i64()?)));
                }
                Self::Release { kind, entries }
            }
            ops::RELEASE_CONSUMER => Self::ReleaseConsumer { consumer: r.var()? },
            ops::FORWARD => Self::Forward(Forward {
                target: read_entity(&mut r)?,
                epoch: r.var_u32()?,
                first_no: r.var()?,
                cause: MoveCause::read(&mut r)?,
                numbers: read_numbers(&mut r)?,
                bytes: r.var()?,
            }),
            ops::FORWARD_END => Self::ForwardEnd(OutboxRecord::decode(&mut r)?),
            ops::FORWARD_REFUSED => Self::ForwardRefused(InboxRecord::decode(&mut r)?),
            ops::PURGE => Self::Purge {
                scope: match r.u8()? {
                    PURGE_ALL => PurgeScope::All,
                    PURGE_READY => PurgeScope::Ready,
                    _ => return r.fail(),
                },
            },
            ops::MOVE_TASK => Self::Move(MoveRecord::decode(&mut r)?),
            _ => return r.fail(),
        };
        r.end()?;
        Ok(record)
    }
}

pub(super) fn read_entity(r: &mut Reader<'_>) -> Result<EntityId, DecodeError> {
    let bits = r.u64()?;
    EntityId::from_bits(bits).map_or_else(|| r.fail(), Ok)
}
