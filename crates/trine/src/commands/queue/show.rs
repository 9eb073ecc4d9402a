//! `trine queue show NAME`.

use clap::Args;
use serde_json::Value;

use super::path;
use crate::{
    args::Global,
    client::Client,
    commands::topic::size,
    failure::Failure,
    output::{self, plain},
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
        let queue = Client::new(&global.server)?.get(&path(&self.name, ""))?;
        output::object(global.output, &queue, || lines(&queue, self.all))
    }
}

/// A queue for people.
pub(super) fn lines(queue: &Value, all: bool) -> String {
    let stats = &queue["stats"];
    let mut text = output::pairs(&[
        ("name", plain(&queue["name"])),
        ("id", plain(&queue["id"])),
        ("created", plain(&queue["created"])),
        ("ready", plain(&stats["ready"])),
        ("in flight", plain(&stats["in_flight"])),
        ("delayed", plain(&stats["delayed"])),
        ("moving", plain(&stats["moving"])),
        ("size", size(&stats["bytes"])),
        ("oldest", plain(&stats["oldest_age"])),
        ("waiting receives", plain(&stats["waiters"])),
    ]);
    let list = |name: &str| queue[name].as_array().cloned().unwrap_or_default();
    let sources: Vec<_> = list("dead_letter_sources").iter().map(plain).collect();
    if !sources.is_empty() {
        text.push_str(&format!("dead letters of   {}\n", sources.join(", ")));
    }
    let settings: Vec<_> = list("settings")
        .iter()
        .filter(|s| all || s["default"] == false)
        .map(|s| {
            let default = if s["default"] == true { "  (default)" } else { "" };
            format!("  {} = {}{default}\n", plain(&s["name"]), plain(&s["value"]))
        })
        .collect();
    if !settings.is_empty() {
        text.push_str("settings\n");
        text.extend(settings);
    }
    for (title, name) in [("tags", "tags"), ("attributes of clients", "attributes")] {
        if let Some(map) = queue[name].as_object().filter(|map| !map.is_empty()) {
            text.push_str(&format!("{title}\n"));
            text.extend(map.iter().map(|(key, value)| format!("  {key} = {}\n", plain(value))));
        }
    }
    text
}
