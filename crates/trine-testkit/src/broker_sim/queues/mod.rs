//! Queues in the crash simulation: a standard queue whose dead letters go to another, that other, and a FIFO queue.
//!
//! * no message whose send was answered is lost: until it is acknowledged it is in its queue or in the dead-letter queue, in one of them;
//! * nothing is invented and nothing is there twice; body, id and number never change;
//! * no delivery after an answered acknowledgement;
//! * receive counts never fall, not even by moving to the dead-letter queue, and no two deliveries have the same;
//! * FIFO: a message is delivered only when everything before it in its group is done or comes in the same answer before it;
//! * a repeated send with the same deduplication id is the message it was, before and after a crash.

mod check;
mod model;
mod ops;

pub(super) use model::Model;
pub(super) use ops::{Answer, What};

/// The queues by index.
pub(super) const NAMES: [&str; 3] = ["jobs", "orders", "dead"];
/// Standard; what is delivered too often goes to [`DEAD`].
pub(super) const JOBS: usize = 0;
/// FIFO.
pub(super) const ORDERS: usize = 1;
/// Where dead letters go.
pub(super) const DEAD: usize = 2;
