//! `trine topic set NAME KEY=VALUE …`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::settings;
use crate::{
    args::Global,
    client::{Client, segment},
    failure::Failure,
    output,
};

#[derive(Args)]
pub(crate) struct Set {
    /// Its name.
    name: String,
    /// Settings by Kafka's names; an empty value goes back to the default.
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl Set {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let changes: Map<String, Value> = settings(&self.settings)?
            .into_iter()
            .map(|(key, value)| (key, if value.is_empty() { Value::Null } else { value.into() }))
            .collect();
        let path = format!("/v1/topics/{}", segment(&self.name));
        let topic = Client::new(&global.server)?.send("PATCH", &path, &json!({ "settings": changes }))?;
        output::object(global.output, &topic, || {
            let set: Vec<_> = topic["settings"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|s| s["default"] == false)
                .map(|s| format!("{} = {}", output::plain(&s["name"]), output::plain(&s["value"])))
                .collect();
            set.join("\n")
        })
    }
}
