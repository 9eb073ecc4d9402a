//! `trine queue pause NAME …` and `trine queue resume NAME …`.

use clap::Args;
use serde_json::json;

use super::post;
use crate::{args::Global, client::Client, failure::Failure};

#[derive(Args)]
pub(crate) struct Pause {
    /// Names.
    #[arg(required = true)]
    names: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Resume {
    /// Names.
    #[arg(required = true)]
    names: Vec<String>,
}

impl Pause {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        each(global, &self.names, "pause")
    }
}

impl Resume {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        each(global, &self.names, "resume")
    }
}

fn each(global: &Global, names: &[String], verb: &str) -> Result<(), Failure> {
    let mut client = Client::new(&global.server)?;
    names.iter().try_for_each(|name| post(&mut client, name, verb, &json!({})).map(drop))
}
