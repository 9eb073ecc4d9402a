//! Pure machines: what messages mean, without I/O. `decide` reads the state and changes nothing; `apply` is the only thing that changes it, so that
//! recovery is `apply` over the log and nothing else (law 2). Time, randomness and settings are arguments of `decide`; `apply` sees records only.

pub mod catalog;
pub mod codec;
pub mod forwards;
pub mod groups;
pub mod ops;
pub mod pubsub;
pub mod queues;
pub mod streams;
