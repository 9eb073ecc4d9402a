//! A partition in a checkpoint.

use bytes::Bytes;

use super::epochs::Epochs;
use super::producers::Producers;
use super::{LogicalSegment, Partition};
use crate::codec::{DecodeError, Reader, Writer};

const VERSION: u8 = 1;

impl Partition {
    /// The whole state.
    #[must_use]
    pub fn encode_section(&self) -> Bytes {
        let mut w = Writer::new();
        w.u8(VERSION);
        w.var(self.log_start);
        w.var(self.end);
        w.var(self.cleaned_to);
        self.epochs.encode(&mut w);
        w.var(self.segments.len() as u64);
        for segment in &self.segments {
            segment.encode(&mut w);
        }
        self.producers.encode(&mut w);
        w.finish()
    }

    /// The state back from [`Partition::encode_section`].
    pub fn decode_section(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "a partition's checkpoint section");
        if r.u8()? != VERSION {
            return r.fail();
        }
        let (log_start, end, cleaned_to) = (r.var()?, r.var()?, r.var()?);
        let epochs = Epochs::decode(&mut r)?;
        let mut segments = Vec::new();
        for _ in 0..r.count()? {
            segments.push(LogicalSegment::decode(&mut r)?);
        }
        let producers = Producers::decode(&mut r)?;
        r.end()?;
        if log_start > end {
            return r.fail();
        }
        Ok(Self { log_start, end, cleaned_to, epochs, segments, producers })
    }
}
