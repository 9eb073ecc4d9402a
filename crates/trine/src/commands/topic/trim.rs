//! `trine topic trim NAME --before POSITION`.

use clap::Args;
use serde_json::json;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output::{self, number, plain},
};

#[derive(Args)]
pub(crate) struct Trim {
    /// Its name.
    name: String,
    /// Drop everything before: end, -N (keep the last N), +N (offset N) or @TIME (@2026-01-31, @-7d).
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    before: String,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
}

impl Trim {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let path = format!("/v1/topics/{}/trim", segment(&self.name));
        let body = json!({ "before": self.before, "partition": self.partition });
        let answer = Client::new(&global.server)?.send("POST", &path, &body)?;
        let partitions = answer["partitions"].as_array().cloned().unwrap_or_default();
        output::list(
            global.output,
            &partitions,
            &[number("PARTITION", |p| plain(&p["partition"])), number("START", |p| plain(&p["log_start"]))],
        )
    }
}
