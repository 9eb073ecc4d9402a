//! Rules of queues, with virtual time.

mod standard;
mod world;
