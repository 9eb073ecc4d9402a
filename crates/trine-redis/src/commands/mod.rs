//! Commands, one file each (a directory for a container), the table that lists them and their dispatch.

mod command;
mod ctx;

pub(crate) use self::{
    command::{Command, Deferred, Finish, Flow, Handler},
    ctx::Ctx,
};
