//! Millions of waiting messages: what they cost in memory, and what a receive costs beside them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::cycles::{self, Load, Outcome};
use super::http::{Connection, Request};

/// Messages in one request.
const BATCH: u64 = 10;

/// Sends `messages` of `payload` bytes from `senders` connections; `progress` gets how many were acknowledged now and then.
///
/// # Errors
/// When the server refuses one.
pub fn fill(
    address: SocketAddr,
    url: &str,
    messages: u64,
    payload: usize,
    senders: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<Duration> {
    let body = "x".repeat(payload);
    let entries: Vec<_> = (0..BATCH).map(|i| format!(r#"{{"Id":"{i}","MessageBody":"{body}"}}"#)).collect();
    let request = format!(r#"{{"QueueUrl":"{url}","Entries":[{}]}}"#, entries.join(","));
    let request = Arc::new(Request::new(address, "SendMessageBatch", &request));
    let sent = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for _ in 0..senders {
            let mut connection = Connection::open(address).await?;
            let (request, sent) = (Arc::clone(&request), Arc::clone(&sent));
            tasks.push(tokio::spawn(async move {
                while sent.fetch_add(BATCH, Ordering::Relaxed) < messages {
                    let answer = connection.call_built(&request).await?;
                    if answer.contains("\"Failed\":[{") {
                        return Err(io::Error::other(format!("a send failed: {answer}")));
                    }
                }
                Ok(())
            }));
        }
        for task in tasks {
            while !task.is_finished() {
                progress(sent.load(Ordering::Relaxed).min(messages));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            task.await.map_err(io::Error::other)??;
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(begun.elapsed())
}

/// Cycles of one connection: what sending, receiving and deleting takes with whatever waits in the queue.
///
/// # Errors
/// As [`cycles::run`].
pub fn one_worker(address: SocketAddr, url: &str, payload: usize, time: Duration) -> io::Result<Outcome> {
    let load = Load { connections: 1, batch: 1, payload, warm_up: Duration::from_millis(500), time };
    cycles::run(address, url, &load)
}
