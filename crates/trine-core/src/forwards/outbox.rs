//! The source's side.

use std::collections::BTreeMap;

use trine_types::EntityId;

use super::{Receipt, TransferId, Verdict};
use crate::codec::{DecodeError, Reader, Writer};

/// What still moves from one entity to others.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    lanes: BTreeMap<EntityId, Lane>,
    /// Session state: up to which number each lane was sent by this process. Starts empty, so that everything is sent again after a crash.
    sent: BTreeMap<EntityId, (u32, u64)>,
}

/// Only logged state counts.
impl PartialEq for Outbox {
    fn eq(&self, other: &Self) -> bool {
        self.lanes == other.lanes
    }
}

/// Everything that moves to one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lane {
    epoch: u32,
    /// The last number given out in this epoch.
    last: u64,
    /// Number → the source's own number of the message.
    moving: BTreeMap<u64, u64>,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moving {
    /// Its transfer.
    pub id: TransferId,
    /// The source's own number of the message.
    pub seq: u64,
}

/// A change of an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxRecord {
    /// A message moves.
    Forward {
        /// The source's own number of the message.
        seq: u64,
        /// Where it goes.
        target: EntityId,
        /// The lane's epoch.
        epoch: u32,
        /// Its number in the epoch.
        no: u64,
    },
    /// The target has it: the message is gone from here.
    Settled {
        /// Where it went.
        target: EntityId,
        /// Its number.
        no: u64,
    },
    /// The target refused: what it did not take is back, what it took is gone.
    EpochEnded {
        /// Which target.
        target: EntityId,
        /// The epoch that is over.
        epoch: u32,
        /// The first number that was not taken.
        from: u64,
    },
}

const FORWARD: u8 = 1;
const SETTLED: u8 = 2;
const EPOCH_ENDED: u8 = 3;
const VERSION: u8 = 1;

fn entity(r: &mut Reader<'_>) -> Result<EntityId, DecodeError> {
    let bits = r.u64()?;
    EntityId::from_bits(bits).map_or_else(|| r.fail(), Ok)
}

impl OutboxRecord {
    /// The record as bytes.
    pub fn encode(&self, w: &mut Writer) {
        match self {
            Self::Forward { seq, target, epoch, no } => {
                w.u8(FORWARD);
                w.var(*seq);
                w.u64(target.to_bits());
                w.var(u64::from(*epoch));
                w.var(*no);
            }
            Self::Settled { target, no } => {
                w.u8(SETTLED);
                w.u64(target.to_bits());
                w.var(*no);
            }
            Self::EpochEnded { target, epoch, from } => {
                w.u8(EPOCH_ENDED);
                w.u64(target.to_bits());
                w.var(u64::from(*epoch));
                w.var(*from);
            }
        }
    }

    /// Reads a record back.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            FORWARD => Self::Forward { seq: r.var()?, target: entity(r)?, epoch: r.var_u32()?, no: r.var()? },
            SETTLED => Self::Settled { target: entity(r)?, no: r.var()? },
            EPOCH_ENDED => Self::EpochEnded { target: entity(r)?, epoch: r.var_u32()?, from: r.var()? },
            _ => return r.fail(),
        })
    }
}

impl Outbox {
    /// A message is to move. The caller has made sure that it does not move yet.
    #[must_use]
    pub fn decide_forward(&self, seq: u64, target: EntityId) -> OutboxRecord {
        let (epoch, last) = self.lanes.get(&target).map_or((1, 0), |lane| (lane.epoch, lane.last));
        OutboxRecord::Forward { seq, target, epoch, no: last + 1 }
    }

    /// What a receipt changes; `None` when it was known already or is about an epoch that is over.
    #[must_use]
    pub fn decide_receipt(&self, receipt: &Receipt) -> Option<OutboxRecord> {
        let TransferId { target, epoch, no, .. } = receipt.id;
        let lane = self.lanes.get(&target).filter(|lane| lane.epoch == epoch)?;
        lane.moving.get(&no)?;
        Some(match receipt.verdict {
            Verdict::Taken => OutboxRecord::Settled { target, no },
            Verdict::Refused { from } => OutboxRecord::EpochEnded { target, epoch, from },
        })
    }

