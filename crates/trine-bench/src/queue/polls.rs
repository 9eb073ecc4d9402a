//! Many receivers that wait: how soon a message reaches one of them, whether it reaches only one, and what waiting costs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::http::{Connection, members};
use crate::histogram::Histogram;

/// How long a receive waits, in seconds: the most that the protocol allows.
const WAIT_S: u32 = 20;
/// How long a woken receiver may take to tell.
const WOKEN_MAX: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// From the write of a send to the message at its receiver.
    pub latency: Histogram,
    /// Messages that receivers got; must be as many as were sent.
    pub received: u64,
    /// Most and fewest messages that one receiver got.
    pub most: u64,
    /// See `most`.
    pub fewest: u64,
}

/// Parks `waiters` receivers, spread over the queues, for `parked`, calls `idle` at both ends of it, then sends `sends` messages one by one, each after the one
/// before was received.
///
/// # Errors
/// When the server refuses, or a message reaches nobody.
pub fn run(
    address: SocketAddr,
    urls: &[String],
    waiters: usize,
    parked: Duration,
    sends: usize,
    idle: &mut dyn FnMut(),
) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (tell, mut told) = mpsc::channel(waiters.max(1));
        let mut tasks = Vec::new();
        for n in 0..waiters {
            let url: Arc<str> = urls.get(n % urls.len().max(1)).map_or("", String::as_str).into();
            tasks.push(tokio::spawn(waiter(Connection::open(address).await?, url, n, tell.clone())));
        }
        // Everybody has asked once this much time has passed.
        tokio::time::sleep(Duration::from_secs(2)).await;
        idle();
        tokio::time::sleep(parked).await;
        idle();
        let mut sender = Connection::open(address).await?;
        let mut outcome = Outcome::default();
        let mut counts = vec![0_u64; waiters];
        for n in 0..sends {
            // Any order will do, but not the order in which they were parked.
            let url = urls.get(n * 7_919 % urls.len().max(1)).map_or("", String::as_str);
            let begun = Instant::now();
            sender.call("SendMessage", &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#)).await?;
            let woken = tokio::time::timeout(WOKEN_MAX, told.recv()).await;
            let (who, at): (usize, Instant) = match woken {
                Ok(Some(Ok(woken))) => woken,
                Ok(Some(Err(error))) => return Err(error),
                _ => return Err(io::Error::other("a message reached no receiver")),
            };
            outcome.latency.record(at.duration_since(begun).as_micros() as u64);
            outcome.received += 1;
            if let Some(count) = counts.get_mut(who) {
                *count += 1;
            }
        }
        if let Ok(Ok((who, _))) = told.try_recv() {
            return Err(io::Error::other(format!("receiver {who} got a message that was not sent")));
        }
        outcome.most = counts.iter().copied().max().unwrap_or(0);
        outcome.fewest = counts.iter().copied().min().unwrap_or(0);
        for task in tasks {
            task.abort();
        }
        Ok(outcome)
    })
}

type Woken = io::Result<(usize, Instant)>;

async fn waiter(mut connection: Connection, url: Arc<str>, who: usize, tell: mpsc::Sender<Woken>) {
    if let Err(error) = wait(&mut connection, &url, who, &tell).await {
        let _ = tell.send(Err(error)).await;
    }
}

async fn wait(connection: &mut Connection, url: &str, who: usize, tell: &mpsc::Sender<Woken>) -> io::Result<()> {
    let request = format!(r#"{{"QueueUrl":"{url}","WaitTimeSeconds":{WAIT_S}}}"#);
    loop {
        let answer = connection.call("ReceiveMessage", &request).await?;
        let handles: Vec<String> = members(answer, "ReceiptHandle").map(str::to_owned).collect();
        for handle in handles {
            if tell.send(Ok((who, Instant::now()))).await.is_err() {
                return Ok(());
            }
            let delete = format!(r#"{{"QueueUrl":"{url}","ReceiptHandle":"{handle}"}}"#);
            connection.call("DeleteMessage", &delete).await?;
        }
    }
}
