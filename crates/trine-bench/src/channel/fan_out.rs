//! One publisher, many subscribers of one channel: the publisher writes a batch, waits for its answers and writes the next; subscribers read whatever
//! comes. How far it may be ahead of them is bounded, so that no server's output limit is met.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::connect;
use super::protocol::{NATS_PING, NATS_PONG, Speaks, Words};
use crate::histogram::Histogram;

/// Batches the publisher may be ahead of the slowest delivery, by number and by the bytes they are for one subscriber.
const AHEAD_BATCHES_MAX: u64 = 64;
const AHEAD_BYTES_MAX: usize = 4 << 20;
/// And by the bytes they are for all subscribers: servers bound that, too.
const AHEAD_ALL_BYTES_MAX: usize = 256 << 20;
/// How long the last deliveries may take after the end.
const DRAIN: Duration = Duration::from_secs(30);
/// What is read from the publisher's socket at once.
const REPLY_BYTES: usize = 4 << 10;
/// What is read from a subscriber's socket at once.
const READ_BYTES: usize = 256 << 10;

/// How much load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Who is subscribed.
    pub subscribers: usize,
    /// Publishes written at once.
    pub batch: usize,
    /// Bytes of a message.
    pub payload: usize,
    /// Not counted, at the start.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
    /// Batches per second; `None`: as fast as the answers come.
    pub rate: Option<f64>,
    /// Subscribers that stop reading after their confirmation, beside the others.
    pub stalled: usize,
}

/// What it did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Messages that subscribers got within the counted time.
    pub deliveries: u64,
    /// Messages that were published within it.
    pub published: u64,
    /// From the write of a batch to its last message at one subscriber.
    pub latency: Histogram,
    /// The counted time.
    pub time: Duration,
}

impl Load {
    /// Bytes of one batch for all subscribers.
    #[must_use]
    pub const fn batch_bytes(&self) -> usize {
        self.subscribers * self.batch * self.payload
    }

    /// How many batches the publisher may be ahead.
    fn ahead(&self) -> u64 {
        let one = AHEAD_BYTES_MAX / (self.batch * self.payload).max(1);
        let all = AHEAD_ALL_BYTES_MAX / self.batch_bytes().max(1);
        (one.min(all) as u64).clamp(1, AHEAD_BATCHES_MAX)
    }
}

struct Shared {
    /// When the last batches were written, by number modulo the window.
    written: RefCell<Vec<Instant>>,
    counts: RefCell<Counts>,
    moved: Notify,
    /// One buffer for all: nobody keeps anything in it.
    buffer: RefCell<Vec<u8>>,
}

#[derive(Default)]
struct Counts {
    deliveries: u64,
    counting: bool,
    latency: Histogram,
}

/// Runs the load on this thread.
///
/// # Errors
/// When a connection breaks, an answer is wrong, or a message is lost or not what was published.
pub fn run(address: SocketAddr, speaks: Speaks, load: &Load) -> io::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, drive(address, speaks, load))
}

async fn drive(address: SocketAddr, speaks: Speaks, load: &Load) -> io::Result<Outcome> {
    let words = Rc::new(Words::new(speaks, load.payload));
    let window = load.ahead();
    let shared = Rc::new(Shared {
        written: RefCell::new(vec![Instant::now(); window as usize + 1]),
        counts: RefCell::default(),
        moved: Notify::new(),
        buffer: RefCell::new(vec![0; READ_BYTES]),
    });
    let mut tasks = Vec::new();
    for _ in 0..load.subscribers {
        let stream = connect::subscriber(address, speaks, super::CHANNEL).await?;
        tasks.push(tokio::task::spawn_local(subscriber(
            stream,
            Rc::clone(&words),
            Rc::clone(&shared),
            load.batch as u64,
        )));
    }
    let mut stalled = Vec::new();
    for _ in 0..load.stalled {
        stalled.push(connect::subscriber(address, speaks, super::CHANNEL).await?);
    }
    let publisher = connect::connect(address, speaks).await?;
    let outcome = publish(publisher, &words, &shared, load, window).await;
    for task in &tasks {
        if task.is_finished() {
            // Only a failure ends one.
            return Err(io::Error::other("a subscriber's connection failed"));
        }
        task.abort();
    }
    outcome
}

