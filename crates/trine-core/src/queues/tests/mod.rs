//! Rules of queues, with virtual time.

mod fair;
mod fifo;
mod forwards;
mod late;
mod limits;
mod memory;
mod model;
mod standard;
mod world;
