//! Commands, one file each (a directory for a container), the table that lists them and their dispatch.

mod acl;
mod auth;
pub(crate) mod category;
mod client;
mod cluster;
mod command;
mod command_family;
mod config;
mod ctx;
mod debug;
mod discard;
mod dispatch;
mod echo;
mod exec;
pub(crate) mod flag;
mod flush;
mod function;
mod hello;
mod help;
mod info;
mod keyspace;
mod lastsave;
mod latency;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod multi;
mod ping;
mod psubscribe;
mod publish;
mod pubsub;
mod punsubscribe;
mod quit;
mod reset;
mod role;
mod script;
mod select;
mod shutdown;
mod slowlog;
mod spublish;
mod ssubscribe;
mod subscribe;
mod sunsubscribe;
pub(crate) mod table;
mod time;
mod unsubscribe;
mod unwatch;
mod wait;
mod watch;

pub(crate) use self::{
    command::{Command, Deferred, Flow},
    config::Overrides,
    ctx::Ctx,
    dispatch::dispatch,
};

/// The answer to options that make no sense.
const SYNTAX_ERROR: &str = "ERR syntax error";
/// The answer to something else than a number.
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
