//! `trine group …`.

mod lag;
mod ls;
mod rm;
mod seek;
mod show;

use clap::Subcommand;

use crate::{args::Global, failure::Failure};

/// What can be done with consumer groups.
#[derive(Subcommand)]
pub(crate) enum Group {
    /// List groups.
    Ls(ls::Ls),
    /// Show state, members and commits.
    Show(show::Show),
    /// How far groups are behind, in records and in time.
    Lag(lag::Lag),
    /// Set where a group without members goes on.
    Seek(seek::Seek),
    /// Delete groups without members, with their commits.
    Rm(rm::Rm),
}

impl Group {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        match self {
            Self::Ls(ls) => ls.run(global),
            Self::Show(show) => show.run(global),
            Self::Lag(lag) => lag.run(global),
            Self::Seek(seek) => seek.run(global),
            Self::Rm(rm) => rm.run(global),
        }
    }
}
