//! The fixed 61 bytes of a batch (reference §3.1) and what may be changed in place.

use trine_types::Offset;

use crate::codec::{Codec, CodecError};

/// Bytes before the records.
pub const BATCH_HEADER_BYTES: usize = 61;
/// Bytes before the part that the length field counts.
pub(crate) const LENGTH_END: usize = 12;
/// First byte under the checksum.
pub(crate) const CRC_START: usize = 21;
/// Timestamp of a record without one.
pub const NO_TIMESTAMP: i64 = -1;
/// Producer id of a batch without one.
pub const NO_PRODUCER: i64 = -1;
/// Base sequence of a batch without one.
pub const NO_SEQUENCE: i32 = -1;

const MAGIC: u8 = 2;

/// Why bytes are not a sound batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch is truncated: {have} bytes of {need}")]
    Truncated { have: usize, need: usize },
    /// The length field is smaller than a header.
    #[error("the batch length {0} is smaller than a batch header")]
    Length(i32),
    /// Not format 2.
    #[error("the batch has format {0}; only format 2 is supported")]
    Magic(u8),
    /// The checksum does not match.
    #[error("the checksum of the batch is {stored:08x} but its bytes give {computed:08x}")]
    Crc { stored: u32, computed: u32 },
    /// The records could not be decompressed.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A record's bytes make no sense.
    #[error("record {index} of the batch is malformed: {what}")]
    Record { index: u32, what: &'static str },
    /// The header announces another number of records than there are.
    #[error("the batch announces {announced} records but has {found}")]
    Count { announced: i32, found: u32 },
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes(pub u16);

impl Attributes {
    const CODEC: u16 = 0b111;
    const LOG_APPEND_TIME: u16 = 1 << 3;
    const TRANSACTIONAL: u16 = 1 << 4;
    const CONTROL: u16 = 1 << 5;
    const DELETE_HORIZON: u16 = 1 << 6;

    /// How the records are compressed; an error for ids 5 to 7.
    pub const fn codec(self) -> Result<Codec, CodecError> {
        Codec::from_id(self.0 & Self::CODEC)
    }

    /// Record timestamps are the batch's max timestamp, set by the broker.
    #[must_use]
    pub const fn log_append_time(self) -> bool {
        self.0 & Self::LOG_APPEND_TIME != 0
    }

    /// Part of a transaction.
    #[must_use]
    pub const fn transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// A marker that only a broker writes.
    #[must_use]
    pub const fn control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// `base_timestamp` is the time after which compaction may drop the tombstones of this batch.
    #[must_use]
    pub const fn delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    #[must_use]
    pub(crate) const fn with_codec(self, codec: Codec) -> Self {
        Self((self.0 & !Self::CODEC) | codec.id())
    }

    #[must_use]
    pub(crate) const fn with_log_append_time(self) -> Self {
        Self(self.0 | Self::LOG_APPEND_TIME)
    }

    #[must_use]
    pub(crate) const fn with_transactional(self) -> Self {
        Self(self.0 | Self::TRANSACTIONAL)
    }

    #[must_use]
    pub(crate) const fn with_delete_horizon(self) -> Self {
        Self(self.0 | Self::DELETE_HORIZON)
    }
}

/// The header of a batch, decoded. Fields are as on the wire; nothing but length and format was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    /// Offset of the first record; 0 from a client.
    pub base_offset: i64,
    /// Bytes after this field (total − 12), at least 49.
    pub batch_length: i32,
    /// Leader epoch of the append; -1 from a client.
    pub leader_epoch: i32,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type and flags.
    pub attributes: Attributes,
    /// Offset of the last record relative to the base (kept by compaction).
    pub last_offset_delta: i32,
    /// What record timestamps are relative to, ms.
    pub base_timestamp: i64,
    /// Largest record timestamp, ms, or the append time.
    pub max_timestamp: i64,
    /// [`NO_PRODUCER`] unless idempotent.
    pub producer_id: i64,
    /// -1 unless idempotent.
    pub producer_epoch: i16,
    /// [`NO_SEQUENCE`] unless idempotent.
    pub base_sequence: i32,
    /// Records that follow, says the sender.
    pub record_count: i32,
}

