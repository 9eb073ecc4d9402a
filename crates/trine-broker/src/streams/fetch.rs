//! Fetch: batches of several partitions, waiting for more when there is too little.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use trine_storage::{StoredBatch, Where};
use trine_types::Offset;

use super::{Streams, read::ReadFailure};
use crate::{PartitionRef, broker::Inner, view::Waiter};

/// What to fetch (reference/kafka.md §4 "Fetch rules").
#[derive(Clone, Debug)]
pub struct FetchSpec {
    /// From where, in the order in which the byte limit is shared out.
    pub partitions: Vec<FetchPartition>,
    /// Wait until so many bytes are there.
    pub min_bytes: u32,
    /// Return no more than this, but always one batch if there is any.
    pub max_bytes: u32,
    /// Wait at most so long; zero answers at once.
    pub max_wait: Duration,
}

/// One partition of a fetch.
#[derive(Clone, Debug)]
pub struct FetchPartition {
    /// Which.
    pub partition: PartitionRef,
    /// The first offset wanted.
    pub from: Offset,
    /// At most so many bytes of this partition.
    pub max_bytes: u32,
    /// The leader epoch the client knows.
    pub current_leader_epoch: Option<i32>,
    /// The epoch of the last record the client has.
    pub last_fetched_epoch: Option<i32>,
}

/// The answer: one entry per partition of the request, in its order.
#[derive(Clone, Debug, Default)]
pub struct FetchResult {
    /// What was found.
    pub partitions: Vec<Result<Fetched, FetchError>>,
}

/// What a partition gave.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Where the log begins.
    pub log_start: Offset,
    /// The high watermark.
    pub end: Offset,
    /// Whole batches, ready to send; the first may begin before the wanted offset.
    pub batches: Vec<StoredBatch>,
    /// The client's log and this one part here; then there are no batches.
    pub diverging: Option<EpochEnd>,
}

/// Where a leader epoch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch that is not larger than the asked one.
    pub epoch: i32,
    /// The first offset after it.
    pub end: Offset,
}

/// Why a partition gave nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The topic was deleted, perhaps while the fetch was parked.
    #[error("the topic was deleted")]
    UnknownPartition,
    /// The offset is not in the log.
    #[error("offset {from} is outside of {log_start} to {end}")]
    OutOfRange {
        /// What was asked for.
        from: Offset,
        /// Where the log begins.
        log_start: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The client's leader epoch is older than ours.
    #[error("the leader epoch is {current} by now")]
    FencedEpoch {
        /// Ours.
        current: i32,
    },
    /// The client's leader epoch is newer than ours.
    #[error("the leader epoch is still {current}")]
    UnknownEpoch {
        /// Ours.
        current: i32,
    },
    /// The stored bytes are damaged; already reported.
    #[error("corrupt data in {0}")]
    Corrupt(Where),
    /// The disk did not give them; already reported.
    #[error("cannot read {0}")]
    Io(String),
}

impl From<ReadFailure> for FetchError {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Corrupt(at) => Self::Corrupt(at),
            ReadFailure::Io(what) => Self::Io(what),
        }
    }
}

impl Streams<'_> {
    /// Reads several partitions, waiting for more if there is too little. Data that is there is read without asking the shards. Dropping the future
    /// ends the wait.
    pub async fn fetch(self, spec: FetchSpec) -> FetchResult {
        let inner = &self.broker.inner;
        let result = fetch(inner, &spec).await;
        let bytes: usize = result.partitions.iter().flatten().map(Fetched::bytes).sum();
        inner.counters.fetches.add(1);
        inner.counters.bytes_fetched.add(bytes as u64);
        result
    }
}

impl Fetched {
    fn bytes(&self) -> usize {
        self.batches.iter().map(|batch| batch.bytes.len()).sum()
    }
}

