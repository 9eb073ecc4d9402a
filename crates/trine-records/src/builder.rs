//! Building batches: compaction, the CLI's produce, load generators, tests.

use bytes::Bytes;
use trine_types::Offset;

use crate::{
    codec::{self, Codec, CodecError, Compression},
    header::{Attributes, BATCH_HEADER_BYTES, BatchHeader, NO_PRODUCER, NO_SEQUENCE, NO_TIMESTAMP, seal},
    record::{Header, put_record},
};

/// Largest batch that can be built, bytes: far above every limit of a server, so that lengths always fit their fields.
const BUILD_BYTES_MAX: usize = 1 << 30;

/// Why a batch could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The records together exceed 1 GiB.
    #[error("a batch cannot hold more than {BUILD_BYTES_MAX} bytes")]
    TooLarge,
    /// Compression failed.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Collects records and makes a batch of them. Timestamps are relative to the first record's.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    compression: Compression,
    attributes: Attributes,
    base_offset: Offset,
    leader_epoch: i32,
    producer: (i64, i16, i32),
    base_timestamp: i64,
    max_timestamp: i64,
    count: i32,
    /// Room for the header, then the records.
    batch: Vec<u8>,
    too_large: bool,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl BatchBuilder {
    /// An empty, uncompressed batch as a client without idempotence sends it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            compression: Compression { codec: Codec::None, level: None },
            attributes: Attributes(0),
            base_offset: 0,
            leader_epoch: -1,
            producer: (NO_PRODUCER, -1, NO_SEQUENCE),
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            count: 0,
            batch: Vec::new(),
            too_large: false,
        }
    }

    /// The same with memory for so many bytes of records, so that they are not moved while the batch grows.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        Self { batch: Vec::with_capacity(BATCH_HEADER_BYTES + bytes), ..Self::new() }
    }

    /// Compresses the records.
    #[must_use]
    pub fn compression(mut self, compression: impl Into<Compression>) -> Self {
        self.compression = compression.into();
        self
    }

    /// Marks the batch as an idempotent producer's.
    #[must_use]
    pub const fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        self.producer = (id, epoch, base_sequence);
        self
    }

    /// Marks the batch as part of a transaction.
    #[must_use]
    pub const fn transactional(mut self) -> Self {
        self.attributes = self.attributes.with_transactional();
        self
    }

    /// Sets what a broker assigns: the first offset and the leader epoch.
    #[must_use]
    pub const fn stored_at(mut self, base_offset: Offset, leader_epoch: i32) -> Self {
        self.base_offset = base_offset;
        self.leader_epoch = leader_epoch;
        self
    }

    /// Adds a record; its offset is the next one. Timestamps are milliseconds, [`NO_TIMESTAMP`] for none.
    pub fn push(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) {
        let size = key.map_or(0, <[u8]>::len)
            + value.map_or(0, <[u8]>::len)
            + headers.iter().map(|h| h.key.len() + h.value.map_or(0, <[u8]>::len)).sum::<usize>();
        if self.too_large || self.batch.len().saturating_add(size) > BUILD_BYTES_MAX {
            self.too_large = true;
            return;
        }
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        if self.batch.is_empty() {
            self.batch.resize(BATCH_HEADER_BYTES, 0);
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let delta = timestamp.saturating_sub(self.base_timestamp);
        put_record(&mut self.batch, delta, self.count, key, value, headers.iter().copied());
        self.count += 1;
    }

    /// Records so far.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count as u32
    }

    /// Bytes of the batch so far, before compression.
    #[must_use]
    pub const fn uncompressed_bytes(&self) -> usize {
        let bytes = self.batch.len();
        if bytes == 0 { BATCH_HEADER_BYTES } else { bytes }
    }

    /// The batch. An empty one announces no records and covers one offset position less than none; servers refuse it.
    pub fn build(self) -> Result<Bytes, BuildError> {
        if self.too_large {
            return Err(BuildError::TooLarge);
        }
        let header = BatchHeader {
            base_offset: self.base_offset as i64,
            batch_length: 0,
            leader_epoch: self.leader_epoch,
            crc: 0,
            attributes: self.attributes.with_codec(self.compression.codec),
            last_offset_delta: self.count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer.0,
            producer_epoch: self.producer.1,
            base_sequence: self.producer.2,
            record_count: self.count,
        };
        if self.compression.codec != Codec::None {
            let records = self.batch.get(BATCH_HEADER_BYTES..).unwrap_or_default();
            return Ok(assemble(header, self.compression, records)?);
        }
        // In front of the records, which stay where they are.
        let mut batch = self.batch;
        if batch.is_empty() {
            batch.resize(BATCH_HEADER_BYTES, 0);
        }
        let mut head = Vec::with_capacity(BATCH_HEADER_BYTES);
        header.put(&mut head);
        if let Some(room) = batch.get_mut(..BATCH_HEADER_BYTES) {
            room.copy_from_slice(&head);
        }
        seal(&mut batch);
        Ok(Bytes::from(batch))
    }
}

/// One batch from a header and uncompressed records; codec, length and checksum are filled in.
pub(crate) fn assemble(mut header: BatchHeader, compression: Compression, records: &[u8]) -> Result<Bytes, CodecError> {
    header.attributes = header.attributes.with_codec(compression.codec);
    let mut out = Vec::with_capacity(BATCH_HEADER_BYTES + records.len());
    header.put(&mut out);
    codec::compress(compression, records, &mut out)?;
    seal(&mut out);
    Ok(Bytes::from(out))
}

#[cfg(test)]
mod tests;
