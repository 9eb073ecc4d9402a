//! `trine group lag [NAME …]`.

use clap::Args;
use serde_json::Value;

use crate::{
    args::Global,
    client::{Client, segment},
    commands::topic::pages,
    failure::Failure,
    output::{self, Column, number, plain, text},
};

#[derive(Args)]
pub(crate) struct Lag {
    /// Names; none means all groups.
    names: Vec<String>,
}

/// One partition of a group.
pub(crate) const COLUMNS: [Column; 6] = [
    text("TOPIC", |p| plain(&p["topic"])),
    number("PARTITION", |p| plain(&p["partition"])),
    number("COMMITTED", |p| plain(&p["committed"])),
    number("END", |p| plain(&p["end"])),
    number("LAG", |p| plain(&p["lag"])),
    number("BEHIND", |p| seconds(&p["lag_ms"])),
];

impl Lag {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let names = if self.names.is_empty() {
            pages(&mut client, "groups", None)?.iter().map(|g| plain(&g["name"])).collect()
        } else {
            self.names
        };
        let mut rows = Vec::new();
        for name in names {
            let mut group = client.get(&format!("/v1/groups/{}", segment(&name)))?;
            if let Value::Array(partitions) = group["partitions"].take() {
                rows.extend(partitions.into_iter().map(|mut p| {
                    p["group"] = name.clone().into();
                    p
                }));
            }
        }
        let [topic, partition, committed, end, lag, behind] = COLUMNS;
        let group = text("GROUP", |p| plain(&p["group"]));
        output::list(global.output, &rows, &[group, topic, partition, committed, end, lag, behind])
    }
}

/// Milliseconds as seconds for people.
pub(crate) fn seconds(ms: &Value) -> String {
    match ms.as_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(ms) => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        None => plain(ms),
    }
}
