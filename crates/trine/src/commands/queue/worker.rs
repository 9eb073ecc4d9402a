//! `trine queue receive --exec`: a worker that runs a command for every message.

use std::{
    io::Write,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use trine_server::config::show_duration;

use super::{message, path, post, receive::Receive, receive::take};
use crate::{args::Global, client::Client, failure::Failure, failure::Kind};

/// How long one request waits for a message.
const POLL: Duration = Duration::from_secs(20);
/// The longest that a failed message waits.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(300);
/// How often a running command is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The shortest time for which a message is held: less would be lost to the way there.
const HOLD_MIN: Duration = Duration::from_secs(2);

struct Pool<'a> {
    receive: &'a Receive,
    command: &'a str,
    hold: Duration,
    /// Messages that may still be taken.
    left: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    stop: AtomicBool,
    error: Mutex<Option<Failure>>,
}

/// Works until there is nothing left to do.
pub(super) fn run(receive: &Receive, global: &Global) -> Result<(), Failure> {
    let Some(command) = receive.exec.as_deref() else { return Err(Failure::usage("--exec needs a command")) };
    let hold = match receive.hold {
        Some(hold) => hold,
        None => visibility(&Client::new(&global.server)?.get(&path(&receive.name, ""))?),
    };
    let pool = Pool {
        receive,
        command,
        hold: hold.max(HOLD_MIN),
        left: AtomicU64::new(receive.count.unwrap_or(u64::MAX)),
        done: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        error: Mutex::new(None),
    };
    thread::scope(|scope| {
        for _ in 0..receive.jobs {
            scope.spawn(|| {
                if let Err(failure) = pool.work(global) {
                    pool.stop.store(true, Ordering::Relaxed);
                    let mut error = pool.error.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    error.get_or_insert(failure);
                }
            });
        }
    });
    let (done, failed) = (pool.done.into_inner(), pool.failed.into_inner());
    eprintln!("{done} done, {failed} given back");
    if let Some(failure) = pool.error.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        return Err(failure);
    }
    if done + failed == 0 {
        return Err(Failure::new(Kind::Timeout, format!("no message came from {}", receive.name)));
    }
    Ok(())
}

/// For how long the queue hides what was received.
fn visibility(queue: &Value) -> Duration {
    let settings = queue["settings"].as_array().into_iter().flatten();
    let set = settings.filter(|s| s["name"] == "visibility").find_map(|s| s["value"].as_str());
    set.and_then(|text| trine_server::config::parse_duration(text).ok()).unwrap_or(HOLD_MIN)
}

impl Pool<'_> {
    fn work(&self, global: &Global) -> Result<(), Failure> {
        let mut client = Client::new(&global.server)?;
        let name = &self.receive.name;
        loop {
            if self.stop.load(Ordering::Relaxed) || !self.claim() {
                return Ok(());
            }
            let taken = match self.receive.wait {
                Some(wait) => take(&mut client, name, 1, wait, Some(self.hold))?,
                None => take(&mut client, name, 1, POLL, Some(self.hold))?,
            };
            let Some(message) = taken.into_iter().next() else {
                self.left.fetch_add(1, Ordering::Relaxed);
                if self.receive.wait.is_some() {
                    return Ok(());
                }
                continue;
            };
            let receipt = &message["receipt"];
            if self.exec(&mut client, &message)?.success() {
                post(&mut client, name, "ack", &json!({ "receipts": [receipt] }))?;
                self.done.fetch_add(1, Ordering::Relaxed);
            } else {
                let delay = show_duration(retry_delay(self.receive.retry_delay, &message));
                // Somebody else may have it by now, if the command took too long: then it is theirs.
                let body = json!({ "receipts": [receipt], "visibility": delay });
                post(&mut client, name, "extend", &body)?;
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn claim(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Runs the command and keeps the message hidden meanwhile.
    fn exec(&self, client: &mut Client, message: &Value) -> Result<ExitStatus, Failure> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(self.command).stdin(Stdio::piped());
        let texts = [("TRINE_MESSAGE_ID", "id"), ("TRINE_GROUP", "group"), ("TRINE_NUMBER", "number")];
        for (variable, field) in texts {
            if let Some(text) = message[field].as_str() {
                command.env(variable, text);
            }
        }
        command.env("TRINE_RECEIVE_COUNT", message["receive_count"].to_string());
        for header in message["headers"].as_array().into_iter().flatten() {
            if let (Some(name), Some(value)) = (header["name"].as_str(), header["value"].as_str()) {
                command.env(format!("TRINE_HEADER_{}", variable(name)), value.replace('\0', ""));
            }
        }
        let mut child = command.spawn().map_err(|e| Failure::failed(format!("cannot run sh: {e}")))?;
        let body = message::bytes(message)?;
        let stdin = child.stdin.take();
        // A command need not read its input, and may write before it has read all of it.
        let feeder = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&body)));
        let status = self.wait(client, &mut child, &message["receipt"]);
        let _ = feeder.join();
        status
    }

    fn wait(&self, client: &mut Client, child: &mut Child, receipt: &Value) -> Result<ExitStatus, Failure> {
        let mut extended = Instant::now();
        let begun = extended;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if extended.elapsed() >= self.hold / 2 {
                let body = json!({ "receipts": [receipt], "visibility": show_duration(self.hold) });
                post(client, &self.receive.name, "extend", &body)?;
                extended = Instant::now();
            }
            // Short commands are noticed soon, long ones cost nothing.
            thread::sleep((begun.elapsed() / 4).clamp(Duration::from_millis(1), LOOK_EVERY));
        }
    }
}

/// The first delivery waits `first`, each further one twice as long.
fn retry_delay(first: Duration, message: &Value) -> Duration {
    let count = message["receive_count"].as_u64().unwrap_or(1).clamp(1, 31) as u32;
    first.saturating_mul(1 << (count - 1)).min(RETRY_DELAY_MAX)
}

/// A header's name as part of a variable's name.
fn variable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_back_off() {
        let delay = |count: u64| retry_delay(Duration::from_secs(1), &json!({ "receive_count": count })).as_secs();
        assert_eq!([1, 2, 3, 9, 10, 1000].map(delay), [1, 2, 4, 256, 300, 300]);
        assert_eq!(variable("content-type"), "CONTENT_TYPE");
    }

    #[test]
    fn a_queue_says_how_long_it_hides() {
        let queue = json!({ "settings": [{ "name": "visibility", "value": "45s" }] });
        assert_eq!(visibility(&queue), Duration::from_secs(45));
        assert_eq!(visibility(&json!({})), HOLD_MIN);
    }
}
