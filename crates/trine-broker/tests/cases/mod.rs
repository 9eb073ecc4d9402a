//! What a broker must do over any store.

mod groups;
mod retention;
mod streams;
mod support;
mod topics;
