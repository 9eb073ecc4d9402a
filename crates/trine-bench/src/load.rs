//! Closed-loop load over TCP: every connection keeps a number of requests in flight for a time.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::histogram::Histogram;

/// Requests and answers of one kind, each a frame with a 4-byte big-endian length in front.
pub trait Exchange: Send + Sync + 'static {
    /// Appends one request frame, its length included, as far as it is not [`Exchange::tail`]. `connection` and `number` tell requests apart.
    fn request(&self, connection: usize, number: u32, out: &mut Vec<u8>);
    /// The end of every request of a connection, sent from where it lies: copying large requests would cost more than all else that the generator does.
    fn tail(&self, _connection: usize) -> &[u8] {
        &[]
    }
    /// Checks an answer frame (without its length): how many records it acknowledged, and what was wrong.
    fn answer(&self, number: u32, frame: &[u8]) -> Result<u64, String>;
}

/// How much load.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Connections.
    pub connections: usize,
    /// Requests in flight on each.
    pub in_flight: usize,
    /// Not counted, at the start.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Acknowledged records within the counted time.
    pub records: u64,
    /// The counted time.
    pub time: Duration,
    /// From the write of a request to its answer.
    pub latency: Histogram,
}

impl Outcome {
    /// Acknowledged records per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.records as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Runs a load on its own thread and runtime (one thread: the other core is the server's).
///
/// # Errors
/// When a connection fails or an answer is wrong: a benchmark of a failing server says nothing.
pub fn run(address: SocketAddr, exchange: Arc<dyn Exchange>, shape: Shape) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let start = Instant::now() + shape.warm_up;
        let end = start + shape.time;
        let mut connections = Vec::new();
        for index in 0..shape.connections {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            connections.push((index, stream));
        }
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|(index, stream)| {
                tokio::spawn(connection(stream, index, Arc::clone(&exchange), shape.in_flight, start, end))
            })
            .collect();
        let mut outcome = Outcome { time: shape.time, ..Outcome::default() };
        for task in tasks {
            let one = task.await.map_err(io::Error::other)??;
            outcome.records += one.records;
            outcome.latency.merge(&one.latency);
        }
        Ok(outcome)
    })
}

/// Read buffer of one connection. Answers are small; a larger one grows it.
const READ_BYTES: usize = 16 << 10;

async fn connection(
    mut stream: TcpStream,
    index: usize,
    exchange: Arc<dyn Exchange>,
    in_flight: usize,
    start: Instant,
    end: Instant,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut sent: std::collections::VecDeque<(u32, Instant)> = std::collections::VecDeque::with_capacity(in_flight);
    let mut number = 0_u32;
    let mut out = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut filled = 0;
    loop {
        let now = Instant::now();
        if now < end {
            out.clear();
            while sent.len() < in_flight {
                exchange.request(index, number, &mut out);
                sent.push_back((number, now));
                number = number.wrapping_add(1);
                let tail = exchange.tail(index);
                if !tail.is_empty() {
                    write_both(&mut stream, &out, tail).await?;
                    out.clear();
                }
            }
            if !out.is_empty() {
                stream.write_all(&out).await?;
            }
        } else if sent.is_empty() {
            return Ok(outcome);
        }
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let n = stream.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        if n == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection under load"));
        }
        filled += n;
        let now = Instant::now();
        let mut at = 0;
        while let Some(frame) = frame(buffer.get(at..filled).unwrap_or_default()) {
            let (number, written) = sent.pop_front().ok_or_else(|| io::Error::other("an answer nobody asked for"))?;
            let records = exchange.answer(number, frame).map_err(io::Error::other)?;
            if now >= start && now < end {
                outcome.records += records;
                outcome.latency.record(now.duration_since(written).as_micros() as u64);
            }
            at += 4 + frame.len();
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
}

async fn write_both(stream: &mut TcpStream, mut head: &[u8], mut tail: &[u8]) -> io::Result<()> {
    while !head.is_empty() {
        let written = stream.write_vectored(&[IoSlice::new(head), IoSlice::new(tail)]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_head = written.min(head.len());
        head = head.get(of_head..).unwrap_or_default();
        tail = tail.get(written - of_head..).unwrap_or_default();
    }
    stream.write_all(tail).await
}

/// The first complete frame of `bytes`, without its length.
#[must_use]
pub fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*len) as usize)
}
