//! Rules of queues, with virtual time.

mod fair;
mod fifo;
mod forwards;
mod limits;
mod standard;
mod world;
