//! What a broker must do over any store.

mod bounds;
mod groups;
pub(crate) mod queues;
mod retention;
mod streams;
pub(crate) mod support;
mod topics;
