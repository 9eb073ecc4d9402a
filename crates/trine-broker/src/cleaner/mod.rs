//! Log compaction: keeps the newest record of each key in the closed part of a partition (decision E11, reference/kafka.md §4).
//!
//! One job at a time, on a thread that may block: first the newest offset of every key in the part that was not cleaned yet, in a map of bounded size;
//! then every batch from the log start to the end of that part, rewritten without what the map says is old. Offsets never change. The store uses a
//! rewritten batch only once it is synced; the record that the part is clean comes last, so a crash in between cleans again.

mod keys;
mod rewrite;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use trine_core::streams::LogicalSegment;
use trine_types::{Offset, Timestamp};

use crate::{PartitionRef, broker::Inner, shard::Command, streams::ReadFailure};

/// Jobs that may wait; a partition that finds no room is found again by the next sweep.
pub(crate) const CLEANER_JOBS_MAX: usize = 64;

/// What to compact.
pub(crate) struct Job {
    pub(crate) partition: PartitionRef,
    /// Where the log begins.
    pub(crate) start: Offset,
    /// Up to here it was cleaned before.
    pub(crate) cleaned_to: Offset,
    /// Up to here it shall be clean: the end of a closed segment, all of it durable.
    pub(crate) to: Offset,
    /// The segments that begin below `to`.
    pub(crate) segments: Vec<LogicalSegment>,
    /// Two neighbouring segments that together are not larger become one.
    pub(crate) segment_bytes: u64,
    /// Message time of the decision.
    pub(crate) now: Timestamp,
    /// How long a tombstone stays readable, in milliseconds.
    pub(crate) tombstone_ms: i64,
    /// Memory of the key map, in bytes.
    pub(crate) map_bytes: usize,
}

/// What a job did.
pub(crate) struct Cleaned {
    /// Everything below is clean.
    pub(crate) to: Offset,
    /// What the segments that began below are now.
    pub(crate) segments: Vec<LogicalSegment>,
}

/// Takes jobs one by one until the broker stops.
pub(crate) async fn run(inner: Arc<Inner>, mut jobs: mpsc::Receiver<Job>) {
    let mut stopping = inner.stopping.subscribe();
    loop {
        let job = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { return };
        let partition = job.partition.clone();
        let (to, done) = oneshot::channel();
        let shared = Arc::clone(&inner);
        inner.host.block(Box::new(move || {
            let _ = to.send(clean(&shared, job));
        }));
        let cleaned = match done.await {
            Ok(Ok(cleaned)) => Some(cleaned),
            Ok(Err(failure)) => {
                tracing::error!(?partition, ?failure, "log compaction failed; it will be tried again");
                None
            }
            Err(_) => None,
        };
        let shard = usize::from(inner.shard_of(partition.entity()).0);
        inner.tell(shard, Command::Call(Box::new(move |shard| shard.compacted(&partition, cleaned))));
    }
}

fn clean(inner: &Inner, mut job: Job) -> Result<Cleaned, ReadFailure> {
    let keys = keys::newest(inner, &job)?;
    // A map that was too small covers less.
    job.to = keys.covers_to;
    let removed = rewrite::rewrite(inner, &job, &keys)?;
    let segments = merge(&job, &removed);
    Ok(Cleaned { to: job.to, segments })
}

/// The segments with what is left in them; neighbours that fit into one become one.
fn merge(job: &Job, removed: &[u64]) -> Vec<LogicalSegment> {
    let mut merged: Vec<LogicalSegment> = Vec::new();
    let segments = job.segments.iter().filter(|segment| segment.base < job.to);
    for (segment, removed) in segments.zip(removed) {
        let segment = LogicalSegment { bytes: segment.bytes.saturating_sub(*removed), ..*segment };
        match merged.last_mut() {
            Some(last) if last.bytes + segment.bytes <= job.segment_bytes => {
                last.bytes += segment.bytes;
                last.max_ts = last.max_ts.max(segment.max_ts);
            }
            _ => merged.push(segment),
        }
    }
    merged
}
