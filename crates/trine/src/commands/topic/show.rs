//! `trine topic show NAME`.

use clap::Args;
use serde_json::Value;

use super::ls::size;
use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output::{self, number, plain},
};

#[derive(Args)]
pub(crate) struct Show {
    /// Its name.
    name: String,
    /// Show settings that have their default, too.
    #[arg(short, long)]
    all: bool,
}

impl Show {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let topic = Client::new(&global.server)?.get(&format!("/v1/topics/{}", segment(&self.name)))?;
        output::object(global.output, &topic, || lines(&topic, self.all))
    }
}

fn lines(topic: &Value, all: bool) -> String {
    let mut text = output::pairs(&[
        ("name", plain(&topic["name"])),
        ("id", plain(&topic["id"])),
        ("created", plain(&topic["created"])),
    ]);
    let settings: Vec<_> = topic["settings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|s| all || s["default"] == false)
        .map(|s| {
            format!(
                "  {} = {}{}\n",
                plain(&s["name"]),
                plain(&s["value"]),
                if s["default"] == true { "  (default)" } else { "" }
            )
        })
        .collect();
    if !settings.is_empty() {
        text.push_str("settings\n");
        text.extend(settings);
    }
    let partitions = topic["partitions"].as_array().cloned().unwrap_or_default();
    text.push('\n');
    text.push_str(&output::table(
        &partitions,
        &[
            number("PARTITION", |p| plain(&p["partition"])),
            number("START", |p| plain(&p["log_start"])),
            number("END", |p| plain(&p["end"])),
            number("RECORDS", |p| plain(&p["records"])),
            number("SIZE", |p| size(&p["bytes"])),
        ],
    ));
    text
}
