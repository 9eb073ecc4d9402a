//! `trine check`: is the configuration right?

use std::io::{self, Write};

use clap::Args;
use trine_server::config::SETTINGS;

use crate::{commands::serve::Serve, failure::Failure};

/// Flags of `check`: those of `serve`.
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    serve: Serve,
    /// Print every setting with its default, its environment variable and its meaning.
    #[arg(long)]
    settings: bool,
}

impl Check {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.settings {
            for setting in SETTINGS {
                let default = if setting.default.is_empty() { "unset" } else { setting.default };
                let dev = setting.default_dev.map(|d| format!(" (dev: {d})")).unwrap_or_default();
                writeln!(out, "{} = {default}{dev}\n    {}\n    {}", setting.key, setting.env(), setting.doc)?;
            }
            return Ok(());
        }
        let config = self.serve.config()?;
        trine_server::check_objects(&config).map_err(|e| Failure::usage(e.to_string()))?;
        writeln!(out, "the configuration is right")?;
        for listener in &config.listeners {
            let anonymous = if listener.anonymous { " (anonymous)" } else { "" };
            writeln!(out, "  {} on {}{anonymous}", listener.kind.as_str(), listener.addr)?;
        }
        writeln!(out, "  {} users, {} topics declared", config.users.len(), config.topics.len())?;
        Ok(())
    }
}
