//! What the disk alone gives: clients hand payloads to one commit thread that writes and syncs them together, into a zero-filled file. No protocol, no
//! sockets, no state; the loop that `durability = sync` is measured against.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use trine_env::{File, Fs, OpenMode};

use crate::histogram::Histogram;
use crate::load::Outcome;

/// Size of the file that is written round and round.
const FILE_BYTES: u64 = 256 << 20;
/// Frames start on this boundary.
const ALIGN: usize = 4096;
/// A frame takes no more payloads beyond this size.
const FRAME_BYTES: usize = 4 << 20;

type Waiting = oneshot::Sender<io::Result<()>>;

/// The loop: a thread that writes and syncs what waits, round and round in one file.
pub struct GroupCommit {
    submit: mpsc::SyncSender<Waiting>,
}

/// Payloads that may wait at once.
const WAITING_MAX: usize = 16 << 10;

impl GroupCommit {
    /// Zero-fills the file and starts the thread, which ends, and removes the file, once nobody has this any more.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub fn start(fs: &dyn Fs, dir: &Path, payload_bytes: usize) -> io::Result<Self> {
        fs.create_dir_all(dir)?;
        let path = dir.join("raw-wal.bench");
        if fs.exists(&path) {
            fs.remove_file(&path)?;
        }
        let file = fs.open(&path, OpenMode::CreateNew)?;
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_data()?;
        // It is gone when the thread closes it.
        fs.remove_file(&path)?;
        let (submit, queue) = mpsc::sync_channel::<Waiting>(WAITING_MAX);
        std::thread::Builder::new()
            .name("raw-commit".to_owned())
            .spawn(move || commit(&*file, &queue, payload_bytes))?;
        Ok(Self { submit })
    }

    /// Completes once one payload is on the disk.
    ///
    /// # Errors
    /// When the disk failed.
    pub async fn commit(&self) -> io::Result<()> {
        let (tell, told) = oneshot::channel();
        self.submit.send(tell).map_err(io::Error::other)?;
        told.await.map_err(io::Error::other)?
    }
}

/// Runs `clients` tasks that each keep one payload of `bytes` in flight, for `time`.
///
/// # Errors
/// When the directory cannot be written to.
pub fn run(fs: &dyn Fs, dir: &Path, clients: usize, bytes: usize, time: Duration) -> io::Result<Outcome> {
    let commit = Arc::new(GroupCommit::start(fs, dir, bytes)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let end = Instant::now() + time;
        let tasks: Vec<_> = (0..clients).map(|_| tokio::spawn(client(Arc::clone(&commit), end))).collect();
        let mut outcome = Outcome { time, ..Outcome::default() };
        for task in tasks {
            let latency = task.await.map_err(io::Error::other)??;
            outcome.records += latency.count();
            outcome.latency.merge(&latency);
        }
        Ok(outcome)
    })
}

async fn client(commit: Arc<GroupCommit>, end: Instant) -> io::Result<Histogram> {
    let mut latency = Histogram::default();
    loop {
        let start = Instant::now();
        if start >= end {
            return Ok(latency);
        }
        commit.commit().await?;
        latency.record(start.elapsed().as_micros() as u64);
    }
}

fn commit(file: &dyn File, queue: &mpsc::Receiver<Waiting>, bytes: usize) {
    let payload = vec![0x5a; bytes];
    let mut frame = Vec::with_capacity(FRAME_BYTES + bytes);
    let mut waiting = Vec::new();
    let mut at = 0_u64;
    while let Ok(first) = queue.recv() {
        frame.clear();
        frame.extend_from_slice(&payload);
        waiting.push(first);
        while frame.len() < FRAME_BYTES {
            let Ok(next) = queue.try_recv() else { break };
            frame.extend_from_slice(&payload);
            waiting.push(next);
        }
        let crc = crc32c::crc32c(&frame);
        frame.extend_from_slice(&crc.to_le_bytes());
        frame.resize(frame.len().next_multiple_of(ALIGN), 0);
        if at + frame.len() as u64 > FILE_BYTES {
            at = 0;
        }
        let result = file.write_all_at(&frame, at).and_then(|()| file.sync_data());
        at += frame.len() as u64;
        for waiter in waiting.drain(..) {
            let _ = waiter.send(result.as_ref().copied().map_err(|error| io::Error::other(error.to_string())));
        }
    }
}
