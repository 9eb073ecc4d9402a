//! Send → receive → delete, each answered before the next: what a worker's message costs.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::http::{Connection, members};
use crate::histogram::Histogram;

/// How long a receive waits: another connection may have taken the message.
const RECEIVE_WAIT_S: u32 = 5;

/// How much load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections, each with one request in flight.
    pub connections: usize,
    /// Messages in one request, 1 to 10. With 1 the single-message actions are used.
    pub batch: usize,
    /// Bytes of a message's body.
    pub payload: usize,
    /// Not counted, at the start.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
}

/// What it did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Messages that went through all three within the counted time.
    pub messages: u64,
    /// The counted time.
    pub time: Duration,
    /// One send, one receive and one delete together.
    pub cycle: Histogram,
    /// One receive.
    pub receive: Histogram,
}

impl Outcome {
    /// Messages per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.messages as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The bodies of the three requests.
struct Requests {
    send_action: &'static str,
    send: String,
    receive: String,
    url: String,
    batch: usize,
}

impl Requests {
    fn new(url: &str, load: &Load) -> Self {
        let body = "x".repeat(load.payload);
        let (send_action, send) = match load.batch {
            1 => ("SendMessage", format!(r#"{{"QueueUrl":"{url}","MessageBody":"{body}"}}"#)),
            n => {
                let entries: Vec<_> = (0..n).map(|i| format!(r#"{{"Id":"{i}","MessageBody":"{body}"}}"#)).collect();
                ("SendMessageBatch", format!(r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#, entries.join(",")))
            }
        };
        let receive = format!(
            r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":{},"WaitTimeSeconds":{RECEIVE_WAIT_S}}}"#,
            load.batch
        );
        Self { send_action, send, receive, url: url.to_owned(), batch: load.batch }
    }

    fn delete(&self, handles: &[String]) -> (&'static str, String) {
        let url = &self.url;
        if let ([handle], 1) = (handles, self.batch) {
            return ("DeleteMessage", format!(r#"{{"QueueUrl":"{url}","ReceiptHandle":"{handle}"}}"#));
        }
        let mut body = format!(r#"{{"QueueUrl":"{url}","Entries":["#);
        for (i, handle) in handles.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(body, r#"{comma}{{"Id":"{i}","ReceiptHandle":"{handle}"}}"#);
        }
        body.push_str("]}");
        ("DeleteMessageBatch", body)
    }
}

/// Runs the load on a thread and runtime of its own.
///
/// # Errors
/// When the server refuses, or a receive finds nothing although there must be something.
pub fn run(address: SocketAddr, url: &str, load: &Load) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requests = Arc::new(Requests::new(url, load));
    runtime.block_on(async {
        let mut connections = Vec::new();
        for _ in 0..load.connections {
            connections.push(Connection::open(address).await?);
        }
        let start = Instant::now() + load.warm_up;
        let end = start + load.time;
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| tokio::spawn(worker(connection, Arc::clone(&requests), start, end)))
            .collect();
        let mut outcome = Outcome { time: load.time, ..Outcome::default() };
        for task in tasks {
            let one = task.await.map_err(io::Error::other)??;
            outcome.messages += one.messages;
            outcome.cycle.merge(&one.cycle);
            outcome.receive.merge(&one.receive);
        }
        Ok(outcome)
    })
}

async fn worker(
    mut connection: Connection,
    requests: Arc<Requests>,
    start: Instant,
    end: Instant,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut handles: Vec<String> = Vec::new();
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(outcome);
        }
        let answer = connection.call(requests.send_action, &requests.send).await?;
        if answer.contains("\"Failed\":[{") {
            return Err(io::Error::other(format!("a send failed: {answer}")));
        }
        let receiving = Instant::now();
        handles.clear();
        let answer = connection.call("ReceiveMessage", &requests.receive).await?;
        handles.extend(members(answer, "ReceiptHandle").map(str::to_owned));
        if handles.is_empty() {
            return Err(io::Error::other(format!("a receive found nothing within {RECEIVE_WAIT_S} s")));
        }
        let received = receiving.elapsed();
        let (action, body) = requests.delete(&handles);
        let answer = connection.call(action, &body).await?;
        if answer.contains("\"Failed\":[{") {
            return Err(io::Error::other(format!("a delete failed: {answer}")));
        }
        let now = Instant::now();
        if begun >= start && now < end {
            outcome.messages += handles.len() as u64;
            outcome.cycle.record(now.duration_since(begun).as_micros() as u64);
            outcome.receive.record(received.as_micros() as u64);
        }
    }
}
