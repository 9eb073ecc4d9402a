//! `trine queue rm NAME …`.

use clap::Args;

use super::path;
use crate::{args::Global, client::Client, failure::Failure};

#[derive(Args)]
pub(crate) struct Rm {
    /// Names.
    #[arg(required = true)]
    names: Vec<String>,
}

impl Rm {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        self.names.iter().try_for_each(|name| client.delete(&path(name, "")).map(drop))
    }
}
