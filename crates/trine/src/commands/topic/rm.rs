//! `trine topic rm NAME …`.

use clap::Args;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
};

#[derive(Args)]
pub(crate) struct Rm {
    /// Names.
    #[arg(required = true)]
    names: Vec<String>,
}

impl Rm {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        for name in &self.names {
            client.delete(&format!("/v1/topics/{}", segment(name)))?;
        }
        Ok(())
    }
}
