//! `trine topic create NAME [-p N] [-c KEY=VALUE …]`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::settings;
use crate::{
    args::Global,
    client::Client,
    failure::{Failure, Kind},
    output,
};

#[derive(Args)]
pub(crate) struct Create {
    /// Its name.
    name: String,
    /// How many partitions.
    #[arg(short, long, value_name = "N")]
    partitions: Option<u32>,
    /// A setting, by Kafka's name; repeatable.
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Succeed when it exists already; nothing is changed then.
    #[arg(long)]
    if_absent: bool,
}

impl Create {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let settings: BTreeMap<_, _> = settings(&self.config)?.into_iter().collect();
        let mut body = json!({ "name": self.name, "settings": settings });
        if let Some(partitions) = self.partitions {
            body["partitions"] = partitions.into();
        }
        let created = match client.send("POST", "/v1/topics", &body) {
            Err(failure) if self.if_absent && failure.kind() == Kind::Failed => {
                client.get(&format!("/v1/topics/{}", crate::client::segment(&self.name))).map_err(|_| failure)?
            }
            other => other?,
        };
        output::object(global.output, &created, || {
            let partitions = created["partitions"].as_array().map_or(0, Vec::len);
            format!("{} with {partitions} partition{}", self.name, if partitions == 1 { "" } else { "s" })
        })
    }
}