impl BatchHeader {
    /// Decodes the header at the start of `bytes`, which must hold at least the 61 header bytes (more may follow, less than the whole batch is fine).
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let Some(head) = bytes.first_chunk::<BATCH_HEADER_BYTES>() else {
            return Err(BatchError::Truncated { have: bytes.len(), need: BATCH_HEADER_BYTES });
        };
        if head[16] != MAGIC {
            return Err(BatchError::Magic(head[16]));
        }
        let header = Self {
            base_offset: i64::from_be_bytes(at(head, 0)),
            batch_length: i32::from_be_bytes(at(head, 8)),
            leader_epoch: i32::from_be_bytes(at(head, 12)),
            crc: u32::from_be_bytes(at(head, 17)),
            attributes: Attributes(u16::from_be_bytes(at(head, 21))),
            last_offset_delta: i32::from_be_bytes(at(head, 23)),
            base_timestamp: i64::from_be_bytes(at(head, 27)),
            max_timestamp: i64::from_be_bytes(at(head, 35)),
            producer_id: i64::from_be_bytes(at(head, 43)),
            producer_epoch: i16::from_be_bytes(at(head, 51)),
            base_sequence: i32::from_be_bytes(at(head, 53)),
            record_count: i32::from_be_bytes(at(head, 57)),
        };
        if header.batch_length < (BATCH_HEADER_BYTES - LENGTH_END) as i32 {
            return Err(BatchError::Length(header.batch_length));
        }
        Ok(header)
    }

    /// Bytes of the whole batch, header included.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        // parse refused anything below 49.
        LENGTH_END + self.batch_length as usize
    }

    /// Offset of the record at `delta`. Saturates: a stored batch has a sound base, a hostile one must not panic.
    #[must_use]
    pub const fn offset_at(&self, delta: i32) -> Offset {
        let offset = self.base_offset.saturating_add(delta as i64);
        if offset < 0 { 0 } else { offset as u64 }
    }

    /// Offset of the last record position.
    #[must_use]
    pub const fn last_offset(&self) -> Offset {
        self.offset_at(self.last_offset_delta)
    }

    /// Sequence number of the last record, wrapping from 2^31-1 to 0; [`NO_SEQUENCE`] without a producer.
    #[must_use]
    pub const fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            NO_SEQUENCE
        } else {
            ((self.base_sequence as i64 + self.last_offset_delta as i64) & 0x7fff_ffff) as i32
        }
    }

    /// Checks the checksum of a whole batch (`bytes` may be longer).
    pub fn check_crc(&self, bytes: &[u8]) -> Result<(), BatchError> {
        let need = self.total_bytes();
        let Some(covered) = bytes.get(CRC_START..need) else {
            return Err(BatchError::Truncated { have: bytes.len(), need });
        };
        let computed = crc32c::crc32c(covered);
        if computed == self.crc { Ok(()) } else { Err(BatchError::Crc { stored: self.crc, computed }) }
    }

    /// The record bytes of a whole batch, as stored (compressed or not).
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], BatchError> {
        let need = self.total_bytes();
        bytes.get(BATCH_HEADER_BYTES..need).ok_or(BatchError::Truncated { have: bytes.len(), need })
    }

    /// Writes the header; checksum and length are as the fields say.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.base_offset.to_be_bytes());
        out.extend_from_slice(&self.batch_length.to_be_bytes());
        out.extend_from_slice(&self.leader_epoch.to_be_bytes());
        out.push(MAGIC);
        out.extend_from_slice(&self.crc.to_be_bytes());
        out.extend_from_slice(&self.attributes.0.to_be_bytes());
        out.extend_from_slice(&self.last_offset_delta.to_be_bytes());
        out.extend_from_slice(&self.base_timestamp.to_be_bytes());
        out.extend_from_slice(&self.max_timestamp.to_be_bytes());
        out.extend_from_slice(&self.producer_id.to_be_bytes());
        out.extend_from_slice(&self.producer_epoch.to_be_bytes());
        out.extend_from_slice(&self.base_sequence.to_be_bytes());
        out.extend_from_slice(&self.record_count.to_be_bytes());
    }
}

fn at<const N: usize>(head: &[u8; BATCH_HEADER_BYTES], from: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&head[from..from + N]);
    out
}

fn put_at(batch: &mut [u8], from: usize, bytes: &[u8]) {
    // A slice shorter than a header is not a batch: nothing to set.
    if let Some(field) = batch.get_mut(from..from + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

/// Sets the offset of the first record. Outside the checksum. Nothing happens to bytes shorter than the field's end.
pub fn set_base_offset(batch: &mut [u8], base: Offset) {
    put_at(batch, 0, &base.to_be_bytes());
}

/// Sets the leader epoch. Outside the checksum. Nothing happens to bytes shorter than the field's end.
pub fn set_leader_epoch(batch: &mut [u8], epoch: i32) {
    put_at(batch, 12, &epoch.to_be_bytes());
}

/// Sets the max timestamp of one whole batch, with `log_append` also its timestamp type, and the new checksum.
/// Nothing happens to bytes shorter than a header.
pub fn set_max_timestamp(batch: &mut [u8], max_timestamp: i64, log_append: bool) {
    if batch.len() < BATCH_HEADER_BYTES {
        return;
    }
    put_at(batch, 35, &max_timestamp.to_be_bytes());
    if log_append {
        let attributes = Attributes(u16::from_be_bytes([batch[21], batch[22]])).with_log_append_time();
        put_at(batch, 21, &attributes.0.to_be_bytes());
    }
    seal(batch);
}

/// Writes length and checksum of one whole batch of at least a header.
pub(crate) fn seal(batch: &mut [u8]) {
    let length = (batch.len() - LENGTH_END) as u32;
    put_at(batch, 8, &length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[CRC_START..]);
    put_at(batch, 17, &crc.to_be_bytes());
}

/// The batches of a fetched or stored run of bytes, each with its header. Ends silently before an incomplete last batch (a fetch may cut one off); a
/// malformed header ends it with an error.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// The batches in `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.len() < BATCH_HEADER_BYTES {
            return None;
        }
        match BatchHeader::parse(self.rest) {
            Ok(header) => {
                let (batch, rest) = self.rest.split_at_checked(header.total_bytes())?;
                self.rest = rest;
                Some(Ok((header, batch)))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
