//! `trine queue set NAME KEY=VALUE …`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{path, show::lines};
use crate::{args::Global, client::Client, commands::topic::settings, failure::Failure, output};

#[derive(Args)]
pub(crate) struct Set {
    /// Its name.
    name: String,
    /// Settings as `show --all` lists them; an empty value goes back to the default.
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl Set {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let changes: Map<String, Value> = settings(&self.settings)?
            .into_iter()
            .map(|(key, value)| (key, if value.is_empty() { Value::Null } else { value.into() }))
            .collect();
        let queue =
            Client::new(&global.server)?.send("PATCH", &path(&self.name, ""), &json!({ "settings": changes }))?;
        output::object(global.output, &queue, || lines(&queue, false))
    }
}
