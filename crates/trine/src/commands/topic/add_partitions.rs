//! `trine topic add-partitions NAME TOTAL`.

use clap::Args;
use serde_json::json;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output,
};

#[derive(Args)]
pub(crate) struct AddPartitions {
    /// Its name.
    name: String,
    /// How many partitions it has afterwards.
    total: u32,
}

impl AddPartitions {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let path = format!("/v1/topics/{}/add-partitions", segment(&self.name));
        let topic = Client::new(&global.server)?.send("POST", &path, &json!({ "total": self.total }))?;
        output::object(global.output, &topic, || format!("{} with {} partitions", self.name, self.total))
    }
}
