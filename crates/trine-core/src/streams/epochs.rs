//! Leader epochs: how clients notice that a log may have lost its unsynced end (reference: OffsetForLeaderEpoch).

use trine_types::Offset;

use crate::codec::{DecodeError, Reader, Writer};

/// Epochs of a partition and where each began. An epoch nobody wrote in is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Epochs {
    current: i32,
    /// (epoch, first offset), rising in both; empty means that epoch 0 began at 0.
    starts: Vec<(i32, Offset)>,
}

/// Answer to "where does this epoch end?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch ≤ the asked one.
    pub epoch: i32,
    /// The first offset after it.
    pub end: Offset,
}

impl Epochs {
    /// The current epoch, 0 for a new partition.
    #[must_use]
    pub const fn current(&self) -> i32 {
        self.current
    }

    pub(super) fn raise(&mut self, epoch: i32, end: Offset) {
        self.current = epoch;
        // Two raises without a write between them: the later one takes the place of the earlier.
        while self.starts.last().is_some_and(|(_, start)| *start >= end) {
            self.starts.pop();
        }
        if self.starts.is_empty() && end > 0 && epoch > 0 {
            self.starts.push((0, 0));
        }
        self.starts.push((epoch, end));
    }

    /// Forgets epochs that ended at or before the log start, but for the one that contains it.
    pub(super) fn trim(&mut self, log_start: Offset) {
        let keep = self.starts.partition_point(|(_, start)| *start <= log_start).saturating_sub(1);
        self.starts.drain(..keep);
    }

    /// Where the largest epoch ≤ `asked` ends; `None` when the epoch is unknown: larger than the current one, or older than what is kept.
    #[must_use]
    pub fn end_of(&self, asked: i32, end: Offset) -> Option<EpochEnd> {
        if asked > self.current || asked < 0 {
            return None;
        }
        if self.starts.is_empty() {
            return Some(EpochEnd { epoch: self.current.min(asked), end });
        }
        let next = self.starts.partition_point(|(epoch, _)| *epoch <= asked);
        let epoch = self.starts.get(next.checked_sub(1)?)?.0;
        Some(EpochEnd { epoch, end: self.starts.get(next).map_or(end, |(_, start)| *start) })
    }

    /// The epoch in which `offset` was written.
    #[must_use]
    pub fn at(&self, offset: Offset) -> i32 {
        match self.starts.partition_point(|(_, start)| *start <= offset) {
            0 if self.starts.is_empty() => self.current,
            0 => self.starts[0].0,
            n => self.starts[n - 1].0,
        }
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.i32(self.current);
        w.var(self.starts.len() as u64);
        for (epoch, start) in &self.starts {
            w.i32(*epoch);
            w.var(*start);
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let current = r.i32()?;
        let n = r.count()?;
        let mut starts = Vec::new();
        for _ in 0..n {
            starts.push((r.i32()?, r.var()?));
        }
        Ok(Self { current, starts })
    }
}
