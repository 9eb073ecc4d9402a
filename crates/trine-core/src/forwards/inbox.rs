//! The target's side.

use std::collections::BTreeMap;

use trine_types::EntityId;

use super::{Receipt, TransferId, Verdict};
use crate::codec::{DecodeError, Reader, Writer};

/// What arrived from other entities: per source the epoch and the last number taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox(BTreeMap<EntityId, Lane>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lane {
    epoch: u32,
    last: u64,
    /// Nothing more of this epoch is taken.
    refused: bool,
}

/// What to do with a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It is the next one: take it (log the message together with [`InboxRecord::Taken`]) or refuse it (log [`InboxRecord::Refused`]).
    Next,
    /// Nothing to log; answer this.
    Answer(Receipt),
    /// One before it is missing, and it will come again in order; or its epoch is long over.
    Ignore,
}

/// A change of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxRecord {
    /// A transfer was taken.
    Taken {
        /// From whom.
        source: EntityId,
        /// Its epoch.
        epoch: u32,
        /// Its number.
        no: u64,
    },
    /// Nothing more of this epoch is taken: what the source takes back cannot arrive any more, whatever is still on the way.
    Refused {
        /// From whom.
        source: EntityId,
        /// The epoch.
        epoch: u32,
    },
}

const TAKEN: u8 = 1;
const REFUSED: u8 = 2;
const VERSION: u8 = 1;

fn entity(r: &mut Reader<'_>) -> Result<EntityId, DecodeError> {
    let bits = r.u64()?;
    EntityId::from_bits(bits).map_or_else(|| r.fail(), Ok)
}

impl InboxRecord {
    /// The record as bytes.
    pub fn encode(&self, w: &mut Writer) {
        match self {
            Self::Taken { source, epoch, no } => {
                w.u8(TAKEN);
                w.u64(source.to_bits());
                w.var(u64::from(*epoch));
                w.var(*no);
            }
            Self::Refused { source, epoch } => {
                w.u8(REFUSED);
                w.u64(source.to_bits());
                w.var(u64::from(*epoch));
            }
        }
    }

    /// Reads a record back.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            TAKEN => Self::Taken { source: entity(r)?, epoch: r.var_u32()?, no: r.var()? },
            REFUSED => Self::Refused { source: entity(r)?, epoch: r.var_u32()? },
            _ => return r.fail(),
        })
    }
}

impl Inbox {
    /// What to do with a transfer. An answer reads state that may not be durable yet and waits like every other (decision E5).
    #[must_use]
    pub fn decide(&self, id: &TransferId) -> Arrival {
        let lane = self.0.get(&id.source).copied().unwrap_or_default();
        let answer = |verdict| Arrival::Answer(Receipt { id: *id, verdict });
        if id.epoch < lane.epoch {
            // The source has left that epoch, durably, or it could not have sent from a later one: nobody waits for an answer.
            return Arrival::Ignore;
        }
        let last = if id.epoch == lane.epoch { lane.last } else { 0 };
        if id.no <= last {
            return answer(Verdict::Taken);
        }
        if id.epoch == lane.epoch && lane.refused {
            return answer(Verdict::Refused { from: last + 1 });
        }
        if id.no == last + 1 { Arrival::Next } else { Arrival::Ignore }
    }

    /// The record of taking the next transfer, to be logged in the same batch as the message itself.
    #[must_use]
    pub const fn taken(id: &TransferId) -> InboxRecord {
        InboxRecord::Taken { source: id.source, epoch: id.epoch, no: id.no }
    }

    /// The record of refusing the next transfer and everything behind it.
    #[must_use]
    pub const fn refused(id: &TransferId) -> InboxRecord {
        InboxRecord::Refused { source: id.source, epoch: id.epoch }
    }

    /// The receipt for the next transfer, after [`Inbox::taken`] or [`Inbox::refused`] was logged for it.
    #[must_use]
    pub const fn receipt(id: &TransferId, taken: bool) -> Receipt {
        let verdict = if taken { Verdict::Taken } else { Verdict::Refused { from: id.no } };
        Receipt { id: *id, verdict }
    }

    /// Applies a record in log order.
    pub fn apply(&mut self, record: &InboxRecord) {
        match *record {
            InboxRecord::Taken { source, epoch, no } => {
                self.0.insert(source, Lane { epoch, last: no, refused: false });
            }
            InboxRecord::Refused { source, epoch } => {
                let lane = self.0.entry(source).or_default();
                let last = if lane.epoch == epoch { lane.last } else { 0 };
                *lane = Lane { epoch, last, refused: true };
            }
        }
    }

    /// The state, for a checkpoint section.
    pub fn encode(&self, w: &mut Writer) {
        w.u8(VERSION);
        w.var(self.0.len() as u64);
        for (source, lane) in &self.0 {
            w.u64(source.to_bits());
            w.var(u64::from(lane.epoch));
            w.var(lane.last);
            w.u8(u8::from(lane.refused));
        }
    }

    /// The state back from [`Inbox::encode`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.u8()? != VERSION {
            return r.fail();
        }
        let mut lanes = BTreeMap::new();
        for _ in 0..r.count()? {
            let source = entity(r)?;
            lanes.insert(source, Lane { epoch: r.var_u32()?, last: r.var()?, refused: r.u8()? != 0 });
        }
        Ok(Self(lanes))
    }
}
