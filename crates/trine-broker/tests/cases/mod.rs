//! What a broker must do over any store.

mod bounds;
mod groups;
mod queues;
mod retention;
mod streams;
pub(crate) mod support;
mod topics;
