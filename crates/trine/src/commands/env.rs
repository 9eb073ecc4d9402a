//! `trine env`: variables that SDKs and tools read, for `eval "$(trine env)"`.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use crate::{args::Global, client::Client, failure::Failure};

/// Flags of `env`.
#[derive(Args)]
pub(crate) struct Env {
    /// Print commands that take the variables away again.
    #[arg(long)]
    unset: bool,
}

const NAMES: [&str; 4] = ["KAFKA_BOOTSTRAP_SERVERS", "AWS_ENDPOINT_URL_SQS", "REDIS_URL", "TRINE_ADMIN"];

impl Env {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        if self.unset {
            for name in NAMES {
                writeln!(out, "unset {name}")?;
            }
            return Ok(());
        }
        let status = Client::new(&global.server)?.get("/v1/status")?;
        if let Some(kafka) = address(&status, "kafka") {
            writeln!(out, "export KAFKA_BOOTSTRAP_SERVERS={}", quoted(&kafka))?;
        }
        if let Some(aws) = status["listeners"]["aws"]["addresses"][0].as_str() {
            // Only this service: the rest of AWS stays where it is.
            writeln!(out, "export AWS_ENDPOINT_URL_SQS={}", quoted(&format!("http://{aws}")))?;
        }
        if let Some(redis) = address(&status, "redis") {
            writeln!(out, "export REDIS_URL={}", quoted(&format!("redis://{redis}")))?;
        }
        writeln!(out, "export TRINE_ADMIN={}", quoted(&global.server))?;
        Ok(())
    }
}

/// The advertised address, else the first one.
fn address(status: &Value, kind: &str) -> Option<String> {
    let advertised = status["advertise"][kind].as_str();
    let listens = status["listeners"][kind]["addresses"][0].as_str();
    advertised.or(listens).map(str::to_owned)
}

/// A word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("a b'$c"), r"'a b'\''$c'");
    }

    #[test]
    fn the_advertised_address_comes_first() {
        let listens = serde_json::json!({ "listeners": { "kafka": { "addresses": ["127.0.0.1:1", "[::1]:1"] } } });
        assert_eq!(address(&listens, "kafka").as_deref(), Some("127.0.0.1:1"));
        let both = serde_json::json!({ "advertise": { "kafka": "host:9" }, "listeners": listens["listeners"] });
        assert_eq!(address(&both, "kafka").as_deref(), Some("host:9"));
        assert_eq!(address(&serde_json::json!({}), "kafka"), None);
    }
}
