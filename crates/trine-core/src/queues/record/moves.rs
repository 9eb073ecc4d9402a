//! Move tasks: everything that waits in a queue goes to another one, at a given rate.

use trine_types::{QueueName, Timestamp, Uuid};

use super::{MessageNumber, read_numbers, write_numbers};
use crate::codec::{DecodeError, Reader, Writer};

/// A move task, as it is known at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveTask {
    /// Names it for ever.
    pub id: Uuid,
    /// Where to.
    pub destination: MoveDestination,
    /// At most so many messages a second, `None` for any.
    pub rate: Option<u32>,
    /// At most so many messages.
    pub max: Option<u64>,
    /// Only these, ascending; empty for all.
    pub only: Vec<MessageNumber>,
    /// When it started.
    pub started_at: Timestamp,
    /// How many messages there were to move when it started.
    pub to_move: u64,
    /// Per lane the first offset that did not exist yet when it started: what came later stays.
    pub ends: Vec<u64>,
    /// How many messages were sent on their way.
    pub issued: u64,
    /// How many of them arrived.
    pub moved: u64,
    /// The next message may go at this time, microseconds of message time.
    pub next_at_us: i64,
    /// How it is doing.
    pub status: MoveStatus,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Box<str>>,
}

/// Where a move task moves messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveDestination {
    /// Each to the queue it came from.
    Origin,
    /// All to this one.
    Queue(QueueName),
}

/// How a move task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveStatus {
    /// It moves.
    Running,
    /// It was stopped, and some messages are still on their way.
    Cancelling,
    /// It was stopped.
    Cancelled,
    /// It has moved everything.
    Completed,
    /// It cannot go on.
    Failed,
}

/// A change of a queue's move tasks. Progress is not here: it follows from the messages' own records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveRecord {
    /// A task started.
    Started(Box<MoveTask>),
    /// The running task was asked to stop.
    Cancel,
    /// The running task ended.
    Ended {
        /// Completed, cancelled or failed.
        status: MoveStatus,
        /// Why it failed.
        failure: Option<Box<str>>,
    },
}

const STARTED: u8 = 1;
const CANCEL: u8 = 2;
const ENDED: u8 = 3;

impl MoveStatus {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Running => 1,
            Self::Cancelling => 2,
            Self::Cancelled => 3,
            Self::Completed => 4,
            Self::Failed => 5,
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            1 => Self::Running,
            2 => Self::Cancelling,
            3 => Self::Cancelled,
            4 => Self::Completed,
            5 => Self::Failed,
            _ => return r.fail(),
        })
    }
}

impl MoveRecord {
    pub(super) fn encode(&self, w: &mut Writer) {
        match self {
            Self::Started(task) => {
                w.u8(STARTED);
                write_task(w, task);
            }
            Self::Cancel => w.u8(CANCEL),
            Self::Ended { status, failure } => {
                w.u8(ENDED);
                w.u8(status.to_byte());
                write_text(w, failure.as_deref());
            }
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8()? {
            STARTED => Self::Started(Box::new(read_task(r)?)),
            CANCEL => Self::Cancel,
            ENDED => Self::Ended { status: MoveStatus::read(r)?, failure: read_text(r)? },
            _ => return r.fail(),
        })
    }
}

fn write_text(w: &mut Writer, text: Option<&str>) {
    w.u8(u8::from(text.is_some()));
    text.into_iter().for_each(|text| w.str(text));
}

fn read_text(r: &mut Reader<'_>) -> Result<Option<Box<str>>, DecodeError> {
    Ok(match r.u8()? {
        0 => None,
        1 => Some(r.str()?.into()),
        _ => return r.fail(),
    })
}

/// One more than the value, 0 for none.
fn write_option(w: &mut Writer, value: Option<u64>) {
    w.var(value.map_or(0, |value| value.saturating_add(1)));
}

pub(in crate::queues) fn write_task(w: &mut Writer, task: &MoveTask) {
    w.raw(&task.id.0);
    match &task.destination {
        MoveDestination::Origin => w.str(""),
        MoveDestination::Queue(name) => w.str(name.as_str()),
    }
    write_option(w, task.rate.map(u64::from));
    write_option(w, task.max);
    write_numbers(w, &task.only);
    w.i64(task.started_at.0);
    w.var(task.to_move);
    w.var(task.ends.len() as u64);
    task.ends.iter().for_each(|end| w.var(*end));
    w.var(task.issued);
    w.var(task.moved);
    w.i64(task.next_at_us);
    w.u8(task.status.to_byte());
    w.u8(u8::from(task.ended_at.is_some()));
    task.ended_at.into_iter().for_each(|at| w.i64(at.0));
    write_text(w, task.failure.as_deref());
}

pub(in crate::queues) fn read_task(r: &mut Reader<'_>) -> Result<MoveTask, DecodeError> {
    let id = r.uuid()?;
    let destination = match r.str()? {
        "" => MoveDestination::Origin,
        name => MoveDestination::Queue(QueueName::parse(name).or_else(|_| r.fail())?),
    };
    let rate = match r.var()?.checked_sub(1) {
        None => None,
        Some(rate) => Some(u32::try_from(rate).or_else(|_| r.fail())?),
    };
    let max = r.var()?.checked_sub(1);
    let only = read_numbers(r)?;
    let started_at = Timestamp(r.i64()?);
    let to_move = r.var()?;
    let mut ends = Vec::new();
    for _ in 0..r.count()? {
        ends.push(r.var()?);
    }
    Ok(MoveTask {
        id,
        destination,
        rate,
        max,
        only,
        started_at,
        to_move,
        ends,
        issued: r.var()?,
        moved: r.var()?,
        next_at_us: r.i64()?,
        status: MoveStatus::read(r)?,
        ended_at: match r.u8()? {
            0 => None,
            1 => Some(Timestamp(r.i64()?)),
            _ => return r.fail(),
        },
        failure: read_text(r)?,
    })
}
