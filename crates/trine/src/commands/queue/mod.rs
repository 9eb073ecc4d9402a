//! `trine queue …`.

mod create;
mod ls;
mod message;
mod pause;
mod peek;
mod purge;
mod receive;
mod redrive;
mod rm;
mod send;
mod set;
mod show;
mod stats;
mod worker;

use clap::Subcommand;
use serde_json::Value;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
};

pub(crate) use message::{body as body_json, bytes as body_bytes};

/// What can be done with queues.
#[derive(Subcommand)]
pub(crate) enum Queue {
    /// List queues.
    Ls(ls::Ls),
    /// Make a queue.
    Create(create::Create),
    /// Show settings and figures.
    Show(show::Show),
    /// Change settings: NAME KEY=VALUE …; KEY= goes back to the default.
    Set(set::Set),
    /// Delete queues with everything in them.
    Rm(rm::Rm),
    /// Drop every message, those in flight included.
    Purge(purge::Purge),
    /// Stop deliveries; sends go on.
    Pause(pause::Pause),
    /// Deliver again.
    Resume(pause::Resume),
    /// Put messages in.
    Send(send::Send),
    /// Take messages out, or work on them with --exec.
    Receive(receive::Receive),
    /// Look at messages without taking them.
    Peek(peek::Peek),
    /// Move dead letters back to where they came from, or elsewhere.
    Redrive(redrive::Redrive),
    /// How much waits, for how long, and how long it will take.
    Stats(stats::Stats),
}

impl Queue {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(global),
            Self::Create(create) => create.run(global),
            Self::Show(show) => show.run(global),
            Self::Set(set) => set.run(global),
            Self::Rm(rm) => rm.run(global),
            Self::Purge(purge) => purge.run(global),
            Self::Pause(pause) => pause.run(global),
            Self::Resume(resume) => resume.run(global),
            Self::Send(send) => send.run(global),
            Self::Receive(receive) => receive.run(global),
            Self::Peek(peek) => peek.run(global),
            Self::Redrive(redrive) => redrive.run(global),
            Self::Stats(stats) => stats.run(global),
        }
    }
}

/// The path of a queue, or of a verb on it.
fn path(name: &str, verb: &str) -> String {
    let name = segment(name);
    if verb.is_empty() { format!("/v1/queues/{name}") } else { format!("/v1/queues/{name}/{verb}") }
}

/// Does something to a queue.
fn post(client: &mut Client, name: &str, verb: &str, body: &Value) -> Result<Value, Failure> {
    client.send("POST", &path(name, verb), body)
}