async fn fetch(inner: &Arc<Inner>, spec: &FetchSpec) -> FetchResult {
    let wanted = u64::from(spec.min_bytes.min(spec.max_bytes));
    // Decided by a shard at most once per fetch: an epoch the client read to the end does not end again.
    let diverging = diverging(inner, spec).await;
    let mut stopping = None;
    let mut sleep = None;
    let mut expired = spec.max_wait.is_zero() || spec.partitions.is_empty();
    loop {
        let seen = seen(spec);
        let available = available(inner, spec);
        let mut missing = wanted.saturating_sub(available).max(1);
        if expired || available >= wanted {
            let result = read_all(inner, spec, &diverging).await;
            let bytes: usize = result.partitions.iter().flatten().map(Fetched::bytes).sum();
            let now = result.partitions.iter().any(|one| one.as_ref().map_or(true, |one| one.diverging.is_some()));
            if expired || now || bytes > 0 || wanted == 0 {
                return result;
            }
            // Compaction left nothing between the wanted offset and the end: that is not data.
            missing = wanted.max(1);
        }
        let parked = Parked::register(inner, spec, missing);
        let stopping = stopping.get_or_insert_with(|| inner.stopping.subscribe());
        let Some(parked) = parked.filter(|_| !*stopping.borrow_and_update()) else {
            expired = true;
            continue;
        };
        // Something may have happened between looking and being registered.
        if self::seen(spec) != seen {
            continue;
        }
        let sleep = sleep.get_or_insert_with(|| inner.host.sleep(spec.max_wait));
        let mut woken = pin!(parked.waiter.woken());
        let mut stop = pin!(stopping.changed());
        let timed_out = poll_fn(|cx| {
            if woken.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            if stop.as_mut().poll(cx).is_ready() || sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            Poll::Pending
        })
        .await;
        expired |= timed_out;
    }
}

/// What a decision to park is based on: high watermarks, and whether the partitions exist.
fn seen(spec: &FetchSpec) -> Vec<(Offset, bool)> {
    let views = spec.partitions.iter().map(|one| one.partition.view());
    views.map(|view| (view.end(), view.is_deleted())).collect()
}

/// Bytes that could be answered now, or "enough" when something must be answered at once.
fn available(inner: &Inner, spec: &FetchSpec) -> u64 {
    let mut sum = 0_u64;
    for one in &spec.partitions {
        let view = one.partition.view();
        let end = view.end();
        if view.is_deleted() || one.from > end || one.from < view.log_start() || wrong_epoch(one).is_some() {
            return u64::MAX;
        }
        if one.from < end {
            // Whether there is anything is all that the usual fetch wants to know.
            let bytes = match spec.min_bytes {
                0 | 1 => 1,
                _ => inner.store_of(view.entity()).bytes_in(view.entity(), one.from..end).max(1),
            };
            sum = sum.saturating_add(bytes.min(u64::from(one.max_bytes).max(1)));
        }
    }
    sum
}

fn wrong_epoch(one: &FetchPartition) -> Option<FetchError> {
    let (asked, current) = (one.current_leader_epoch?, one.partition.view().leader_epoch());
    match asked.cmp(&current) {
        std::cmp::Ordering::Less => Some(FetchError::FencedEpoch { current }),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(FetchError::UnknownEpoch { current }),
    }
}

/// For partitions whose client last read in an epoch that is over: where it ended, if that contradicts what the client has.
async fn diverging(inner: &Arc<Inner>, spec: &FetchSpec) -> Vec<(usize, Result<EpochEnd, FetchError>)> {
    let mut found = Vec::new();
    for (at, one) in spec.partitions.iter().enumerate() {
        let Some(epoch) = one.last_fetched_epoch else { continue };
        let view = one.partition.view();
        if epoch == view.leader_epoch() || view.is_deleted() {
            continue;
        }
        let partition = one.partition.clone();
        let answer = inner.call(view.entity(), move |shard, reply| shard.epoch_end(&partition, epoch, reply)).await;
        match answer {
            Ok(Ok(Some(end))) if end.epoch < epoch || end.end < one.from => found.push((at, Ok(end))),
            Ok(Ok(Some(_))) => {}
            // An epoch that is not known: the client is told to start over.
            Ok(Ok(None)) => {
                let (log_start, end) = (view.log_start(), view.end());
                found.push((at, Err(FetchError::OutOfRange { from: one.from, log_start, end })));
            }
            Ok(Err(_)) | Err(_) => found.push((at, Err(FetchError::UnknownPartition))),
        }
    }
    found
}

