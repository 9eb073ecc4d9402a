//! Many queues: creating, listing, and using some of them.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::http::{Connection, members};

/// Connections that create at the same time.
const CREATORS: usize = 50;
/// Queues of one page of a list.
const PAGE: usize = 1000;

/// Name of the nth queue.
#[must_use]
pub fn name(n: usize) -> String {
    format!("trine-bench-many-{n:06}")
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Creates `count` queues.
///
/// # Errors
/// When the server refuses one.
pub fn create(address: SocketAddr, count: usize) -> io::Result<Duration> {
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut tasks = Vec::new();
        for creator in 0..CREATORS {
            let mut connection = Connection::open(address).await?;
            tasks.push(tokio::spawn(async move {
                for n in (creator..count).step_by(CREATORS) {
                    super::create_on(&mut connection, &name(n)).await?;
                }
                Ok::<_, io::Error>(())
            }));
        }
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(begun.elapsed())
}

/// Lists them all by page: how long that takes and how many there are.
///
/// # Errors
/// When the server refuses.
pub fn list(address: SocketAddr) -> io::Result<(Duration, usize)> {
    let begun = Instant::now();
    let found = runtime()?.block_on(async {
        let mut connection = Connection::open(address).await?;
        let (mut found, mut token) = (0, String::new());
        loop {
            let next = if token.is_empty() { String::new() } else { format!(r#","NextToken":"{token}""#) };
            let request = format!(r#"{{"QueueNamePrefix":"trine-bench-many-","MaxResults":{PAGE}{next}}}"#);
            let answer = connection.call("ListQueues", &request).await?;
            found += answer.matches("trine-bench-many-").count();
            match members(answer, "NextToken").next() {
                Some(next) => token = next.to_owned(),
                None => return Ok::<_, io::Error>(found),
            }
        }
    })?;
    Ok((begun.elapsed(), found))
}

/// Sends to, receives from and deletes in `used` of `count` queues, spread over all.
///
/// # Errors
/// When one of them does not answer as it should.
pub fn touch(address: SocketAddr, count: usize, used: usize) -> io::Result<Duration> {
    let begun = Instant::now();
    runtime()?.block_on(async {
        let mut connection = Connection::open(address).await?;
        for n in 0..used {
            // A step that shares no factor with a power of ten visits queues in no particular order, each once.
            let name = name(n * 7_919 % count.max(1));
            let answer = connection.call("GetQueueUrl", &format!(r#"{{"QueueName":"{name}"}}"#)).await?;
            let url = members(answer, "QueueUrl").next().unwrap_or_default().to_owned();
            connection.call("SendMessage", &format!(r#"{{"QueueUrl":"{url}","MessageBody":"x"}}"#)).await?;
            let answer = connection.call("ReceiveMessage", &format!(r#"{{"QueueUrl":"{url}"}}"#)).await?;
            let handle = members(answer, "ReceiptHandle").next().map(str::to_owned);
            let handle = handle.ok_or_else(|| io::Error::other(format!("{name} gave nothing back")))?;
            let delete = format!(r#"{{"QueueUrl":"{url}","ReceiptHandle":"{handle}"}}"#);
            connection.call("DeleteMessage", &delete).await?;
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(begun.elapsed())
}
