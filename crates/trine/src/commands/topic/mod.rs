//! `trine topic …`.

mod add_partitions;
mod consume;
mod create;
mod format;
mod ls;
mod produce;
mod rm;
mod set;
mod show;
mod trim;

use clap::Subcommand;

use crate::{args::Global, failure::Failure};

pub(crate) use ls::{pages, size};

/// What can be done with topics.
#[derive(Subcommand)]
pub(crate) enum Topic {
    /// List topics.
    Ls(ls::Ls),
    /// Make a topic.
    Create(create::Create),
    /// Show partitions and settings.
    Show(show::Show),
    /// Change settings: NAME KEY=VALUE …; KEY= goes back to the default.
    Set(set::Set),
    /// Delete topics with everything in them.
    Rm(rm::Rm),
    /// Raise the number of partitions.
    AddPartitions(add_partitions::AddPartitions),
    /// Write lines as records.
    Produce(produce::Produce),
    /// Read records.
    Consume(consume::Consume),
    /// Drop everything before a position.
    Trim(trim::Trim),
}

impl Topic {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(global),
            Self::Create(create) => create.run(global),
            Self::Show(show) => show.run(global),
            Self::Set(set) => set.run(global),
            Self::Rm(rm) => rm.run(global),
            Self::AddPartitions(add) => add.run(global),
            Self::Produce(produce) => produce.run(global),
            Self::Consume(consume) => consume.run(global),
            Self::Trim(trim) => trim.run(global),
        }
    }
}

/// `KEY=VALUE` pairs of the command line.
pub(crate) fn settings(pairs: &[String]) -> Result<Vec<(String, String)>, Failure> {
    pairs
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(Failure::usage(format!("{pair:?}: write KEY=VALUE, for example retention.ms=86400000"))),
        })
        .collect()
}