async fn read_all(
    inner: &Arc<Inner>,
    spec: &FetchSpec,
    diverging: &[(usize, Result<EpochEnd, FetchError>)],
) -> FetchResult {
    let mut room = (spec.max_bytes as usize).min(inner.config.fetch_bytes_max);
    let mut first = true;
    let mut partitions = Vec::with_capacity(spec.partitions.len());
    for (at, one) in spec.partitions.iter().enumerate() {
        let known = diverging.iter().find(|(index, _)| *index == at).map(|(_, known)| known);
        let result = match known {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(end)) => fetched(one).map(|fetched| Fetched { diverging: Some(*end), ..fetched }),
            None => read_one(inner, one, room, first).await,
        };
        if let Ok(fetched) = &result {
            room = room.saturating_sub(fetched.bytes());
            first &= fetched.batches.is_empty();
        }
        partitions.push(result);
    }
    FetchResult { partitions }
}

/// The watermarks, if the fetch is possible at all.
fn fetched(one: &FetchPartition) -> Result<Fetched, FetchError> {
    let view = one.partition.view();
    if view.is_deleted() {
        return Err(FetchError::UnknownPartition);
    }
    if let Some(wrong) = wrong_epoch(one) {
        return Err(wrong);
    }
    let (log_start, end) = (view.log_start(), view.end());
    if one.from < log_start || one.from > end {
        return Err(FetchError::OutOfRange { from: one.from, log_start, end });
    }
    Ok(Fetched { log_start, end, batches: Vec::new(), diverging: None })
}

async fn read_one(inner: &Arc<Inner>, one: &FetchPartition, room: usize, first: bool) -> Result<Fetched, FetchError> {
    let mut found = fetched(one)?;
    let limit = room.min(one.max_bytes as usize);
    if one.from == found.end || (limit == 0 && !first) {
        return Ok(found);
    }
    let entity = one.partition.entity();
    let mut batches = super::read::read(inner, entity, one.from, found.end, limit).await?;
    // The first batch of the whole answer is returned whatever its size, or a consumer would stall (KIP-74); every other must fit.
    let mut size = 0;
    let fit = batches.iter().enumerate().take_while(|(at, batch)| {
        size += batch.bytes.len();
        size <= limit || (first && *at == 0)
    });
    let fit = fit.count();
    batches.truncate(fit);
    // What was read may have been trimmed or deleted meanwhile: then it must not look like a gap.
    let after = fetched(one)?;
    found.log_start = after.log_start;
    found.batches = batches;
    Ok(found)
}

/// A fetch that is registered with its partitions. Dropping it takes it out again.
struct Parked<'a> {
    inner: &'a Inner,
    partitions: &'a [FetchPartition],
    waiter: Arc<Waiter>,
}

impl<'a> Parked<'a> {
    /// `None` when too many are parked already.
    fn register(inner: &'a Inner, spec: &'a FetchSpec, missing: u64) -> Option<Self> {
        if inner.counters.fetches_parked.get() >= inner.config.fetch_waiters_max as u64 {
            return None;
        }
        inner.counters.fetches_parked.add(1);
        let waiter = Waiter::new(missing);
        for one in &spec.partitions {
            one.partition.view().register(&waiter);
        }
        Some(Self { inner, partitions: &spec.partitions, waiter })
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        for one in self.partitions {
            one.partition.view().unregister(&self.waiter);
        }
        self.inner.counters.fetches_parked.sub(1);
    }
}
