//! Comparing what a store reads with what the model knows.

use std::ops::Range;

use trine_storage::{ReadError, ShardStore, StoredBatch, Where};
use trine_types::{EntityId, Offset};

use super::{
    Check, ensure,
    model::{Runs, State},
};

/// How one read went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Read {
    /// As many record batches were right; the next read starts here, unless everything was read.
    Right { batches: u64, next: Option<Offset> },
    /// The store did not want to wait for the disk.
    Waits,
    /// The disk failed.
    Io,
    /// The store says that the bytes are damaged.
    Corrupt(Where),
}

/// What to read.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) entity: EntityId,
    pub(super) range: Range<Offset>,
    pub(super) max_bytes: usize,
    pub(super) may_block: bool,
}

/// Reads and compares. Runs without a live offset may be missing, but what comes must be right.
pub(super) fn read(store: &dyn ShardStore, state: &State, runs: &Runs, ask: &Ask) -> Check<Read> {
    let Ask { entity, range, max_bytes, may_block, .. } = ask;
    match store.read(*entity, range.start, range.end, *max_bytes, *may_block) {
        Ok(batches) => compare(&batches, state, runs, ask),
        Err(ReadError::WouldBlock) => {
            ensure!(!may_block, "a read of {entity} that may wait did not");
            Ok(Read::Waits)
        }
        Err(ReadError::Io(_)) => Ok(Read::Io),
        Err(ReadError::Corrupt(place)) => Ok(Read::Corrupt(place)),
    }
}

fn compare(batches: &[StoredBatch], state: &State, runs: &Runs, ask: &Ask) -> Check<Read> {
    let Ask { entity, range, .. } = ask;
    let first = runs.range(..=range.start).next_back().filter(|(base, run)| *base + u64::from(run.count) > range.start);
    let first = first.map_or(range.start, |(base, _)| *base);
    let mut expected = runs.range(first..).peekable();
    for batch in batches {
        ensure!(batch.base < range.end, "a read of {entity} in {range:?} returned offset {}", batch.base);
        loop {
            let Some((&base, run)) = expected.next() else {
                return Err(format!("a read of {entity} in {range:?} returned offset {} that never was", batch.base));
            };
            if base == batch.base {
                ensure!(batch.count == run.count, "{entity} offset {base}: {} offsets for {}", batch.count, run.count);
                ensure!(
                    batch.bytes == run.bytes,
                    "{entity} offset {base}: wrong bytes ({})",
                    difference(&batch.bytes, &run.bytes)
                );
                break;
            }
            ensure!(base < batch.base, "a read of {entity} returned offset {}, not {base}", batch.base);
            ensure!(
                !state.any_live(base..base + u64::from(run.count)),
                "a read of {entity} in {range:?} skipped offset {base} and went on at {}",
                batch.base
            );
        }
    }
    // A read may end early with something: by the bytes asked for, which a store counts roughly; by what is only on the disk, for who does not want to
    // wait; by an error, which then meets the next read. It may not end early with nothing.
    for (&base, run) in expected.take_while(|(base, _)| **base < range.end) {
        if state.any_live(base.max(range.start)..range.end.min(base + u64::from(run.count))) {
            let next = batches.last().map(StoredBatch::end);
            ensure!(next.is_some(), "a read of {entity} in {range:?} found nothing, not even offset {base}");
            return Ok(Read::Right { batches: batches.len() as u64, next });
        }
    }
    Ok(Read::Right { batches: batches.len() as u64, next: None })
}

fn difference(a: &[u8], b: &[u8]) -> String {
    let at = a.iter().zip(b).position(|(a, b)| a != b);
    format!("lengths {} and {}, first difference at {at:?}", a.len(), b.len())
}

/// Reads all of an entity that is live, and compares. Returns how many record batches came, and what ended it early.
pub(super) fn read_all(
    store: &dyn ShardStore,
    entity: EntityId,
    state: &State,
    runs: &Runs,
    max_bytes: usize,
) -> Check<(u64, Option<Read>)> {
    let (mut from, mut total) = (state.start, 0);
    loop {
        let ask = Ask { entity, range: from..state.next, max_bytes, may_block: true };
        match read(store, state, runs, &ask)? {
            Read::Right { batches, next: None } => return Ok((total + batches, None)),
            Read::Right { batches, next: Some(next) } => {
                ensure!(next > from, "a read of {entity} from {from} ended at {next}");
                (from, total) = (next, total + batches);
            }
            other => return Ok((total, Some(other))),
        }
    }
}

/// Checks that looking for a time does not lead past a record that has it.
pub(super) fn find_time(store: &dyn ShardStore, entity: EntityId, state: &State, runs: &Runs, ts: i64) -> Check {
    let live = |(base, run): &(&Offset, &super::model::Stored)| state.any_live(**base..**base + u64::from(run.count));
    let Some((&first, _)) = runs.iter().filter(live).find(|(_, run)| run.max_ts >= ts) else {
        return Ok(());
    };
    match store.find_time(entity, ts) {
        Some(found) if found <= first => Ok(()),
        found => Err(format!("looking for time {ts} in {entity} leads to {found:?}, past offset {first}")),
    }
}