    /// Applies a record in log order. Returns the source's numbers of messages that it made available again.
    pub fn apply(&mut self, record: &OutboxRecord) -> Vec<u64> {
        match *record {
            OutboxRecord::Forward { seq, target, epoch, no } => {
                let lane = self.lanes.entry(target).or_default();
                lane.epoch = epoch;
                lane.last = no;
                lane.moving.insert(no, seq);
                Vec::new()
            }
            OutboxRecord::Settled { target, no } => {
                if let Some(lane) = self.lanes.get_mut(&target) {
                    lane.moving.remove(&no);
                }
                Vec::new()
            }
            OutboxRecord::EpochEnded { target, epoch, from } => {
                let Some(lane) = self.lanes.get_mut(&target) else { return Vec::new() };
                lane.epoch = epoch.saturating_add(1);
                lane.last = 0;
                std::mem::take(&mut lane.moving).split_off(&from).into_values().collect()
            }
        }
    }

    /// What `source`, who has this outbox, has to send, in order per target. Only what is durable may be sent: nobody else may see what a crash can undo.
    pub fn unsent(&self, source: EntityId) -> impl Iterator<Item = Moving> {
        self.lanes.iter().flat_map(move |(target, lane)| {
            let sent = self.sent.get(target).filter(|(epoch, _)| *epoch == lane.epoch).map_or(0, |(_, no)| *no);
            lane.moving.range(sent + 1..).map(move |(no, seq)| {
                let id = TransferId { source, target: *target, epoch: lane.epoch, no: *no };
                Moving { id, seq: *seq }
            })
        })
    }

    /// A transfer was put into the target's mailbox.
    pub fn mark_sent(&mut self, id: &TransferId) {
        self.sent.insert(id.target, (id.epoch, id.no));
    }

    /// Something was lost on the way, or nobody knows: what still moves is sent again.
    pub fn send_again(&mut self) {
        self.sent.clear();
    }

    /// What moves to a target: (number in its epoch, the source's own number), ascending.
    pub fn moving_to(&self, target: EntityId) -> impl Iterator<Item = (u64, u64)> {
        self.lanes.get(&target).into_iter().flat_map(|lane| lane.moving.iter().map(|(no, seq)| (*no, *seq)))
    }

    /// Everywhere anything ever moved to.
    pub fn targets(&self) -> impl Iterator<Item = EntityId> {
        self.lanes.keys().copied()
    }

    /// How many messages move.
    #[must_use]
    pub fn moving(&self) -> usize {
        self.lanes.values().map(|lane| lane.moving.len()).sum()
    }

    /// The state, for a checkpoint section.
    pub fn encode(&self, w: &mut Writer) {
        w.u8(VERSION);
        w.var(self.lanes.len() as u64);
        for (target, lane) in &self.lanes {
            w.u64(target.to_bits());
            w.var(u64::from(lane.epoch));
            w.var(lane.last);
            w.var(lane.moving.len() as u64);
            for (no, seq) in &lane.moving {
                w.var(*no);
                w.var(*seq);
            }
        }
    }

    /// The state back from [`Outbox::encode`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.u8()? != VERSION {
            return r.fail();
        }
        let mut lanes = BTreeMap::new();
        for _ in 0..r.count()? {
            let target = entity(r)?;
            let (epoch, last) = (r.var_u32()?, r.var()?);
            let mut moving = BTreeMap::new();
            for _ in 0..r.count()? {
                moving.insert(r.var()?, r.var()?);
            }
            lanes.insert(target, Lane { epoch, last, moving });
        }
        Ok(Self { lanes, sent: BTreeMap::new() })
    }
}
