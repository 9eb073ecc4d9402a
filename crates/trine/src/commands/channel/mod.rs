//! `trine channel …`.

mod ls;
mod publish;
mod stats;
mod subscribe;

use clap::Subcommand;

use crate::{args::Global, client::segment, failure::Failure};

/// What can be done with channels.
#[derive(Subcommand)]
pub(crate) enum Channel {
    /// List channels that somebody is subscribed to.
    Ls(ls::Ls),
    /// Send a message to whoever is subscribed now.
    Pub(publish::Publish),
    /// Print messages as they come.
    Sub(subscribe::Subscribe),
    /// Channels, patterns, subscribers, messages, and who was cut off.
    Stats,
}

impl Channel {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(global),
            Self::Pub(publish) => publish.run(global),
            Self::Sub(subscribe) => subscribe.run(global),
            Self::Stats => stats::run(global),
        }
    }
}

/// The path of a verb on a channel.
fn path(name: &str, verb: &str) -> String {
    format!("/v1/channels/{}/{verb}", segment(name))
}
