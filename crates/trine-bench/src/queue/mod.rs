//! `trine bench queue`: send → receive → delete over the SQS protocol, beside a bare loop of HTTP and group commit; then size and waiting.

pub mod backlog;
pub mod bare;
pub mod cycles;
pub mod http;
pub mod many;
pub mod polls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use trine_env::Fs;

use crate::process;
use crate::report::{Table, count};
use cycles::{Load, Outcome};
use http::{Connection, members};

/// Name of the queue that is loaded.
pub const QUEUE: &str = "trine-bench";
/// Not counted at the start of each row.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long the bare loop runs.
const COMPARE: Duration = Duration::from_secs(2);

/// What to measure.
pub struct Options {
    /// The server's AWS listener.
    pub address: SocketAddr,
    /// Its process, for CPU and memory.
    pub server_pid: Option<u32>,
    /// Numbers of connections.
    pub connections: Vec<usize>,
    /// Messages in one request: 1 to 10.
    pub batches: Vec<usize>,
    /// Bytes of a message's body.
    pub payload: usize,
    /// Counted time of a row.
    pub time: Duration,
    /// Where the bare loop writes: a directory on the disk that the server uses. None leaves it out.
    pub raw_dir: Option<PathBuf>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Connections.
    pub connections: usize,
    /// Messages in one request.
    pub batch: usize,
    /// What the load did.
    pub outcome: Outcome,
    /// CPU time of the server in the row, and its memory after it.
    pub server: Option<(Duration, u64)>,
    /// What the bare loop did.
    pub bare: Option<Outcome>,
}

/// Creates a queue, or finds it, and returns its URL.
///
/// # Errors
/// When the server refuses.
pub fn create(address: SocketAddr, name: &str) -> io::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        create_on(&mut connection, name).await
    })
}

async fn create_on(connection: &mut Connection, name: &str) -> io::Result<String> {
    let answer = connection.call("CreateQueue", &format!(r#"{{"QueueName":"{name}"}}"#)).await?;
    members(answer, "QueueUrl").next().map(str::to_owned).ok_or_else(|| io::Error::other("no QueueUrl came back"))
}

fn delete(address: SocketAddr, url: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        connection.call("DeleteQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#)).await.map(drop)
    })
}

/// Measures cycles.
///
/// # Errors
/// When the server refuses or a connection breaks.
pub fn measure(options: &Options, fs: &dyn Fs, show: &mut dyn FnMut(&Row)) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &batch in &options.batches {
        for &connections in &options.connections {
            // A queue of its own: what an earlier row left in flight is not this row's.
            let url = create(options.address, &format!("{QUEUE}-{batch}-{connections}"))?;
            let load = Load { connections, batch, payload: options.payload, warm_up: WARM_UP, time: options.time };
            let before = options.server_pid.and_then(process::usage);
            let outcome = cycles::run(options.address, &url, &load)?;
            let after = options.server_pid.and_then(process::usage);
            delete(options.address, &url)?;
            let bare = match &options.raw_dir {
                Some(dir) => {
                    let address = bare::serve(fs, dir, batch, options.payload)?;
                    Some(cycles::run(address, "bare", &Load { time: COMPARE.min(options.time), ..load })?)
                }
                None => None,
            };
            let server = before.zip(after).map(|(b, a)| (a.cpu.saturating_sub(b.cpu), a.rss));
            let row = Row { connections, batch, outcome, server, bare };
            show(&row);
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The rows as a table.
#[must_use]
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "batch",
        "conns",
        "messages/s",
        "cycles/s",
        "cycle p50 ms",
        "cycle p99 ms",
        "receive p50 ms",
        "receive p99 ms",
        "server CPU s",
        "CPU µs/message",
        "of bare loop",
        "RSS MiB",
    ]);
    for row in rows {
        let outcome = &row.outcome;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        // CPU is of the whole row, warm-up included, so its messages are, too.
        let whole = outcome.per_second() * (outcome.time + WARM_UP).as_secs_f64();
        table.row(vec![
            row.batch.to_string(),
            row.connections.to_string(),
            count(outcome.per_second()),
            count(outcome.cycle.count() as f64 / outcome.time.as_secs_f64()),
            format!("{:.2}", outcome.cycle.quantile_ms(0.5)),
            format!("{:.2}", outcome.cycle.quantile_ms(0.99)),
            format!("{:.2}", outcome.receive.quantile_ms(0.5)),
            format!("{:.2}", outcome.receive.quantile_ms(0.99)),
            or_dash(row.server.map(|(cpu, _)| format!("{:.1}", cpu.as_secs_f64()))),
            or_dash(row.server.map(|(cpu, _)| format!("{:.1}", cpu.as_secs_f64() * 1e6 / whole.max(1.0)))),
            or_dash(row.bare.as_ref().map(|bare| format!("{:.0} %", 100.0 * outcome.per_second() / bare.per_second()))),
            or_dash(row.server.map(|(_, rss)| (rss >> 20).to_string())),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_goes_through_the_bare_loop() {
        let fs = trine_env::StdFs::new();
        let dir = std::env::temp_dir().join(format!("trine-bench-queue-{}", std::process::id()));
        for batch in [1, 10] {
            let address = bare::serve(&fs, &dir, batch, 100).unwrap();
            // As long as it takes: a machine that is busy with something else may need more than an instant for the first cycle.
            let messages = [200, 2_000, 20_000].into_iter().find_map(|ms| {
                let time = Duration::from_millis(ms);
                let load = Load { connections: 3, batch, payload: 100, warm_up: Duration::ZERO, time };
                let outcome = cycles::run(address, "bare", &load).unwrap();
                (outcome.messages > 0).then_some(outcome.messages)
            });
            assert!(messages.unwrap().is_multiple_of(batch as u64));
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
