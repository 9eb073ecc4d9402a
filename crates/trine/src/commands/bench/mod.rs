//! `trine bench …`: load, and what the machine could do without a server.

mod channel;
mod pin;
mod queue;
mod scale;
mod server;
mod topic;

use clap::Subcommand;

use crate::failure::Failure;

/// What to load.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Durable produce over record sizes and connections, beside a bare TCP echo and a bare group-commit loop; then reading.
    Topic(topic::Topic),
    /// Real-time fan-out, beside a bare loop of sends; other servers with the same load.
    Channel(channel::Channel),
    /// Send, receive and delete over the SQS protocol, beside a bare loop of HTTP and group commit; other servers with the same load.
    Queue(queue::Queue),
    /// Many partitions and many connections: time and memory.
    Scale(scale::Scale),
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Topic(topic) => topic.run(),
            Self::Channel(channel) => channel.run(),
            Self::Queue(queue) => queue.run(),
            Self::Scale(scale) => scale.run(),
        }
    }
}
