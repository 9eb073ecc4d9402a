//! `trine bench topic`: durable produce over record sizes and connections, then reading back.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use trine_env::Fs;

use crate::kafka::client::Client;
use crate::kafka::consume;
use crate::kafka::produce::Produce;
use crate::load::{self, Exchange, Outcome, Shape};
use crate::report::{Table, count, size};
use crate::{echo, process, wal};

/// What to measure.
pub struct Options {
    /// The server's Kafka listener.
    pub address: SocketAddr,
    /// Its process, for CPU and memory.
    pub server_pid: Option<u32>,
    /// Record sizes in bytes.
    pub sizes: Vec<usize>,
    /// Numbers of connections.
    pub connections: Vec<usize>,
    /// Requests in flight on each connection.
    pub in_flight: Vec<usize>,
    /// Records in one request.
    pub records: u32,
    /// Partitions of the topic; connections are spread over them.
    pub partitions: u32,
    /// Counted time of one row.
    pub time: Duration,
    /// Where the bare group-commit loop writes: a directory on the disk that the server uses. None leaves the comparison out.
    pub raw_dir: Option<PathBuf>,
    /// Whether to run the bare TCP echo beside each row.
    pub echo: bool,
}

const TOPIC: &str = "trine-bench";
/// So that a fast run does not fill the disk: what a partition keeps, and the unit it is dropped in.
const TOPIC_SETTINGS: [(&str, &str); 4] = [
    ("retention.bytes", "268435456"),
    ("segment.bytes", "67108864"),
    ("max.message.bytes", "8388608"),
    // The records' timestamps are constants of long ago.
    ("retention.ms", "-1"),
];
/// Not counted at the start of each row.
const WARM_UP: Duration = Duration::from_millis(500);
/// How long a comparison runs.
const COMPARE: Duration = Duration::from_secs(2);

/// Measures durable produce; `show` gets the table each time it has a new row.
///
/// # Errors
/// When the server refuses or a connection breaks.
pub fn produce(options: &Options, fs: &dyn Fs, show: &mut dyn FnMut(&Table)) -> io::Result<Table> {
    let mut table = Table::new(&[
        "record",
        "conns",
        "in flight",
        "records/s",
        "MB/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "server CPU s",
        "CPU µs/rec",
        "of echo",
        "of bare WAL",
        "RSS MiB",
    ]);
    for &bytes in &options.sizes {
        for &connections in &options.connections {
            for &in_flight in &options.in_flight {
                table.row(row(options, fs, bytes, connections, in_flight)?);
                show(&table);
            }
        }
    }
    Ok(table)
}

fn row(options: &Options, fs: &dyn Fs, bytes: usize, connections: usize, in_flight: usize) -> io::Result<Vec<String>> {
    let mut client = Client::connect(options.address)?;
    client.create_topic(TOPIC, options.partitions as i32, &TOPIC_SETTINGS)?;
    let exchange = Arc::new(Produce::new(TOPIC, options.partitions, bytes, options.records));
    let request_bytes = exchange.request_bytes();
    let shape = Shape { connections, in_flight, warm_up: WARM_UP, time: options.time };
    let before = options.server_pid.and_then(process::usage);
    let outcome = load::run(options.address, exchange, shape)?;
    let after = options.server_pid.and_then(process::usage);
    client.delete_topic(TOPIC)?;
    let echo = match options.echo {
        true => Some(bare_echo(request_bytes, u64::from(options.records), shape)?),
        false => None,
    };
    let raw = match &options.raw_dir {
        Some(dir) => Some(wal::run(fs, dir, connections * in_flight, bytes * options.records as usize, COMPARE)?),
        None => None,
    };
    let cpu = before.zip(after).map(|(before, after)| after.cpu.saturating_sub(before.cpu).as_secs_f64());
    // CPU is of the whole row, warm-up included, so its records are too.
    let all_records = outcome.per_second() * (options.time + WARM_UP).as_secs_f64();
    let share = |other: Option<f64>| {
        other.map_or_else(|| "-".to_owned(), |other| format!("{:.0} %", 100.0 * outcome.per_second() / other))
    };
    Ok(vec![
        size(bytes),
        connections.to_string(),
        in_flight.to_string(),
        count(outcome.per_second()),
        format!("{:.1}", outcome.per_second() * bytes as f64 / 1e6),
        format!("{:.2}", outcome.latency.quantile_ms(0.5)),
        format!("{:.2}", outcome.latency.quantile_ms(0.99)),
        format!("{:.2}", outcome.latency.quantile_ms(0.999)),
        cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.1}")),
        cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.2}", cpu * 1e6 / all_records)),
        share(echo.map(|echo| echo.per_second())),
        share(raw.map(|raw| raw.per_second() * f64::from(options.records))),
        after.map_or_else(|| "-".to_owned(), |after| (after.rss >> 20).to_string()),
    ])
}

