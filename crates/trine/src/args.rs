//! The grammar of the command line: noun, then verb.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// One messaging server: queues, streams and pub-sub, spoken as clients already speak them.
#[derive(Parser)]
#[command(name = "trine", version, arg_required_else_help = true, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options every command that asks a server knows.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// The server's admin address.
    #[arg(
        long,
        global = true,
        env = "TRINE_ADMIN",
        default_value = "http://127.0.0.1:15672",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) server: String,
    /// How to print results.
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub(crate) enum Format {
    /// Columns for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server, durable.
    Serve(commands::serve::Serve),
    /// Run the server in memory, for development and tests.
    Dev(commands::serve::Dev),
    /// Print environment variables that point clients to the server: eval "$(trine env)".
    Env(commands::env::Env),
    /// Check a configuration without starting anything.
    Check(commands::check::Check),
    /// Check every checksum of a data directory that no server uses.
    Verify(commands::verify::Verify),
    /// Topics: list, make, change, write, read.
    #[command(subcommand)]
    Topic(commands::topic::Topic),
    /// Consumer groups: where they are, and moving them.
    #[command(subcommand)]
    Group(commands::group::Group),
    /// Queues: list, make, change, send, receive, redrive.
    #[command(subcommand)]
    Queue(commands::queue::Queue),
    /// Channels: list, publish, subscribe.
    #[command(subcommand)]
    Channel(commands::channel::Channel),
    /// The clock of messages, where it is frozen.
    #[command(subcommand)]
    Clock(commands::clock::Clock),
    /// What runs, how, and how much of it.
    Status,
    /// Users of the configuration.
    #[command(subcommand)]
    User(commands::user::User),
    /// Load generators.
    #[command(subcommand)]
    Bench(commands::bench::Bench),
}
