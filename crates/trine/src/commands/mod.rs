//! One file per subcommand.

pub(crate) mod bench;
pub(crate) mod channel;
pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod env;
pub(crate) mod group;
pub(crate) mod queue;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod topic;
pub(crate) mod user;
pub(crate) mod verify;

use crate::{
    args::{Cli, Command},
    failure::Failure,
};

/// Runs what was asked for.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    let global = cli.global;
    match cli.command {
        Command::Serve(serve) => serve.run(),
        Command::Dev(dev) => dev.run(),
        Command::Env(env) => env.run(&global),
        Command::Check(check) => check.run(),
        Command::Verify(verify) => verify.run(&global),
        Command::Topic(topic) => topic.run(&global),
        Command::Group(group) => group.run(&global),
        Command::Queue(queue) => queue.run(&global),
        Command::Channel(channel) => channel.run(&global),
        Command::Clock(clock) => clock.run(&global),
        Command::Status => status::run(&global),
        Command::User(user) => user.run(),
        Command::Bench(bench) => bench.run(),
    }
}
