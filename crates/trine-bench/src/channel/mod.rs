//! `trine bench channel`: real-time fan-out, beside a bare loop of sends.

mod connect;
pub mod fan_out;
pub mod others;
mod protocol;
pub mod send_loop;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use protocol::{CHANNEL, Speaks};

use crate::process;
use crate::report::{Table, count, size};
use fan_out::{Load, Outcome};

/// What to measure.
pub struct Options {
    /// The server.
    pub address: SocketAddr,
    /// Its protocol.
    pub speaks: Speaks,
    /// Its process, for CPU and memory.
    pub server_pid: Option<u32>,
    /// Numbers of subscribers.
    pub subscribers: Vec<usize>,
    /// Publishes written at once.
    pub batches: Vec<usize>,
    /// Sizes of messages in bytes.
    pub sizes: Vec<usize>,
    /// Counted time of one row.
    pub time: Duration,
}

/// Not counted at the start of each row.
const WARM_UP: Duration = Duration::from_millis(500);
/// A row is left out when one batch for all its subscribers is larger: it would measure output limits.
const ROW_BATCH_BYTES_MAX: usize = 128 << 20;

/// The figures of one row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Subscribers.
    pub subscribers: usize,
    /// Publishes at once.
    pub batch: usize,
    /// Bytes of a message.
    pub payload: usize,
    /// What the load did.
    pub outcome: Outcome,
    /// CPU time of the server in the row, and its memory after it.
    pub server: Option<(Duration, u64)>,
    /// What the bare send loop did.
    pub bare: Option<Outcome>,
}

impl Row {
    /// Messages delivered per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        per_second(&self.outcome)
    }
}

fn per_second(outcome: &Outcome) -> f64 {
    outcome.deliveries as f64 / outcome.time.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Measures fan-out; `bare` runs the same load against a bare send loop, or is `None` to leave that out.
///
/// # Errors
/// When a connection breaks or a message is lost.
pub fn measure(
    options: &Options,
    bare: &mut dyn FnMut(&Load) -> io::Result<Option<Outcome>>,
    show: &mut dyn FnMut(&Row),
) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &payload in &options.sizes {
        for &subscribers in &options.subscribers {
            for &batch in &options.batches {
                let load =
                    Load { subscribers, batch, payload, warm_up: WARM_UP, time: options.time, rate: None, stalled: 0 };
                if load.batch_bytes() > ROW_BATCH_BYTES_MAX {
                    continue;
                }
                let before = options.server_pid.and_then(process::usage);
                let outcome = fan_out::run(options.address, options.speaks, &load)?;
                let after = options.server_pid.and_then(process::usage);
                let server = before.zip(after).map(|(b, a)| (a.cpu.saturating_sub(b.cpu), a.rss));
                let row = Row { subscribers, batch, payload, outcome, server, bare: bare(&load)? };
                show(&row);
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// The rows as a table.
#[must_use]
pub fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        "message",
        "subs",
        "batch",
        "deliveries/s",
        "publishes/s",
        "MB/s",
        "p50 ms",
        "p99 ms",
        "server CPU s",
        "deliveries/CPU s",
        "of send loop",
        "RSS MiB",
    ]);
    for row in rows {
        let outcome = &row.outcome;
        let seconds = outcome.time.as_secs_f64();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        // CPU is of the whole row, warm-up and the end included, so its deliveries are, too: as many as the rate says.
        let whole = row.per_second() * (seconds + WARM_UP.as_secs_f64());
        table.row(vec![
            size(row.payload),
            row.subscribers.to_string(),
            row.batch.to_string(),
            count(row.per_second()),
            count(outcome.published as f64 / seconds),
            format!("{:.1}", row.per_second() * row.payload as f64 / 1e6),
            format!("{:.2}", outcome.latency.quantile_ms(0.5)),
            format!("{:.2}", outcome.latency.quantile_ms(0.99)),
            or_dash(row.server.map(|(cpu, _)| format!("{:.1}", cpu.as_secs_f64()))),
            or_dash(row.server.map(|(cpu, _)| count(whole / cpu.as_secs_f64().max(0.01)))),
            or_dash(row.bare.as_ref().map(|bare| format!("{:.0} %", 100.0 * row.per_second() / per_second(bare)))),
            or_dash(row.server.map(|(_, rss)| (rss >> 20).to_string())),
        ]);
    }
    table
}
