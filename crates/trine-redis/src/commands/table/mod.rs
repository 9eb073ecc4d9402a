//! All commands. Dispatch, COMMAND, ACL and the reference page read this and nothing else.

mod cluster;
mod connection;
mod probes;
mod pubsub;
mod server;

use std::sync::LazyLock;

use bytes::Bytes;

use super::Command;

/// Commands by the group they are documented in.
pub(crate) static GROUPS: &[(&str, &[Command])] = &[
    ("connection", connection::CONNECTION),
    ("pubsub", pubsub::PUBSUB),
    ("transactions", pubsub::TRANSACTIONS),
    ("server", server::SERVER),
    ("cluster", cluster::CLUSTER),
    ("scripting", probes::SCRIPTING),
    ("generic", probes::GENERIC),
    ("stream", probes::STREAM),
];

/// A subcommand: like [`Command::new`], with its container's name before.
macro_rules! sub {
    ($container:literal, $name:literal, $syntax:literal, $arity:expr, $flags:expr, $handler:expr) => {
        Command { full_name: concat!($container, "|", $name), ..Command::new($name, $syntax, $arity, $flags, $handler) }
    };
}

/// The HELP of a container.
macro_rules! help {
    ($container:literal, $since:literal) => {
        sub!($container, "help", "", 2, flag::LOADING | flag::STALE, help::help).about($since, "Lists the subcommands")
    };
}

use {help, sub};

/// All commands, containers once, without their subcommands.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|(_, commands)| commands.iter())
}

/// All commands and all subcommands.
pub(crate) fn all_with_subcommands() -> impl Iterator<Item = &'static Command> {
    all().flat_map(|command| std::iter::once(command).chain(command.subcommands))
}

/// Longest name of a command.
const NAME_BYTES_MAX: usize = 16;
/// Slots of the index: a power of two well above the number of commands.
const SLOTS: usize = 256;

/// Commands by a hash of their names; the few that share one are compared.
static INDEX: LazyLock<[Vec<&'static Command>; SLOTS]> = LazyLock::new(|| {
    let mut index = [const { Vec::new() }; SLOTS];
    for command in all() {
        if let Some(slot) = index.get_mut(slot(command.name.as_bytes())) {
            slot.push(command);
        }
    }
    index
});

/// Of the lower-case name.
fn slot(name: &[u8]) -> usize {
    name.iter().fold(name.len(), |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(*byte))) % SLOTS
}

/// A command by its name, in any case.
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    INDEX.get(slot(lower))?.iter().find(|command| command.name.as_bytes() == lower).copied()
}

/// A command or a subcommand by its full name, in any case.
pub(crate) fn find_full(name: &[u8]) -> Option<&'static Command> {
    match memchr::memchr(b'|', name) {
        None => find(name),
        Some(bar) => find(name.get(..bar)?)?.subcommand(name.get(bar + 1..)?),
    }
}

/// The command or subcommand that a whole request calls.
pub(crate) fn find_called(args: &[Bytes]) -> Option<&'static Command> {
    let command = find(args.first()?)?;
    match args.get(1) {
        Some(sub) if !command.subcommands.is_empty() => command.subcommand(sub),
        _ => Some(command),
    }
}

/// The group of a command or subcommand.
pub(crate) fn group_of(command: &Command) -> &'static str {
    let container = command.full_name.split('|').next().unwrap_or_default();
    GROUPS.iter().find(|(_, commands)| commands.iter().any(|c| c.name == container)).map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests;
