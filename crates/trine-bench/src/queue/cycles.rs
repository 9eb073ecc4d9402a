//! Send → receive → delete, each answered before the next: what a worker's message costs.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;

use super::http::{Connection, Head, Request, members};
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

/// The three requests.
struct Requests {
    send: Request,
    receive: Request,
    delete: Head,
    /// What the body of a delete begins with.
    delete_body: String,
    batch: usize,
}

impl Requests {
    fn new(address: SocketAddr, url: &str, load: &Load) -> Self {
        let body = "x".repeat(load.payload);
        let send = match load.batch {
            1 => {
                let send = format!(r#"{{"QueueUrl":"{url}","MessageBody":"{body}"}}"#);
                Request::new(address, "SendMessage", &send)
            }
            n => {
                let entries: Vec<_> = (0..n).map(|i| format!(r#"{{"Id":"{i}","MessageBody":"{body}"}}"#)).collect();
                let send = format!(r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#, entries.join(","));
                Request::new(address, "SendMessageBatch", &send)
            }
        };
        let receive = format!(
            r#"{{"QueueUrl":"{url}","MaxNumberOfMessages":{},"WaitTimeSeconds":{RECEIVE_WAIT_S}}}"#,
            load.batch
        );
        let receive = Request::new(address, "ReceiveMessage", &receive);
        let (delete, delete_body) = match load.batch {
            1 => ("DeleteMessage", format!(r#"{{"QueueUrl":"{url}","ReceiptHandle":""#)),
            _ => ("DeleteMessageBatch", format!(r#"{{"QueueUrl":"{url}","Entries":["#)),
        };
        Self { send, receive, delete: Head::new(address, delete), delete_body, batch: load.batch }
    }

    /// Writes the body of a delete, and says how many messages it names.
    fn delete_body<'a>(&self, handles: impl Iterator<Item = &'a str>, body: &mut Vec<u8>) -> usize {
        body.clear();
        body.extend_from_slice(self.delete_body.as_bytes());
        let mut n = 0;
        for handle in handles {
            if self.batch == 1 {
                body.extend_from_slice(handle.as_bytes());
            } else {
                let comma = if n == 0 { "" } else { "," };
                // Writing to memory cannot fail.
                let _ = write!(body, r#"{comma}{{"Id":"{n}","ReceiptHandle":"{handle}"}}"#);
            }
            n += 1;
        }
        body.extend_from_slice(if self.batch == 1 { b"\"}" } else { b"]}" });
        n
    }
}

/// Runs the load on a thread and runtime of its own.
///
/// # Errors
/// When the server refuses, or a receive finds nothing although there must be something.
pub fn run(address: SocketAddr, url: &str, load: &Load) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requests = Arc::new(Requests::new(address, url, load));
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
    let mut delete = Vec::new();
    loop {
        let begun = Instant::now();
        if begun >= end {
            return Ok(outcome);
        }
        let answer = connection.call_built(&requests.send).await?;
        refuse_failed(answer, "send")?;
        let receiving = Instant::now();
        let answer = connection.call_built(&requests.receive).await?;
        let messages = requests.delete_body(members(answer, "ReceiptHandle"), &mut delete);
        if messages == 0 {
            return Err(io::Error::other(format!("a receive found nothing within {RECEIVE_WAIT_S} s")));
        }
        let received = receiving.elapsed();
        let answer = connection.call_with(&requests.delete, &delete).await?;
        refuse_failed(answer, "delete")?;
        let now = Instant::now();
        if begun >= start && now < end {
            outcome.messages += messages as u64;
            outcome.cycle.record(now.duration_since(begun).as_micros() as u64);
            outcome.receive.record(received.as_micros() as u64);
        }
    }
}

/// An error when an entry of a batch failed.
fn refuse_failed(answer: &str, what: &str) -> io::Result<()> {
    match memmem::find(answer.as_bytes(), b"\"Failed\":[{") {
        None => Ok(()),
        Some(_) => Err(io::Error::other(format!("a {what} failed: {answer}"))),
    }
}
