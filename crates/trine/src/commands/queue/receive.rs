//! `trine queue receive NAME`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use trine_server::config::{parse_duration, show_duration};

use super::{message, post, worker};
use crate::{
    args::{Format, Global},
    client::Client,
    failure::{Failure, Kind},
};

/// Longest wait of one request; a longer one is asked for again.
const WAIT_MAX: Duration = Duration::from_secs(20);

#[derive(Args)]
pub(crate) struct Receive {
    /// The queue.
    pub(super) name: String,
    /// At most so many messages. With --exec: stop after so many.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// How long to wait for a message. With --exec: stop when none came for so long; without it, go on for ever.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) wait: Option<Duration>,
    /// Acknowledge what was printed: it is gone from the queue.
    #[arg(long, group = "settle")]
    ack: bool,
    /// Give back what was printed at once.
    #[arg(long, group = "settle")]
    nack: bool,
    /// Keep what was printed hidden for so long; nothing said, the queue's visibility.
    #[arg(long, group = "settle", value_name = "DURATION", value_parser = parse_duration)]
    pub(super) hold: Option<Duration>,
    /// Run this for every message, with the body as standard input and TRINE_MESSAGE_ID, TRINE_RECEIVE_COUNT, TRINE_GROUP and TRINE_HEADER_<NAME> in the environment:
    /// exit code 0 acknowledges it, anything else gives it back after --retry-delay.
    #[arg(long, group = "settle", value_name = "COMMAND")]
    pub(super) exec: Option<String>,
    /// With --exec: commands that run at the same time.
    #[arg(short, long, value_name = "N", default_value_t = 1, requires = "exec", value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) jobs: u64,
    /// With --exec: how long a message that failed waits before it is tried again; doubles with every delivery, up to 5 minutes.
    #[arg(long, value_name = "DURATION", default_value = "1s", requires = "exec", value_parser = parse_duration)]
    pub(super) retry_delay: Duration,
}

impl Receive {
    pub(crate) fn run(self, global: &Global) -> Result<(), Failure> {
        if self.exec.is_some() {
            return worker::run(&self, global);
        }
        let mut client = Client::new(&global.server)?;
        let wait = self.wait.unwrap_or(Duration::ZERO);
        let received = take(&mut client, &self.name, self.count.unwrap_or(1), wait, self.hold)?;
        if received.is_empty() {
            return Err(Failure::new(Kind::Timeout, format!("no message came from {}", self.name)));
        }
        match global.output {
            None | Some(Format::Table) => message::print_bodies(&received)?,
            _ => message::print(global.output, &received, Vec::new())?,
        }
        // What was not printed is not settled: it comes back by itself.
        let receipts: Vec<_> = received.iter().map(|m| m["receipt"].clone()).collect();
        if self.ack {
            post(&mut client, &self.name, "ack", &json!({ "receipts": receipts }))?;
        } else if self.nack {
            post(&mut client, &self.name, "release", &json!({ "receipts": receipts }))?;
        }
        Ok(())
    }
}

/// Receives up to `max` messages, waiting for the first of them.
pub(super) fn take(
    client: &mut Client,
    name: &str,
    max: u64,
    mut wait: Duration,
    hold: Option<Duration>,
) -> Result<Vec<Value>, Failure> {
    loop {
        let now = wait.min(WAIT_MAX);
        let mut body = json!({ "max": max, "wait": show_duration(now) });
        if let Some(hold) = hold {
            body["visibility"] = show_duration(hold).into();
        }
        let mut answer = post(client, name, "receive", &body)?;
        let Value::Array(messages) = answer["messages"].take() else {
            return Err(Failure::failed("the server sent no list of messages"));
        };
        wait = wait.saturating_sub(now);
        if !messages.is_empty() || wait.is_zero() {
            return Ok(messages);
        }
    }
}
