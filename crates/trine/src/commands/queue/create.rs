//! `trine queue create NAME [--fifo] [--visibility 30s] …`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::path;
use crate::{
    args::Global,
    client::Client,
    commands::topic::settings,
    failure::{Failure, Kind},
    output,
};

#[derive(Args)]
pub(crate) struct Create {
    /// Its name. SQS clients see 1 to 80 letters, digits, - and _; a FIFO queue's must end with .fifo for them.
    name: String,
    /// Keep the order within each group and deliver one message of a group after the other.
    #[arg(long)]
    fifo: bool,
    /// How long a received message stays hidden unless it is settled before.
    #[arg(long, value_name = "DURATION")]
    visibility: Option<String>,
    /// How long a new message waits before it can be received.
    #[arg(long, value_name = "DURATION")]
    delay: Option<String>,
    /// How long messages are kept.
    #[arg(long, value_name = "DURATION")]
    retention: Option<String>,
    /// How long a message may wait before it is dropped, unless it says so itself.
    #[arg(long, value_name = "DURATION")]
    ttl: Option<String>,
    /// After so many deliveries a message goes to the dead-letter queue.
    #[arg(long, value_name = "N", requires = "dlq")]
    max_receives: Option<u32>,
    /// The dead-letter queue.
    #[arg(long, value_name = "NAME", requires = "max_receives")]
    dlq: Option<String>,
    /// FIFO: for how long a deduplication id is remembered.
    #[arg(long, value_name = "DURATION")]
    dedup: Option<String>,
    /// A setting by name; repeatable.
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Succeed when it exists already; nothing is changed then.
    #[arg(long)]
    if_absent: bool,
}

impl Create {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut settings: Map<String, Value> =
            settings(&self.config)?.into_iter().map(|(key, value)| (key, value.into())).collect();
        let flags = [
            ("visibility", &self.visibility),
            ("delay", &self.delay),
            ("retention", &self.retention),
            ("ttl", &self.ttl),
            ("dead_letter", &self.dlq),
            ("dedup_window", &self.dedup),
        ];
        for (key, value) in flags {
            if let Some(value) = value {
                settings.insert(key.to_owned(), value.as_str().into());
            }
        }
        if let Some(max) = self.max_receives {
            settings.insert("max_receives".to_owned(), max.to_string().into());
        }
        if self.fifo {
            settings.insert("fifo".to_owned(), "true".into());
        }
        let mut client = Client::new(&global.server)?;
        let body = json!({ "name": self.name, "settings": settings });
        let created = match client.send("POST", "/v1/queues", &body) {
            Err(failure) if self.if_absent && failure.kind() == Kind::Failed => {
                client.get(&path(&self.name, "")).map_err(|_| failure)?
            }
            other => other?,
        };
        output::object(global.output, &created, || self.name.clone())
    }
}
