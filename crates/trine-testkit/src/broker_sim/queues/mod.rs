//! Queues in the crash simulation: a standard queue whose dead letters go to another, that other, a FIFO queue, one with priorities and limits, one that
//! syncs now and then, and one that is in memory only. Clients send, receive, acknowledge (also late, also messages that move), purge, change settings,
//! pause, move dead letters back, delete queues and make them again under the same name.
//!
//! * no message whose send was answered is lost: until it is acknowledged it is in one queue, and once: in its own, or in the dead-letter queue, or on its
//!   way from one to the other. It may be gone only by what somebody asked for: an acknowledgement, a purge, the end of its queue, the end of its time;
//! * nothing is invented, nothing comes back: not after an acknowledgement or purge that was answered, not in a later queue of the same name;
//! * body, id and number never change; a message that a move task brought back is a new one, with another id and no deliveries;
//! * receive counts never fall, not even by moving to the dead-letter queue, and no two deliveries have the same;
//! * one answer has its messages in order: higher priority first, then the lower number;
//! * FIFO: a message is delivered only when everything before it in its group is done or comes in the same answer before it;
//! * a repeated send with the same deduplication id is the message it was, before and after a crash;
//! * nothing is delivered while the queue is paused, before a delay of the message's own is over, or by a receive that began after its time was;
//! * settings are those that were answered last, or asked for since; a queue whose creation was answered exists, one whose deletion was does not;
//! * a receipt of a deleted queue does nothing to a later one of that name;
//! * move tasks outlive a crash; what they moved never falls and keeps to their rate; one that ended stays ended, one that was cancelled runs no more;
//! * `interval`: a kill loses nothing; a power cut may undo what was answered within the interval, and of that a suffix: what is there has everything before
//!   it. What was answered before that is as safe as anywhere;
//! * `memory`: after a restart of any kind the queue exists and is empty, and receipts from before it do nothing to what comes after.

mod check;
mod learn;
mod lossy;
mod made;
mod manage;
mod model;
mod moves;
mod ops;

pub(super) use model::Model;
pub(super) use ops::{Answer, What};

/// The queues by index.
pub(super) const NAMES: [&str; 6] = ["jobs", "orders", "dead", "lazy", "volatile", "ranked"];
/// Standard; what is delivered too often goes to [`DEAD`].
pub(super) const JOBS: usize = 0;
/// FIFO.
pub(super) const ORDERS: usize = 1;
/// Where dead letters go, and from where move tasks bring them back.
pub(super) const DEAD: usize = 2;
/// `durability = interval`.
pub(super) const LAZY: usize = 3;
/// `durability = memory`.
pub(super) const VOLATILE: usize = 4;
/// Priorities, times to live, and a limit of messages that comes and goes.
pub(super) const RANKED: usize = 5;

/// Whether messages go from one of these two queues to the other.
pub(super) const fn is_family(name: usize) -> bool {
    name == JOBS || name == DEAD
}