fn bare_echo(request_bytes: usize, records: u64, shape: Shape) -> io::Result<Outcome> {
    let address = echo::serve(Produce::answer_bytes(TOPIC))?;
    let exchange: Arc<dyn Exchange> = Arc::new(echo::Echo::new(request_bytes, records));
    load::run(address, exchange, Shape { time: COMPARE.min(shape.time), ..shape })
}

/// How reading is measured.
pub struct ReadOptions {
    /// The server's Kafka listener.
    pub address: SocketAddr,
    /// Its process, for CPU.
    pub server_pid: Option<u32>,
    /// Bytes to write and read back.
    pub bytes: u64,
    /// Readers that follow the tail while it is written.
    pub followers: usize,
    /// How long they follow.
    pub time: Duration,
}

const READ_TOPIC: &str = "trine-bench-read";
const READ_RECORD_BYTES: usize = 1024;
const READ_BATCH_RECORDS: u32 = 64;

/// Measures reading: the whole of a partition from its start, and the tail by many readers at once while it is written.
///
/// # Errors
/// When the server refuses or a connection breaks.
pub fn consume(options: &ReadOptions) -> io::Result<Table> {
    let mut table = Table::new(&["reading", "readers", "MB/s all", "records/s all", "fetches/s", "server CPU s"]);
    let mut client = Client::connect(options.address)?;
    client.delete_topic(READ_TOPIC)?;
    client.create_topic(READ_TOPIC, 1, &[("retention.ms", "-1")])?;
    let exchange: Arc<dyn Exchange> = Arc::new(Produce::new(READ_TOPIC, 1, READ_RECORD_BYTES, READ_BATCH_RECORDS));
    let write = |time| {
        let shape = Shape { connections: 4, in_flight: 4, warm_up: Duration::ZERO, time };
        load::run(options.address, Arc::clone(&exchange), shape)
    };
    while client.end_offset(READ_TOPIC, 0)? as u64 * (READ_RECORD_BYTES as u64) < options.bytes {
        write(Duration::from_millis(500))?;
    }
    let cpu = || options.server_pid.and_then(process::usage).map(|usage| usage.cpu);
    let mut add = |what: &str, readers: usize, reads: &[consume::Read], before: Option<Duration>| {
        let per_second = |n: &dyn Fn(&consume::Read) -> u64| {
            reads.iter().map(|read| n(read) as f64 / read.time.as_secs_f64()).sum::<f64>()
        };
        let used = before
            .zip(cpu())
            .map_or_else(|| "-".to_owned(), |(before, after)| format!("{:.2}", (after - before).as_secs_f64()));
        table.row(vec![
            what.to_owned(),
            readers.to_string(),
            format!("{:.0}", per_second(&|read| read.bytes) / 1e6),
            count(per_second(&|read| read.records)),
            count(per_second(&|read| read.fetches)),
            used,
        ]);
    };
    let before = cpu();
    let once = consume::catch_up(options.address, READ_TOPIC, 0)?;
    add("from the start", 1, &[once], before);
    let before = cpu();
    let reads = std::thread::scope(|scope| {
        let follow = || consume::follow(options.address, READ_TOPIC, 0, options.time);
        let readers: Vec<_> = (0..options.followers).map(|_| scope.spawn(follow)).collect();
        let written = write(options.time);
        let reads: io::Result<Vec<_>> = readers
            .into_iter()
            .map(|reader| reader.join().map_err(|_| io::Error::other("a reader panicked"))?)
            .collect();
        written.and(reads)
    })?;
    add("the tail", options.followers, &reads, before);
    client.delete_topic(READ_TOPIC)?;
    Ok(table)
}
