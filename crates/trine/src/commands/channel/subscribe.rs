//! `trine channel sub NAME`: messages to standard output.

use std::io::{self, BufWriter, Write};

use clap::Args;
use serde_json::Value;

use super::path;
use crate::{
    args::{Format, Global},
    client::Client,
    commands::queue::body_bytes,
    failure::Failure,
};

#[derive(Args)]
pub(crate) struct Subscribe {
    /// The channel.
    name: String,
    /// NAME is a pattern: * any run, ? one byte, [abc] one of these.
    #[arg(short, long)]
    pattern: bool,
    /// Stop after so many messages.
    #[arg(short = 'n', long, value_name = "N")]
    count: Option<u64>,
}

impl Subscribe {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let client = Client::new(&global.server)?;
        let query = if self.pattern { "?pattern=true" } else { "" };
        let as_json = matches!(global.output, Some(Format::Json | Format::Ndjson));
        let mut out = BufWriter::new(io::stdout().lock());
        let mut left = self.count.unwrap_or(u64::MAX);
        client.events(&format!("{}{query}", path(&self.name, "events")), |event, data| {
            match event {
                "message" => {}
                "cut-off" => return Err(Failure::failed(format!("the server cut this subscriber off: {data}"))),
                // Anything else says something about the connection.
                _ => return Ok(true),
            }
            if as_json {
                writeln!(out, "{data}")?;
            } else {
                let message: Value = serde_json::from_str(data)
                    .map_err(|e| Failure::failed(format!("the server sent an event that is not JSON: {e}")))?;
                if self.pattern {
                    write!(out, "{}\t", message["channel"].as_str().unwrap_or_default())?;
                }
                out.write_all(&body_bytes(&message)?)?;
                out.write_all(b"\n")?;
            }
            out.flush()?;
            left -= 1;
            Ok(left > 0)
        })
    }
}
