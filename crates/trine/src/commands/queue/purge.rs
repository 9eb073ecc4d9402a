//! `trine queue purge NAME`.

use clap::Args;
use serde_json::json;

use super::post;
use crate::{args::Global, client::Client, failure::Failure, output};

#[derive(Args)]
pub(crate) struct Purge {
    /// Its name.
    name: String,
}

impl Purge {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let purged = post(&mut Client::new(&global.server)?, &self.name, "purge", &json!({}))?;
        output::object(global.output, &purged, || format!("{} dropped", output::plain(&purged["purged"])))
    }
}
