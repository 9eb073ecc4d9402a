//! Commands, one file each (a directory for a container), the table that lists them and their dispatch.

mod command;
mod ctx;
mod discard;
mod dispatch;
mod exec;
mod multi;
mod psubscribe;
mod publish;
mod pubsub;
mod punsubscribe;
mod spublish;
mod ssubscribe;
mod subscribe;
mod sunsubscribe;
mod table;
mod unsubscribe;
mod unwatch;
mod watch;

pub(crate) use self::{
    command::{Command, Deferred, Finish, Flow, Handler},
    ctx::Ctx,
    dispatch::dispatch,
};
