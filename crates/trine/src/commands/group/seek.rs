//! `trine group seek NAME TOPIC --to POSITION`.

use clap::Args;
use serde_json::json;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output::{self, number, plain},
};

#[derive(Args)]
pub(crate) struct Seek {
    /// The group.
    name: String,
    /// The topic.
    topic: String,
    /// Where it goes on: start, end, -N (N before the end), +N (offset N) or @TIME (@2026-01-31, @-5m).
    #[arg(long, value_name = "POSITION", allow_hyphen_values = true)]
    to: String,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
}

impl Seek {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let path = format!("/v1/groups/{}/seek", segment(&self.name));
        let body = json!({ "topic": self.topic, "to": self.to, "partition": self.partition });
        let answer = Client::new(&global.server)?.send("POST", &path, &body)?;
        let partitions = answer["partitions"].as_array().cloned().unwrap_or_default();
        output::list(
            global.output,
            &partitions,
            &[number("PARTITION", |p| plain(&p["partition"])), number("COMMITTED", |p| plain(&p["committed"]))],
        )
    }
}
