//! `trine topic ls [PREFIX]`.

use clap::Args;
use serde_json::Value;
use trine_server::config::show_size;

use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output::{self, number, plain, text},
};

#[derive(Args)]
pub(crate) struct Ls {
    /// Only topics whose name begins so.
    prefix: Option<String>,
}

impl Ls {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let topics = pages(&mut client, "topics", self.prefix.as_deref())?;
        output::list(
            global.output,
            &topics,
            &[
                text("NAME", |t| plain(&t["name"])),
                number("PARTITIONS", |t| plain(&t["partitions"])),
                number("RECORDS", |t| plain(&t["records"])),
                number("SIZE", |t| size(&t["bytes"])),
            ],
        )
    }
}

/// All pages of a list.
pub(crate) fn pages(client: &mut Client, noun: &str, prefix: Option<&str>) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    let mut page = String::new();
    loop {
        let prefix = prefix.map(|p| format!("&prefix={}", segment(p))).unwrap_or_default();
        let mut answer = client.get(&format!("/v1/{noun}?limit=1000{prefix}{page}"))?;
        if let Value::Array(items) = answer[noun].take() {
            all.extend(items);
        }
        match answer["next"].as_str() {
            Some(next) => page = format!("&page={}", segment(next)),
            None => return Ok(all),
        }
    }
}

/// A size for people.
pub(crate) fn size(value: &Value) -> String {
    value.as_str().and_then(|text| text.parse().ok()).map_or_else(|| plain(value), show_size)
}