async fn publish(
    mut stream: TcpStream,
    words: &Words,
    shared: &Shared,
    load: &Load,
    window: u64,
) -> io::Result<Outcome> {
    let mut request = Vec::new();
    for _ in 0..load.batch {
        request.extend_from_slice(&words.publish);
    }
    request.extend_from_slice(words.batch_end);
    let per_batch = (load.batch * load.subscribers) as u64;
    let mut replies = vec![0; REPLY_BYTES];
    let begun = Instant::now();
    let (start, end) = (begun + load.warm_up, begun + load.warm_up + load.time);
    let mut batches = 0_u64;
    let mut at_start = None;
    loop {
        let now = Instant::now();
        if at_start.is_none() && now >= start {
            let mut counts = shared.counts.borrow_mut();
            counts.counting = true;
            at_start = Some((counts.deliveries, batches, now));
        }
        if now >= end {
            break;
        }
        if let Some(rate) = load.rate {
            let due = begun + Duration::from_secs_f64(batches as f64 / rate);
            if due > now {
                tokio::time::sleep(due - now).await;
                continue;
            }
        }
        if let Some(slot) = shared.written.borrow_mut().get_mut((batches % (window + 1)) as usize) {
            *slot = now;
        }
        stream.write_all(&request).await?;
        batches += 1;
        read_replies(&mut stream, words, load.batch, &mut replies).await?;
        while batches * per_batch > shared.counts.borrow().deliveries + window * per_batch {
            shared.moved.notified().await;
        }
    }
    let (deliveries, published, since) = at_start.unwrap_or((0, 0, begun));
    let (counted, latency) = {
        let mut counts = shared.counts.borrow_mut();
        counts.counting = false;
        (counts.deliveries - deliveries, counts.latency.clone())
    };
    let time = since.elapsed();
    let all = batches * per_batch;
    let drained = async {
        while shared.counts.borrow().deliveries < all {
            shared.moved.notified().await;
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        let got = shared.counts.borrow().deliveries;
        return Err(io::Error::other(format!("{got} of {all} messages were delivered")));
    }
    Ok(Outcome { deliveries: counted, published: (batches - published) * load.batch as u64, latency, time })
}

/// Waits until a whole batch is answered.
async fn read_replies(stream: &mut TcpStream, words: &Words, batch: usize, buffer: &mut [u8]) -> io::Result<()> {
    let mut missing = match words.speaks {
        Speaks::Redis => batch,
        Speaks::Nats => 1,
    };
    while missing > 0 {
        let n = stream.read(buffer).await?;
        let got = buffer.get(..n).unwrap_or_default();
        if n == 0 || got.contains(&b'-') {
            return Err(io::Error::other(format!("a publish was answered {:?}", String::from_utf8_lossy(got))));
        }
        // A NATS server pings now and then; that is a line, too, and it wants an answer.
        for _ in 0..got.windows(NATS_PING.len()).filter(|bytes| *bytes == NATS_PING).count() {
            stream.write_all(NATS_PONG).await?;
            missing += 1;
        }
        missing = missing.saturating_sub(got.iter().filter(|byte| **byte == b'\n').count());
    }
    Ok(())
}

/// Reads deliveries for ever; ends only when something is wrong.
async fn subscriber(mut stream: TcpStream, words: Rc<Words>, shared: Rc<Shared>, batch: u64) -> io::Result<()> {
    let frame = words.delivery.len();
    // Bytes of the current frame that were read, and frames before it.
    let (mut at, mut count) = (0_usize, 0_u64);
    loop {
        stream.readable().await?;
        let mut pongs = 0;
        {
            let mut buffer = shared.buffer.borrow_mut();
            let n = match stream.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let mut rest = buffer.get(..n).unwrap_or_default();
            let before = count;
            while !rest.is_empty() {
                if at == 0 && words.speaks == Speaks::Nats && rest.starts_with(NATS_PING) {
                    rest = rest.get(NATS_PING.len()..).unwrap_or_default();
                    pongs += 1;
                    continue;
                }
                let take = rest.len().min(frame - at);
                let (got, tail) = rest.split_at(take);
                // The first frame is compared whole, later ones where they begin: a generator that compares everything measures itself.
                let compared = if count == 0 { take } else { take.min(1) };
                if got.get(..compared) != words.delivery.get(at..at + compared) {
                    return Err(io::Error::other("a message is not what was published"));
                }
                at += take;
                rest = tail;
                if at == frame {
                    at = 0;
                    count += 1;
                }
            }
            shared.received(before, count, batch);
        }
        for _ in 0..pongs {
            stream.write_all(NATS_PONG).await?;
        }
    }
}

impl Shared {
    /// A subscriber's count of messages went from `before` to `after`.
    fn received(&self, before: u64, after: u64, batch: u64) {
        if before == after {
            return;
        }
        let mut counts = self.counts.borrow_mut();
        counts.deliveries += after - before;
        if counts.counting && before / batch != after / batch {
            let now = Instant::now();
            let written = self.written.borrow();
            for done in before / batch..after / batch {
                if let Some(at) = written.get((done % written.len() as u64) as usize) {
                    counts.latency.record(now.duration_since(*at).as_micros() as u64);
                }
            }
        }
        drop(counts);
        self.moved.notify_one();
    }
}
