//! `trine clock show|advance|set`: the clock of messages of a server that runs with `dev --clock frozen`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    args::Global,
    client::Client,
    failure::Failure,
    output::{self, plain},
};

/// What can be done with the clock.
#[derive(Subcommand)]
pub(crate) enum Clock {
    /// The time messages see, and whether it stands still.
    Show,
    /// Jump ahead: everything that becomes due is done before this returns.
    Advance {
        /// How far, for example 31s.
        by: String,
    },
    /// Jump ahead to a time (RFC 3339).
    Set {
        /// The time, not before now.
        to: String,
    },
}

impl Clock {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let clock = match self {
            Self::Show => client.get("/v1/clock")?,
            Self::Advance { by } => client.send("POST", "/v1/clock", &json!({ "advance": by }))?,
            Self::Set { to } => client.send("POST", "/v1/clock", &json!({ "set": to }))?,
        };
        output::object(global.output, &clock, || lines(&clock))
    }
}

fn lines(clock: &Value) -> String {
    let now = plain(&clock["now"]);
    match clock["due"].as_str() {
        Some(due) => format!("{now}, {due} came due"),
        None if clock["frozen"] == true => format!("{now}, frozen"),
        None => now,
    }
}
